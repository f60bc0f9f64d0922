package development

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"

	"kibali/cmd/kibali/process"
	"kibali/web"
)

// gate keeps requests out until everything is ready: the port is taken at once,
// so that a port in use is told at once.
type gate struct{ handler atomic.Pointer[http.Handler] }

func (g *gate) open(handler http.Handler) { g.handler.Store(&handler) }

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if handler := g.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, `{"title":"Service Unavailable","status":503,"code":"unavailable","detail":"Kibali is starting or stopping."}`)
}

// openGate begins to answer on the listener.
func (s *system) openGate(context.Context) error {
	s.gate = &gate{}
	server := web.Server(s.listener.Addr().String(), s.gate)
	go func() {
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("the API has ended: %w", err)
		}
	}()
	s.closeGate = func() error { return finish(server) }
	if address, ok := s.listener.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() {
		s.say("careful: %s can be reached from other machines, and the inbox asks for no credential", s.listener.Addr())
	}
	return nil
}

// finish stops accepting and waits for the requests in hand.
func finish(server *http.Server) error {
	finishing, cancel := context.WithTimeout(context.Background(), process.FinishTimeout)
	defer cancel()
	if err := server.Shutdown(finishing); err != nil {
		_ = server.Close()
		return fmt.Errorf("requests were still in hand after %v: %w", process.FinishTimeout, err)
	}
	return nil
}
