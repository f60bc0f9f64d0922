package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Breach is something in the ledger or in the audit trail that cannot be true.
type Breach struct {
	Check string // which of the checks failed
	Row   string // the row that it is about
	What  string
}

// Findings are the breaches that verification has found.
type Findings struct {
	// Breaches are the first of Broken.
	Breaches []Breach
	Broken   int64
}

// breachesTold is how many breaches are told apart.
const breachesTold = 200

// Sound reports whether everything is as it must be.
func (f *Findings) Sound() bool { return f.Broken == 0 }

func (f *Findings) breach(check, row, format string, args ...any) {
	f.Broken++
	if len(f.Breaches) < breachesTold {
		f.Breaches = append(f.Breaches, Breach{Check: check, Row: row, What: fmt.Sprintf(format, args...)})
	}
}

// ask runs a query whose rows are breaches.
func (f *Findings) ask(ctx context.Context, tx *Tx, check, sql string) error {
	rows, err := tx.tx.Query(ctx, sql)
	if err != nil {
		return err
	}
	var row, what string
	_, err = pgx.ForEachRow(rows, []any{&row, &what}, func() error {
		f.breach(check, row, "%s", what)
		return nil
	})
	return err
}
