package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"kibali/cmd/kibali/config"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/store"
)

type ledgerVerifyCommand struct {
	Seal string `name:"seal" placeholder:"NUMBER:HASH" help:"A seal that was noted down earlier, which must still be there."`
	config.Database
}

// Run verifies the ledger, and fails when something in it cannot be true.
func (c ledgerVerifyCommand) Run(ctx context.Context, term terminal) error {
	var noted *store.Seal
	if c.Seal != "" {
		var err error
		if noted, err = parseSeal("--seal", c.Seal); err != nil {
			return err
		}
	}
	return withStore(ctx, c.Database, "kibali ledger", func(db *store.Store) error {
		began := time.Now()
		v, err := db.VerifyLedger(ctx, noted)
		if err != nil {
			return err
		}
		counts := []string{fmt.Sprintf("%d transfers, %d entries, %d accounts in %v", v.Transfers, v.Entries, v.Accounts, time.Since(began).Round(time.Millisecond))}
		if v.Seals > 0 {
			counts = append(counts, fmt.Sprintf("seal %s, %d transfers behind it", v.Last.Name(), v.Unsealed))
		}
		return tell(term.out, &v.Findings, counts...)
	})
}

type ledgerBalanceCommand struct {
	Account string    `arg:"" help:"The account's id; or funding, sales or settled, the platform's own."`
	At      time.Time `name:"at" help:"The moment, such as 2026-11-01T00:00:00+03:00; now when not given. What was posted at it does not count."`
	config.Database
}

// Run prints what an account has, or had.
func (c ledgerBalanceCommand) Run(ctx context.Context, term terminal) error {
	platform := map[string]uuid.UUID{"funding": ledger.Funding, "sales": ledger.Sales, "settled": ledger.Settled}
	return withStore(ctx, c.Database, "kibali ledger", func(db *store.Store) error {
		r := db.Reader()
		if id, ok := platform[c.Account]; ok {
			balance, err := platformBalance(ctx, r, id, c.At)
			if err == nil {
				fmt.Fprintln(term.out, balance)
			}
			return err
		}
		id, err := accountID(c.Account)
		if err != nil {
			return err
		}
		balance, err := accountBalance(ctx, r, id, c.At)
		if err == nil {
			fmt.Fprintf(term.out, "available %d, held %d\n", balance.Available, balance.Held)
		}
		return err
	})
}

func platformBalance(ctx context.Context, r *store.Reader, id uuid.UUID, at time.Time) (string, error) {
	if at.IsZero() {
		return r.PlatformBalance(ctx, id)
	}
	return r.PlatformBalanceBefore(ctx, id, at)
}

func accountBalance(ctx context.Context, r *store.Reader, id uuid.UUID, at time.Time) (ledger.Balance, error) {
	if at.IsZero() {
		return r.Balance(ctx, id)
	}
	return r.BalanceBefore(ctx, id, at)
}

func accountID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fault.New(fault.Malformed, "an account is named by its id")
	}
	return id, nil
}

type ledgerStatementCommand struct {
	Account string    `arg:"" help:"The account's id."`
	From    time.Time `name:"from" required:"" help:"The beginning, such as 2026-11-01T00:00:00+03:00."`
	To      time.Time `name:"to" required:"" help:"The end, which does not belong to it."`
	config.Database
}

// Run prints a statement: what an account had, each transfer as CSV, and what
// it had then.
func (c ledgerStatementCommand) Run(ctx context.Context, term terminal) error {
	id, err := accountID(c.Account)
	if err != nil {
		return err
	}
	if c.To.Before(c.From) {
		return fault.New(fault.Malformed, "--to is before --from")
	}
	return withStore(ctx, c.Database, "kibali ledger", func(db *store.Store) error {
		buffered := bufio.NewWriter(term.out)
		lines := csv.NewWriter(buffered)
		if err := lines.Write([]string{"created_at", "id", "kind", "reason", "amount", "held_amount", "available_after", "held_after"}); err != nil {
			return err
		}
		s, err := db.Reader().Statement(ctx, id, c.From, c.To, func(p store.Posted) error {
			return lines.Write([]string{
				p.CreatedAt.Format(time.RFC3339Nano), p.ID.String(), string(p.Kind), string(p.Reason), number(p.Entry.Amount), number(p.Entry.HeldAmount),
				number(p.Entry.AvailableAfter), number(p.Entry.HeldAfter),
			})
		})
		if err != nil {
			return err
		}
		lines.Flush()
		if err := buffered.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(term.errors, "before: available %d, held %d; %d transfers added %d and took %d; after: available %d, held %d\n",
			s.Opening.Available, s.Opening.Held, s.Transfers, s.Added, s.Taken, s.Closing.Available, s.Closing.Held)
		return nil
	})
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
