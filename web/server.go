package web

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/domain/fault"
)

// The limits of a connection and a request. A request must arrive, be worked
// on and be answered within them; a transfer of a whole file has its own.
const (
	HeaderTimeout  = 5 * time.Second
	ReadTimeout    = 15 * time.Second
	WorkTimeout    = 15 * time.Second // of the request's context
	PassTimeout    = 5 * time.Second  // for the gate to say who may pass
	WriteTimeout   = 40 * time.Second
	IdleTimeout    = 2 * time.Minute
	MaxHeaderBytes = 16 << 10
	FileTimeout    = 3 * time.Minute // for a file to arrive or leave, its work included
)

// Server returns a server for handler with the limits of this package.
func Server(addr string, handler http.Handler) *http.Server {
	stopping := make(chan struct{})
	server := &http.Server{
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), stoppingKey{}, (<-chan struct{})(stopping))
		},
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: HeaderTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
	}
	// Streams would be waited for otherwise.
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(stopping) }))
	return server
}

// ForFile gives a request that carries a file the time that a slow line needs,
// counted from now.
func ForFile(c *gin.Context) {
	control := http.NewResponseController(c.Writer)
	until := time.Now().Add(FileTimeout)
	// A writer without deadlines (a test's recorder) has none to extend.
	_ = control.SetReadDeadline(until)
	_ = control.SetWriteDeadline(until)
	stateOf(c).extend(c, FileTimeout)
}

// NotFound answers a path that is no route.
func NotFound(c *gin.Context) {
	Fail(c, fault.New(fault.NotFound, "There is no such resource."))
}

// MethodNotAllowed answers a method that a path does not have; the header
// Allow names those that it has.
func MethodNotAllowed(c *gin.Context) {
	Fail(c, fault.New(fault.MethodNotAllowed, "This resource does not have that method."))
}
