package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/cmd/kibali/config"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/migrations"
	"kibali/store"
)

type ledgerVerifyCommand struct {
	Seal string `name:"seal" placeholder:"NUMBER:HASH" help:"A seal that was noted down earlier, which must still be there."`
	config.Database
}

// Run verifies the ledger, and fails when something in it cannot be true.
func (c ledgerVerifyCommand) Run(ctx context.Context, term terminal) error {
	noted, err := parseSeal("--seal", c.Seal)
	if err != nil {
		return err
	}
	return withStore(ctx, c.Database, func(db *store.Store) error {
		began := time.Now()
		v, err := db.VerifyLedger(ctx, noted)
		if err != nil {
			return err
		}
		for _, b := range v.Breaches {
			fmt.Fprintf(term.out, "%-12s %s: %s\n", b.Check, b.Row, b.What)
		}
		if more := v.Broken - int64(len(v.Breaches)); more > 0 {
			fmt.Fprintf(term.out, "and %d more\n", more)
		}
		fmt.Fprintf(term.out, "%d transfers, %d entries, %d accounts in %v\n", v.Transfers, v.Entries, v.Accounts, time.Since(began).Round(time.Millisecond))
		if v.Seals > 0 {
			fmt.Fprintf(term.out, "seal %s, %d transfers behind it\n", v.Last.Name(), v.Unsealed)
		}
		if !v.Sound() {
			fmt.Fprintf(term.out, "NOT SOUND: %d breaches\n", v.Broken)
			return errUnwell
		}
		fmt.Fprintln(term.out, "sound")
		return nil
	})
}

// parseSeal reads a seal as verification prints it, which a flag gives; "" is
// none.
func parseSeal(flag, text string) (*store.Seal, error) {
	if text == "" {
		return nil, nil
	}
	number, hash, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if err == nil && n > 0 {
		if sum, err := hex.DecodeString(hash); err == nil && len(sum) == 32 {
			return &store.Seal{Number: n, Hash: sum}, nil
		}
	}
	return nil, fault.New(fault.Malformed, "%s is NUMBER:HASH, as verification prints it", flag)
}

type ledgerBalanceCommand struct {
	Account string    `arg:"" help:"The account's id; or funding, sales or settled, the platform's own."`
	At      time.Time `name:"at" help:"The moment, such as 2026-11-01T00:00:00+03:00; now when not given. What was posted at it does not count."`
	config.Database
}

// Run prints what an account has, or had.
func (c ledgerBalanceCommand) Run(ctx context.Context, term terminal) error {
	platform := map[string]uuid.UUID{"funding": ledger.Funding, "sales": ledger.Sales, "settled": ledger.Settled}
	return withStore(ctx, c.Database, func(db *store.Store) error {
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
	return withStore(ctx, c.Database, func(db *store.Store) error {
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

// withStore opens the database of a command, once it has the schema of this
// build.
func withStore(ctx context.Context, c config.Database, do func(*store.Store) error) error {
	var problems config.Problems
	pool := c.Pool(&problems, "kibali ledger")
	if err := problems.Err(); err != nil {
		return err
	}
	db, err := store.OpenConfig(ctx, pool)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := migrations.Check(ctx, db.Pool()); err != nil {
		return err
	}
	return do(db)
}
