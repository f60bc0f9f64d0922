package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"kibali/cmd/kibali/operations"
	"kibali/domain/fault"
	"kibali/web"
)

// FinishTimeout is how long requests in hand may go on after the server is told
// to stop.
const FinishTimeout = web.FileTimeout + 5*time.Second

// Listen opens an address; flag is the setting that it comes from. It returns a
// fault.Conflict that says what to do when the address is taken.
func Listen(ctx context.Context, address, flag string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fault.New(fault.Conflict,
			"%s is in use by another program; stop that one, or choose another address with %s (port 0 picks a free one)", address, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s, which %s sets: %w", address, flag, err)
	}
	return listener, nil
}

// Serve answers requests on the listener until ctx ends. Then it makes health
// say so, goes on for the given pause, stops accepting and waits for the
// requests in hand.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, health *operations.Health, pause time.Duration) error {
	server := web.Server(listener.Addr().String(), handler)
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // what clients did wrong with TLS or headers
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	health.Stop()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(pause):
	}
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), FinishTimeout)
	defer cancel()
	if err := server.Shutdown(finishing); err != nil {
		_ = server.Close()
		return fmt.Errorf("requests were still in hand after %v: %w", FinishTimeout, err)
	}
	return nil
}

// ServeOperations answers health and metrics on the listener until the returned
// function is called.
func ServeOperations(listener net.Listener, health *operations.Health, metrics *operations.Metrics, log *slog.Logger) (stop func()) {
	server := web.Server(listener.Addr().String(), operations.Handler(health, metrics))
	server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("health and metrics are gone", "cause", err.Error())
		}
	}()
	return func() { _ = server.Close() }
}
