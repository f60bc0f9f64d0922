package main

import (
	"context"
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
	Hashes int           `default:"1" help:"How many passwords are hashed at a time, by serve and by the bare loop."`
	Quick  bool          `help:"One short round: to see that it works."`
}

const (
	// loginClients sign in together.
	loginClients = 16
	// floodClients try wrong passwords together.
	floodClients = 64
)

// Run measures and prints.
func (c loginCommand) Run(ctx context.Context) error {
	if c.Quick {
		c.Rounds, c.Span = 1, time.Second
	}
	return withLogins(ctx, 300, c.Hashes, func(ctx context.Context, b *loginBench) error {
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
	turns := semaphore.NewWeighted(int64(c.Hashes))
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
