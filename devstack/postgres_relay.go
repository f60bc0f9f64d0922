package devstack

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// relay is a Maven repository on loopback that passes on what another one has.
// The library that unpacks PostgreSQL also downloads it, in one piece, and cannot
// be stopped: here is seen how much has arrived, and the download ends with ctx.
type relay struct {
	url      string // of this repository
	from     string // the address of the other one
	received *atomic.Int64
	server   *http.Server
}

// startRelay starts a relay that the caller closes. It counts the bytes that are
// received, and fail is told why something could not be passed on.
func startRelay(ctx context.Context, from string, received *atomic.Int64, fail context.CancelCauseFunc) (*relay, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the fetch of PostgreSQL: %w", err)
	}
	r := &relay{url: "http://" + listener.Addr().String(), from: from, received: received}
	r.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if err := r.pass(ctx, w, request.URL.Path); err != nil {
			fail(err)
			panic(http.ErrAbortHandler) // what is cut short must not look whole
		}
	})}
	go func() { _ = r.server.Serve(listener) }() // it ends when it is closed
	return r, nil
}

func (r *relay) close() { _ = r.server.Close() } // nothing depends on it any more

func (r *relay) pass(ctx context.Context, w http.ResponseWriter, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.from+path, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{}).Do(request) // ctx ends it
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(response.ContentLength, 10))
	}
	w.WriteHeader(response.StatusCode)
	_, err = io.Copy(w, io.TeeReader(response.Body, r))
	return err
}

// Write counts what is received.
func (r *relay) Write(p []byte) (int, error) {
	r.received.Add(int64(len(p)))
	return len(p), nil
}
