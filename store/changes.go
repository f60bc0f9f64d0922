package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Change says that something has changed, and of which account; uuid.Nil for
// several, or for none in particular.
type Change struct {
	Kind      string // account, document, decision, appeal or claim
	AccountID uuid.UUID
}

// changesQuiet is how long nothing may be heard before the connection is asked
// whether it is still there.
const changesQuiet = 30 * time.Second

// Changes calls hear for each change that is committed from the moment on in
// which it calls ready, until ctx ends or the connection is lost, and returns
// why. It has one connection of its own, which is none of the pool's. hear must
// not take long.
func (r *Reader) Changes(ctx context.Context, ready func(), hear func(Change)) error {
	pool, ok := r.db.(*pgxpool.Pool)
	if !ok {
		return errors.New("changes are heard of outside of transactions")
	}
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("listen for changes: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // it is lost, or given up
	}()
	if _, err := conn.Exec(ctx, `LISTEN kibali_console`); err != nil {
		return fmt.Errorf("listen for changes: %w", err)
	}
	ready()
	for {
		waiting, cancel := context.WithTimeout(ctx, changesQuiet)
		told, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			hear(changeOf(told.Payload))
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded) && !conn.IsClosed():
			if err := conn.Ping(ctx); err != nil {
				return fmt.Errorf("listen for changes: %w", err)
			}
		default:
			return fmt.Errorf("listen for changes: %w", err)
		}
	}
}

func changeOf(payload string) Change {
	kind, id, _ := strings.Cut(payload, ":")
	account, err := uuid.Parse(id)
	if err != nil {
		account = uuid.Nil
	}
	return Change{Kind: kind, AccountID: account}
}
