package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// The clients and the bounds.
const (
	chargeClients    = 32
	authorizeClients = 16
	boundGate        = 0.6
	boundChargeP99   = 30 * time.Millisecond
)

// load is what clients got done in a span of time.
type load struct {
	rate  float64 // a second
	times []time.Duration
}

func (l load) at(q float64) time.Duration { return quantile(l.times, q) }

// drive has clients ask over and over for a while. ask gets the number of the
// client.
func drive(ctx context.Context, address string, clients int, span time.Duration, ask func(ctx context.Context, c *httpClient, client int) error) (load, error) {
	var mu sync.Mutex
	var all load
	var group errgroup.Group
	start := time.Now()
	for i := range clients {
		group.Go(func() error {
			c := &httpClient{address: address}
			defer c.close()
			var times []time.Duration
			for time.Since(start) < span {
				began := time.Now()
				if err := ask(ctx, c, i); err != nil {
					return err
				}
				times = append(times, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all.times = append(all.times, times...)
			return nil
		})
	}
	err := group.Wait()
	all.rate = float64(len(all.times)) / time.Since(start).Seconds()
	slices.Sort(all.times)
	return all, err
}

// chargeRequest is a charge of one credit under a key of its own, unless one is
// given.
func chargeRequest(address, apiKey, idempotencyKey string) []byte {
	const body = `{"amount":1,"reference":"bench"}`
	return fmt.Appendf(nil, "POST /v1/gate/charges HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		address, apiKey, idempotencyKey, len(body), body)
}

// charges compares charges over HTTP with pgbench -N, in turn.
func (b *gateBench) charges(ctx context.Context) error {
	floor, err := newPgbench(ctx, b.stack.Postgres)
	if err != nil {
		return err
	}
	address := b.serves[0].address
	var serial atomic.Int64
	spread := func(ctx context.Context, c *httpClient, _ int) error {
		key := b.keys[rand.IntN(b.command.Accounts)] //nolint:gosec // for load
		_, err := c.do(ctx, chargeRequest(address, key, "spread-"+strconv.FormatInt(serial.Add(1), 10)))
		return err
	}
	one := func(ctx context.Context, c *httpClient, _ int) error {
		_, err := c.do(ctx, chargeRequest(address, b.keys[0], "one-"+strconv.FormatInt(serial.Add(1), 10)))
		return err
	}
	again := func(ctx context.Context, c *httpClient, client int) error {
		_, err := c.do(ctx, chargeRequest(address, b.keys[client], "again"))
		return err
	}
	var ratios, p99s []float64
	for range b.command.Rounds {
		base, err := floor.run(ctx, chargeClients, b.command.Round)
		if err != nil {
			return err
		}
		got, err := drive(ctx, address, chargeClients, b.command.Round, spread)
		if err != nil {
			return fmt.Errorf("charge: %w", err)
		}
		ratios, p99s = append(ratios, got.rate/base), append(p99s, float64(got.at(0.99)))
		fmt.Printf("charges, %d accounts: %.0f a second, p50 %v, p99 %v; pgbench -N %.0f; ratio %.2f\n",
			b.command.Accounts, got.rate, got.at(0.5), got.at(0.99), base, got.rate/base)
	}
	for name, ask := range map[string]func(context.Context, *httpClient, int) error{"all on one account": one, "the same keys again": again} {
		got, err := drive(ctx, address, chargeClients, b.command.Round, ask)
		if err != nil {
			return fmt.Errorf("charge, %s: %w", name, err)
		}
		fmt.Printf("charges, %s: %.0f a second, p50 %v, p99 %v\n", name, got.rate, got.at(0.5), got.at(0.99))
	}
	fmt.Printf("charges over pgbench -N, median: %.2f (at least %.1f: %s); p99, median: %v (at most %v: %s)\n",
		middle(ratios), boundGate, met(middle(ratios) >= boundGate),
		time.Duration(middle(p99s)), boundChargeP99, met(time.Duration(middle(p99s)) <= boundChargeP99))
	return nil
}

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}

// authorize compares the gate with a bare handler around one indexed look-up, in
// turn.
func (b *gateBench) authorize(ctx context.Context) error {
	bare, err := startSelf(ctx, "gate-floor", "--database-url", b.stack.AppURL(), "--pool", strconv.Itoa(connections))
	if err != nil {
		return err
	}
	b.servers = append(b.servers, bare)
	ask := func(address, path string) func(context.Context, *httpClient, int) error {
		return func(ctx context.Context, c *httpClient, _ int) error {
			_, err := c.do(ctx, request(address, path, b.keys[rand.IntN(len(b.keys))])) //nolint:gosec // for load
			return err
		}
	}
	address := b.serves[0].address
	var ratios []float64
	for range b.command.Rounds {
		base, err := drive(ctx, bare.address, authorizeClients, b.command.Round, ask(bare.address, "/"))
		if err != nil {
			return fmt.Errorf("the bare handler: %w", err)
		}
		got, err := drive(ctx, address, authorizeClients, b.command.Round, ask(address, "/v1/gate/authorize"))
		if err != nil {
			return fmt.Errorf("authorize: %w", err)
		}
		ratios = append(ratios, got.rate/base.rate)
		fmt.Printf("authorize: %.0f a second, p50 %v, p99 %v; bare handler %.0f, p50 %v, p99 %v; ratio %.2f\n",
			got.rate, got.at(0.5), got.at(0.99), base.rate, base.at(0.5), base.at(0.99), got.rate/base.rate)
	}
	fmt.Printf("authorize over the bare handler, median: %.2f (at least %.1f: %s)\n", middle(ratios), boundGate, met(middle(ratios) >= boundGate))
	return nil
}

// gateFloorCommand is net/http and pgx around one indexed look-up of a key.
type gateFloorCommand struct {
	DatabaseURL string `required:""`
	Pool        int32  `required:""`
}

// Run serves until ctx ends, and prints its address.
func (c gateFloorCommand) Run(ctx context.Context) error {
	pool, err := floorPool(ctx, c.DatabaseURL, c.Pool)
	if err != nil {
		return err
	}
	defer pool.Close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: bareGate(pool)}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func bareGate(pool *pgxpool.Pool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
		var account uuid.UUID
		if err := pool.QueryRow(r.Context(), `SELECT account_id FROM api_keys WHERE hash = $1`, hash[:]).Scan(&account); err != nil {
			http.Error(w, "refused", http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Account-Id", account.String())
	})
}

// suspensions suspends accounts, a few at a time, while clients of all
// replicas charge them, and counts the charges that began after the answer and
// were accepted.
func (b *gateBench) suspensions(ctx context.Context) error {
	n := min(b.command.Suspensions, len(b.ids))
	answered, front := make([]atomic.Bool, n), atomic.Int64{}
	var charged, refused, broken, otherwise atomic.Int64
	loading, stop := context.WithCancel(ctx)
	defer stop()
	var clients sync.WaitGroup
	for i, serve := range b.serves {
		for j := range 8 {
			clients.Go(func() {
				c := &httpClient{address: serve.address}
				defer c.close()
				for k := 0; loading.Err() == nil; k++ {
					at := min(max(int(front.Load())+rand.IntN(8)-4, 0), n-1) //nolint:gosec // for load
					after := answered[at].Load()
					_, err := c.do(ctx, chargeRequest(serve.address, b.keys[at], fmt.Sprintf("suspend-%d-%d-%d", i, j, k)))
					switch {
					case err != nil:
						// A refusal says why. Anything else proves nothing, and is counted apart.
						if strings.Contains(err.Error(), "account_suspended") {
							if after {
								refused.Add(1)
							}
						} else {
							otherwise.Add(1)
						}
						c.close()
						c.connection = nil
					case after:
						broken.Add(1)
					default:
						charged.Add(1)
					}
				}
			})
		}
	}
	times, waited, err := b.suspendAll(ctx, n, answered, &front)
	stop()
	clients.Wait()
	if err != nil {
		return err
	}
	slices.Sort(times)
	fmt.Printf("%d suspensions against %d serve, %d answered 202: %d charges before, of those begun after the answer %d refused and %d accepted (some, 0: %s), %d failed otherwise; from request to answer p50 %v, p99 %v\n",
		n, len(b.serves), waited, charged.Load(), refused.Load(), broken.Load(), met(refused.Load() > 0 && broken.Load() == 0), otherwise.Load(),
		quantile(times, 0.5), quantile(times, 0.99))
	return nil
}

// suspendersAtOnce is how many accounts are being suspended at a time.
const suspendersAtOnce = 4

func (b *gateBench) suspendAll(ctx context.Context, n int, answered []atomic.Bool, front *atomic.Int64) (times []time.Duration, waited int, err error) {
	var mu sync.Mutex // guards times and waited
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range suspendersAtOnce {
		group.Go(func() error {
			c := &httpClient{address: b.serves[0].address}
			defer c.close()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				front.Store(int64(i))
				began := time.Now()
				answer, err := c.do(ctx, post(c.address, "/v1/accounts/"+b.ids[i].String()+"/suspend", b.token, "application/json",
					[]byte(`{"reason_code":"terms","reason":"Bench."}`)))
				if err != nil {
					return fmt.Errorf("suspend: %w", err)
				}
				took := time.Since(began)
				answered[i].Store(true)
				var decided struct{ Account *json.RawMessage }
				mu.Lock()
				times = append(times, took)
				if json.Unmarshal(answer, &decided) == nil && decided.Account == nil {
					waited++
				}
				if len(times)%100 == 0 {
					progress("%d of %d accounts suspended", len(times), n)
				}
				mu.Unlock()
			}
			return nil
		})
	}
	err = group.Wait()
	return times, waited, err
}
