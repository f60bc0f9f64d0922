package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"kibali/cmd/kibali/config"
)

type healthCommand struct {
	config.Operations
	URL string `name:"url" placeholder:"URL" help:"What to ask, if not /readyz on this machine."`
}

// Run asks once.
func (c healthCommand) Run(ctx context.Context, term terminal) error {
	url := c.URL
	if url == "" {
		var problems config.Problems
		address := c.Address(&problems)
		if err := problems.Err(); err != nil {
			return err
		}
		url = "http://" + reachable(address) + "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := new(http.Client).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(term.out, io.LimitReader(answer.Body, 4<<10)); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", answer.Status)
	}
	return nil
}

// reachable is an address to call for one that is listened on.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}
