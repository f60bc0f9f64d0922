package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/ledger"
)

// errSettles says that a posting reaches an account that is closed, and is
// therefore made together with its settlement.
var errSettles = errors.New("the posting is settled in the same transaction")

// statuses are those of accounts that a posting of the kind may reach. What
// reaches a closed one is settled, which takes a transaction; nothing closed is
// ever opened again, so who finds it closed may begin one.
func (o poster) statuses(kind ledger.Kind) []string {
	if o.inTx || kind.Spends() {
		return statuses[kind]
	}
	return openStatuses[kind]
}

var openStatuses = func() map[ledger.Kind][]string {
	open := map[ledger.Kind][]string{}
	for kind, permitted := range statuses {
		open[kind] = slices.DeleteFunc(slices.Clone(permitted), func(s string) bool { return s == string(account.Closed) })
	}
	return open
}()

// settleClosed settles what a posting has brought to an account that was closed
// before: closing has taken what was left, and nobody is there to have more.
func (t *Tx) settleClosed(ctx context.Context, at time.Time) func(Posted, error) (Posted, error) {
	return func(p Posted, err error) (Posted, error) {
		if err != nil || p.Replayed || p.Entry.HeldAmount <= 0 {
			return p, err
		}
		var closed bool
		err = t.tx.QueryRow(ctx, `SELECT status = 'closed' FROM balances WHERE account_id = $1`, p.Entry.Account).Scan(&closed)
		if err != nil || !closed {
			return p, failed("read balance", err)
		}
		move := Move{
			ID: uuid.NewSHA1(p.ID, []byte(ledger.Settlement)), AccountID: p.Entry.Account, Actor: actor.Actor{Kind: actor.System}, At: at,
		}
		before, after, err := t.Settle(ctx, move)
		if err != nil {
			return p, err
		}
		return p, t.AppendEvent(ctx, Event{
			At: at, Actor: move.Actor, Action: "credits.settled", Subject: "transfer", SubjectID: move.ID.String(), AccountID: &move.AccountID,
			Before: map[string]any{"credits": before.Facts()}, After: map[string]any{"credits": after.Facts(), "because_of": p.ID},
		})
	}
}
