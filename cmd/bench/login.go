package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"kibali/identity"
)

type loginCommand struct {
	Rounds int           `default:"5" help:"How many rounds there are, of each contender in turn."`
	Span   time.Duration `default:"5s" help:"How long a round is."`
	Quick  bool          `help:"One short round: to see that it works."`
}

const (
	// loginClients sign in together.
	loginClients = 16
	// floodClients try wrong passwords together.
	floodClients = 64
	// asked is how many requests of each kind are timed, in quiet and in a flood.
	asked = 400
)

// Run measures and prints.
func (c loginCommand) Run(ctx context.Context) error {
	if c.Quick {
		c.Rounds, c.Span = 1, time.Second
	}
	return withLogins(ctx, 300, func(ctx context.Context, b *loginBench) error {
		if err := c.rates(ctx, b); err != nil {
			return err
		}
		return flood(ctx, b)
	})
}

// rates compares signing in with a bare loop of what it cannot do without: read
// the login, hash, write a session.
func (c loginCommand) rates(ctx context.Context, b *loginBench) error {
	pool, err := floorPool(ctx, b.stack.AppURL(), connections)
	if err != nil {
		return err
	}
	defer pool.Close()
	turns := semaphore.NewWeighted(benchHashes)
	contenders := []struct {
		name string
		sign func(ctx context.Context, c *httpClient, email string) error
	}{
		{"bare loop", func(ctx context.Context, _ *httpClient, email string) error {
			return bareLogin(ctx, pool, turns, email)
		}},
		{"kibali", func(ctx context.Context, c *httpClient, email string) error {
			_, err := c.do(ctx, b.signIn(email, password))
			return err
		}},
	}
	rates := make([][]float64, len(contenders))
	ratios := make([]float64, 0, c.Rounds)
	for range c.Rounds {
		for i, contender := range contenders {
			rate, err := b.signInFor(ctx, c.Span, contender.sign)
			if err != nil {
				return fmt.Errorf("%s: %w", contender.name, err)
			}
			rates[i] = append(rates[i], rate)
		}
		ratios = append(ratios, rates[1][len(rates[1])-1]/rates[0][len(rates[0])-1])
	}
	for i, contender := range contenders {
		fmt.Printf("%-10s %6.1f logins a second\n", contender.name, middle(rates[i]))
	}
	fmt.Printf("kibali over the bare loop: %.3f (at least 0.93)\n", middle(ratios))
	return nil
}

func middle(of []float64) float64 { return quantile(slices.Sorted(slices.Values(of)), 0.5) }

// signInFor has all clients sign in for a while and returns how many did a second.
func (b *loginBench) signInFor(ctx context.Context, span time.Duration, sign func(context.Context, *httpClient, string) error) (float64, error) {
	var done, next atomic.Int64
	var group errgroup.Group
	start := time.Now()
	for range loginClients {
		group.Go(func() error {
			client := &httpClient{address: b.api.address}
			defer client.close()
			for time.Since(start) < span {
				if err := sign(ctx, client, b.emails[int(next.Add(1))%len(b.emails)]); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return float64(done.Load()) / time.Since(start).Seconds(), nil
}

// bareLogin is the least that signing in is.
func bareLogin(ctx context.Context, pool *pgxpool.Pool, turns *semaphore.Weighted, email string) error {
	var accountID uuid.UUID
	var encoded string
	err := pool.QueryRow(ctx, `SELECT account_id, password_hash FROM logins WHERE email = $1 AND released_at IS NULL`, email).Scan(&accountID, &encoded)
	if err != nil {
		return err
	}
	if err := turns.Acquire(ctx, 1); err != nil {
		return err
	}
	right, _, err := argon2id.CheckHash(password, encoded)
	turns.Release(1)
	if err != nil || !right {
		return fmt.Errorf("the password is not right: %w", err)
	}
	_, hash := identity.NewToken(identity.SessionToken)
	now := time.Now()
	_, err = pool.Exec(ctx, `
		INSERT INTO sessions (id, account_id, purpose, hash, created_at, last_used_at, idle, expires_at)
		VALUES ($1, $2, 'session', $3, $4, $4, '2 hours', $5)`, uuid.Must(uuid.NewV7()), accountID, hash[:], now, now.Add(time.Hour))
	return err
}

// flood times others while many try wrong passwords.
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
	kinds := []struct {
		name    string
		request []byte
	}{
		{"GET /v1/accounts", request(b.api.address, "/v1/accounts?limit=25", b.token)},
		{"gate/authorize", request(b.api.address, "/v1/gate/authorize", in.Token)},
	}
	timeAll := func(ctx context.Context) ([]time.Duration, error) {
		worst := make([]time.Duration, len(kinds))
		for i, kind := range kinds {
			times := make([]time.Duration, asked)
			for n := range times {
				start := time.Now()
				if _, err := client.do(ctx, kind.request); err != nil {
					return nil, fmt.Errorf("%s: %w", kind.name, err)
				}
				times[n] = time.Since(start)
			}
			slices.Sort(times)
			worst[i] = quantile(times, 0.99)
		}
		return worst, nil
	}
	quiet, err := timeAll(ctx)
	if err != nil {
		return err
	}
	before := b.api.memory()
	flooding, stop := context.WithCancel(ctx)
	defer stop()
	tried, ended := b.floodUntil(flooding)
	start := time.Now()
	loud, err := timeAll(ctx)
	took := time.Since(start)
	after := b.api.memory()
	stop()
	if floodErr := ended(); err == nil {
		err = floodErr
	}
	if err != nil {
		return err
	}
	fmt.Printf("during a flood of %.0f wrong passwords a second from %d clients:\n", float64(tried.Load())/took.Seconds(), floodClients)
	for i, kind := range kinds {
		fmt.Printf("%-17s p99 %6.2f ms, in quiet %6.2f ms: %.2f times (at most 2)\n", kind.name,
			float64(loud[i].Microseconds())/1000, float64(quiet[i].Microseconds())/1000, float64(loud[i])/float64(quiet[i]))
	}
	fmt.Printf("memory of serve: %d MB, before %d MB: %d MB more (at most 256)\n", after, before, after-before)
	return nil
}

// floodUntil has clients try wrong passwords until ctx ends. ended waits for them.
func (b *loginBench) floodUntil(ctx context.Context) (tried *atomic.Int64, ended func() error) {
	tried = new(atomic.Int64)
	var group errgroup.Group
	for n := range floodClients {
		group.Go(func() error {
			client := &httpClient{address: b.api.address}
			defer client.close()
			for i := n; ctx.Err() == nil; i += floodClients {
				if err := expect(ctx, client, b.signIn(b.emails[i%len(b.emails)], "wrong"), "401"); err != nil && ctx.Err() == nil {
					return fmt.Errorf("a flood's try: %w", err)
				}
				tried.Add(1)
			}
			return nil
		})
	}
	return tried, group.Wait
}
