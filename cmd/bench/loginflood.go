package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// asked is how many requests of each kind are timed, in quiet and in a flood, one
	// every interval, whether or not the one before it was answered in time.
	asked    = 1000
	interval = 5 * time.Millisecond
)

// timed is a kind of request that is timed.
type timed struct {
	name    string
	request []byte
}

// flood times others in quiet, while many try wrong passwords, and while as many
// requests come at the same rate that are refused before a password is hashed:
// what the clients themselves take of the machine is told apart by that from what
// hashing takes.
func flood(ctx context.Context, b *loginBench) error {
	client := &httpClient{address: b.api.address}
	defer client.close()
	body, err := client.do(ctx, b.signIn(b.emails[0], password))
	if err != nil {
		return err
	}
	var in struct{ Token string }
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	kinds := []timed{
		{"GET /v1/accounts", request(b.api.address, "/v1/accounts?limit=25", b.token)},
		{"gate/authorize", request(b.api.address, "/v1/gate/authorize", in.Token)},
	}
	if _, err := timeAll(ctx, client, kinds); err != nil { // to get warm
		return err
	}
	quiet, err := timeAll(ctx, client, kinds)
	if err != nil {
		return err
	}
	before := b.api.memory()
	loud, rate, err := b.timeDuring(ctx, client, kinds, b.wrongPassword, "401", 0)
	if err != nil {
		return err
	}
	after := b.api.memory()
	refused, refusedRate, err := b.timeDuring(ctx, client, kinds, b.malformed, "400", rate)
	if err != nil {
		return err
	}
	fmt.Printf("during a flood of %.0f wrong passwords a second from %d clients, and %.0f requests a second without one:\n", rate, floodClients, refusedRate)
	for i, kind := range kinds {
		fmt.Printf("%-17s p99 %6.2f ms, in quiet %6.2f ms: %.2f times (at most 2); with the same clients and no hashing %6.2f ms: %.2f times\n", kind.name,
			milliseconds(loud[i]), milliseconds(quiet[i]), float64(loud[i])/float64(quiet[i]), milliseconds(refused[i]), float64(loud[i])/float64(refused[i]))
	}
	fmt.Printf("memory of serve: %d MB, before %d MB: %d MB more (at most 256)\n", after, before, after-before)
	return nil
}

// timeAll returns the 99th percentile of each kind: from when a request was due to
// its answer.
func timeAll(ctx context.Context, client *httpClient, kinds []timed) ([]time.Duration, error) {
	worst := make([]time.Duration, len(kinds))
	for i, kind := range kinds {
		times := make([]time.Duration, asked)
		start := time.Now()
		for n := range times {
			due := start.Add(time.Duration(n) * interval)
			if err := until(ctx, due); err != nil {
				return nil, err
			}
			if _, err := client.do(ctx, kind.request); err != nil {
				return nil, fmt.Errorf("%s: %w", kind.name, err)
			}
			times[n] = time.Since(due)
		}
		slices.Sort(times)
		worst[i] = quantile(times, 0.99)
	}
	return worst, nil
}

// until waits for a time.
func until(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(at)):
		return nil
	}
}

func (b *loginBench) wrongPassword(i int) []byte { return b.signIn(b.emails[i%len(b.emails)], "wrong") }

// malformed is as long as wrongPassword, and refused when it is read.
func (b *loginBench) malformed(i int) []byte {
	return post(b.api.address, "/v1/sessions", "", "application/json", fmt.Appendf(nil, `{"email":%q,"passwort":"wrong"}`, b.emails[i%len(b.emails)]))
}

// timeDuring is timeAll while clients send other requests, as fast as they are
// answered when rate is 0 and so many a second otherwise. It returns how many a
// second were answered.
func (b *loginBench) timeDuring(ctx context.Context, client *httpClient, kinds []timed, send func(i int) []byte, status string, rate float64) ([]time.Duration, float64, error) {
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	var answered atomic.Int64
	var group errgroup.Group
	start := time.Now()
	for n := range floodClients {
		group.Go(func() error {
			client := &httpClient{address: b.api.address}
			defer client.close()
			for i := n; ; i += floodClients {
				if rate > 0 && until(flooding, start.Add(time.Duration(float64(i)/rate*float64(time.Second)))) != nil {
					return nil
				}
				err := expect(flooding, client, send(i), status)
				if flooding.Err() != nil {
					return nil
				}
				if err != nil {
					return fmt.Errorf("one of the flood: %w", err)
				}
				answered.Add(1)
			}
		})
	}
	// Once the queue is as long as it gets.
	if err := until(ctx, start.Add(time.Second)); err != nil {
		return nil, 0, err
	}
	counted, since := answered.Load(), time.Now()
	worst, err := timeAll(ctx, client, kinds)
	reached := float64(answered.Load()-counted) / time.Since(since).Seconds()
	stop()
	if floodErr := group.Wait(); err == nil {
		err = floodErr
	}
	return worst, reached, err
}
