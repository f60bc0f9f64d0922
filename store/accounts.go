package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"kibali/domain/account"
	"kibali/domain/ledger"
)

const accountColumns = `a.id, a.name, a.email, a.phone, a.locale,
	a.company_name, a.company_industry, a.company_registration_number, a.company_tin, a.company_website, a.company_address,
	a.status, a.stage, a.stage_since, coalesce(a.remind_at, 'epoch'), coalesce(a.deadline_at, 'epoch'),
	a.decided_by, a.blocked_by, coalesce(a.suspended_until, 'epoch'), a.registered_at,
	a.contact_released_at IS NOT NULL, coalesce(a.erased_at, 'epoch'),
	a.email_verified_at IS NOT NULL, a.phone_verified_at IS NOT NULL`

// accountTargets returns where the accountColumns of a row go.
func accountTargets(a *account.Account) []any {
	return []any{
		&a.ID, &a.Name, &a.Email, &a.Phone, &a.Locale,
		&a.Company.Name, &a.Company.Industry, &a.Company.RegistrationNumber, &a.Company.TIN, &a.Company.Website, &a.Company.Address,
		&a.Status, &a.Stage, &a.StageSince, (*instant)(&a.RemindAt), (*instant)(&a.DeadlineAt),
		&a.DecidedBy, &a.BlockedBy, (*instant)(&a.SuspendedUntil), (*instant)(&a.RegisteredAt),
		&a.ContactReleased, (*instant)(&a.ErasedAt),
		&a.EmailVerified, &a.PhoneVerified,
	}
}

// instant scans a timestamptz as UTC, the epoch as the zero time: columns for
// which "never" is a value are read through it.
type instant time.Time

var epoch = time.Unix(0, 0).UTC()

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (i *instant) ScanTimestamptz(v pgtype.Timestamptz) error {
	t := v.Time.UTC()
	if t.Equal(epoch) {
		t = time.Time{}
	}
	*i = instant(t)
	return nil
}

// StatusReason is why an account is suspended or rejected, or which changes
// were asked for.
type StatusReason struct {
	Code  string
	Text  string // shown to the user; empty when time decided
	At    time.Time
	By    string // the staff member's name; empty when time decided
	Until time.Time
}

// AccountView is an account with its credits and the reason of its status, where
// it has one.
type AccountView struct {
	account.Account
	// Balance is of this moment where one account was asked for, and the list's
	// copy in a list.
	Balance ledger.Balance
	Reason  *StatusReason
}

// Beside the account, what lists are sorted by and the decision that made the present status.
const (
	viewColumns = accountColumns + `, greatest(y.last_active_at, 'epoch'), coalesce(k.credits, 0), coalesce(d.reason_code, ''), coalesce(d.reason, ''), coalesce(d.closed_at, a.stage_since), coalesce(s.name, '')`
	viewJoins   = ` LEFT JOIN account_activity y ON y.account_id = a.id LEFT JOIN account_credits k ON k.account_id = a.id
		LEFT JOIN decisions d ON d.id = a.decided_by LEFT JOIN staff s ON s.id = d.staff_id `
)

// ReasonExpired is the reason code of an application that ran out of time.
const ReasonExpired = "expired"

// viewRow is where the columns of a row with an account go: first those of head,
// then the viewColumns. It takes one row after the other.
type viewRow struct {
	view    AccountView
	reason  StatusReason
	targets []any
}

func newViewRow(head ...any) *viewRow {
	r := &viewRow{}
	r.targets = slices.Concat(head, accountTargets(&r.view.Account), []any{
		(*instant)(&r.view.LastActiveAt), &r.view.Credits, &r.reason.Code, &r.reason.Text, (*instant)(&r.reason.At), &r.reason.By,
	})
	return r
}

// scan returns the account of a row. Its balance is the list's copy.
func (r *viewRow) scan(row pgx.CollectableRow) (AccountView, error) {
	r.view, r.reason = AccountView{}, StatusReason{}
	if err := row.Scan(r.targets...); err != nil {
		return AccountView{}, err
	}
	v := r.view
	if ledger.Keeps(v.Status) {
		v.Balance.Held = v.Credits
	} else {
		v.Balance.Available = v.Credits
	}
	if v.Status == account.Suspended || v.Status == account.Rejected || v.Stage == account.ChangesRequested {
		reason := r.reason
		if v.Status == account.Rejected && v.DecidedBy == nil {
			reason.Code = ReasonExpired
		}
		reason.Until = v.SuspendedUntil
		v.Reason = &reason
	}
	return v, nil
}

// Account returns one account, or fault.NotFound.
func (r *Reader) Account(ctx context.Context, id uuid.UUID) (AccountView, error) {
	rows, err := r.db.Query(ctx, `
		SELECT b.available, b.held, `+viewColumns+` FROM accounts a JOIN balances b ON b.account_id = a.id `+viewJoins+` WHERE a.id = $1`, id)
	if err != nil {
		return AccountView{}, failed("read account", err)
	}
	var balance ledger.Balance
	view, err := pgx.CollectExactlyOneRow(rows, newViewRow(&balance.Available, &balance.Held).scan)
	view.Balance = balance
	return view, failed("read account", err)
}

// LockAccount returns an account and keeps everyone else from changing it
// until the transaction ends. It returns fault.NotFound when there is none.
func (t *Tx) LockAccount(ctx context.Context, id uuid.UUID) (account.Account, error) {
	var a account.Account
	err := t.tx.QueryRow(ctx, `SELECT `+accountColumns+` FROM accounts a WHERE a.id = $1 FOR UPDATE`, id).Scan(accountTargets(&a)...)
	return a, failed("read account", err)
}

// UpdateAccountDetails writes what a corrected application says of an account.
func (t *Tx) UpdateAccountDetails(ctx context.Context, a account.Account) error {
	_, err := t.tx.Exec(ctx, `
		UPDATE accounts SET name = $2, locale = $3, company_name = $4, company_industry = $5,
			company_registration_number = $6, company_tin = $7, company_website = $8, company_address = $9,
			search_text = $10
		WHERE id = $1`,
		a.ID, a.Name, a.Locale, a.Company.Name, a.Company.Industry,
		a.Company.RegistrationNumber, a.Company.TIN, a.Company.Website, a.Company.Address, SearchText(a))
	return failed("update account", err)
}

// BlockAccount makes the gate refuse an account from the end of the
// transaction on; a nil decision lifts the block.
func (t *Tx) BlockAccount(ctx context.Context, id uuid.UUID, decision *uuid.UUID) error {
	_, err := t.tx.Exec(ctx, `UPDATE accounts SET blocked_by = $2 WHERE id = $1`, id, decision)
	return failed("block account", err)
}

// ReleaseContact gives an account's e-mail and phone back, for anyone to
// register with. Its login opens nothing from then on.
func (t *Tx) ReleaseContact(ctx context.Context, id uuid.UUID, now time.Time) error {
	var batch pgx.Batch
	batch.Queue(`UPDATE accounts SET contact_released_at = $2 WHERE id = $1`, id, now)
	batch.Queue(`UPDATE logins SET released_at = $2 WHERE account_id = $1 AND released_at IS NULL`, id, now)
	batch.Queue(`UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL`, id, now)
	return failed("release contact", t.tx.SendBatch(ctx, &batch).Close())
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
