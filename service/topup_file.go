package service

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/store"
)

// mostLines is how many lines a bulk top-up may have.
const mostLines = 1000

// FileLine is a line of a bulk top-up as it was understood.
type FileLine struct {
	Line    int // in the file, from 1
	Account store.Named
	Amount  int64
	// Bad is what is wrong with it; its fields are "account" and "amount".
	Bad []fault.Field
}

// readFile reads the CSV of a bulk top-up: an account's id or e-mail, a comma and
// an amount on each line. A first line of headings is passed over. It returns
// fault.Invalid naming "csv" when it is not of that form at all; what is wrong
// with a line stands in the line. own is the account of whoever asks.
func readFile(ctx context.Context, r *store.Reader, text string, own uuid.UUID) ([]FileLine, error) {
	lines, cells, err := fileLines(text)
	if err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	var emails []string
	for i, cell := range cells {
		if id, err := uuid.Parse(cell); err == nil && len(cell) == len(id.String()) {
			ids = append(ids, id)
			cells[i] = id.String()
		} else if email, field := account.ParseEmail(cell); field == nil {
			emails = append(emails, email)
			cells[i] = email
		}
	}
	named, err := r.NamedAccounts(ctx, ids, emails)
	if err != nil {
		return nil, err
	}
	known := make(map[string]store.Named, 2*len(named))
	for _, n := range named {
		known[n.ID.String()] = n
		if n.Email != "" {
			known[n.Email] = n
		}
	}
	seen := map[uuid.UUID]bool{}
	for i := range lines {
		lines[i].identify(known, cells[i], seen, own)
	}
	return lines, nil
}

// identify finds the account of a line and says what is wrong with it.
func (l *FileLine) identify(known map[string]store.Named, cell string, seen map[uuid.UUID]bool, own uuid.UUID) {
	n, found := known[cell]
	bad := func(field, code, detail string) {
		l.Bad = append(l.Bad, fault.Field{Field: field, Code: code, Detail: detail})
	}
	switch {
	case !found:
		bad("account", "not_found", "There is no such account.")
		return
	case seen[n.ID]:
		bad("account", "duplicate", "Is on an earlier line.")
	case n.ID == own:
		bad("account", "own", errOwnAccount.Message)
	case !ledger.TopUp.Permits(n.Status):
		bad("account", "conflict", fmt.Sprintf("Is %s.", n.Status))
	case len(l.Bad) == 0 && l.Amount > ledger.Most-n.Total:
		bad("amount", ledger.CodeTooLarge, "Is more than the account can have.")
	}
	seen[n.ID], l.Account = true, n
}

// fileLines takes a file apart into its lines and what each says of its account.
func fileLines(text string) ([]FileLine, []string, error) {
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	reader.FieldsPerRecord, reader.TrimLeadingSpace = -1, true
	var lines []FileLine
	var cells []string
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, badFile("invalid", outOfPlace(err))
		}
		number, _ := reader.FieldPos(0)
		if len(lines) == 0 && len(cells) == 0 && strings.EqualFold(strings.TrimSpace(record[0]), "account") {
			continue
		}
		if len(lines) == mostLines {
			return nil, nil, badFile("too_long", fmt.Sprintf("Must have at most %d lines.", mostLines))
		}
		line := FileLine{Line: number}
		if len(record) == 2 {
			line.Amount, line.Bad = amountOf(strings.TrimSpace(record[1]))
		} else {
			line.Bad = []fault.Field{{Field: "amount", Code: "invalid", Detail: "A line has an account and an amount."}}
		}
		lines, cells = append(lines, line), append(cells, strings.TrimSpace(record[0]))
	}
	if len(lines) == 0 {
		return nil, nil, badFile("required", "Must have at least one line.")
	}
	return lines, cells, nil
}

// outOfPlace says on which line the record begins that cannot be read: a
// quotation mark that is not closed takes all lines behind it with it.
func outOfPlace(err error) string {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Sprintf("Is no CSV: a quotation mark is out of place on line %d.", parse.StartLine)
	}
	return "Is no CSV: a quotation mark is out of place."
}

// amountOf reads an amount that adds credits: digits and nothing else.
func amountOf(s string) (int64, []fault.Field) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, []fault.Field{{Field: "amount", Code: "invalid", Detail: "Must be a whole number in digits."}}
	}
	amount, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		amount = ledger.Most + 1
	}
	if bad := ledger.CheckAmount("amount", amount); len(bad) > 0 {
		return 0, bad
	}
	return amount, nil
}

func badFile(code, detail string) error {
	return fault.InvalidFields(fault.Field{Field: "csv", Code: code, Detail: detail})
}
