package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kibali/web"
)

// live measures what open consoles cost: connections to the database, and
// memory of serve when each has heard of a change.
func (b *consoleBench) live(ctx context.Context, _ consoleCommand) error {
	fmt.Printf("\n%d open consoles\n", openConsoles)
	client := &httpClient{address: b.serve.address}
	defer client.close()
	// What every serve needs once it has shown a page is nobody's console.
	if _, err := client.do(ctx, b.asStaff("/console/users")); err != nil {
		return err
	}
	before, listening := b.serve.memory(), 0
	var all consoles
	defer all.close()
	if err := all.open(ctx, b); err != nil {
		return err
	}
	if err := all.hear("retry:"); err != nil { // what a stream begins with
		return err
	}
	for listening == 0 {
		if err := b.owner.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = current_database()`).Scan(&listening); err != nil {
			return err
		}
	}
	if _, err := b.owner.Exec(ctx, `SELECT pg_notify('kibali_console', 'account:')`); err != nil {
		return err
	}
	if err := all.hear(`data: {"kind":"account"`); err != nil {
		return err
	}
	bounded("connections to the database that listen", float64(listening), 1, "")
	bounded("memory of serve over that with none", float64(b.serve.memory()-before), boundConsoles, "MB")
	return nil
}

// consoles are streams that are open, as those of browsers.
type consoles [openConsoles]struct {
	net.Conn
	lines *bufio.Reader
}

// open opens all of them.
func (all *consoles) open(ctx context.Context, b *consoleBench) error {
	var group errgroup.Group
	group.SetLimit(20)
	for i := range all {
		group.Go(func() error {
			connection, err := new(net.Dialer).DialContext(ctx, "tcp", b.serve.address)
			if err != nil {
				return err
			}
			all[i].Conn, all[i].lines = connection, bufio.NewReaderSize(connection, 1024)
			_, err = fmt.Fprintf(connection, "GET /console/live?made=%d HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\n\r\n",
				time.Now().UnixMilli(), b.serve.address, web.StaffCookie, b.cookie)
			return err
		})
	}
	return group.Wait()
}

// hear waits until each was told something that begins in a way.
func (all *consoles) hear(beginning string) error {
	var group errgroup.Group
	for _, console := range all {
		group.Go(func() error {
			if err := console.SetReadDeadline(time.Now().Add(browserPatience)); err != nil {
				return err
			}
			for {
				line, err := console.lines.ReadString('\n')
				if err != nil {
					return fmt.Errorf("a console hears of no %s: %w", beginning, err)
				}
				if strings.HasPrefix(line, beginning) {
					return nil
				}
			}
		})
	}
	return group.Wait()
}

func (all *consoles) close() {
	for _, console := range all {
		if console.Conn != nil {
			console.Close()
		}
	}
}
