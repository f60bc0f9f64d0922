package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// Application is one submission of an account for review.
type Application struct {
	ID            uuid.UUID
	AccountID     uuid.UUID
	PolicyVersion int
	Name          string
	Locale        string
	Company       account.Company
	SubmittedAt   time.Time
	AcceptedAt    *time.Time
	Outcome       string
}

// Registration is everything that a company's first application writes.
type Registration struct {
	Account      account.Account
	LoginID      uuid.UUID
	PasswordHash string
	Application  Application
	Upload       Session
	EmailProof   ContactProof // by the link in the first e-mail
	Notices      []Notice
	Event        Event
}

// InsertRegistration writes a registration in one round trip. It returns
// fault.Taken with the field's name when the e-mail or the phone is in use.
func (t *Tx) InsertRegistration(ctx context.Context, r Registration) error {
	var batch pgx.Batch
	a := r.Account
	batch.Queue(`
		INSERT INTO accounts (id, name, email, phone, locale, company_name, company_industry,
			company_registration_number, company_tin, company_website, company_address,
			status, stage, stage_since, remind_at, deadline_at, registered_at, search_text)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		a.ID, a.Name, a.Email, a.Phone, a.Locale, a.Company.Name, a.Company.Industry,
		a.Company.RegistrationNumber, a.Company.TIN, a.Company.Website, a.Company.Address,
		a.Status, a.Stage, a.StageSince, orNull(a.RemindAt), orNull(a.DeadlineAt), a.RegisteredAt, SearchText(a))
	batch.Queue(`INSERT INTO logins (id, account_id, email, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)`,
		r.LoginID, a.ID, a.Email, r.PasswordHash, a.RegisteredAt)
	queueApplication(&batch, r.Application)
	queueSession(&batch, r.Upload)
	if r.EmailProof.ID != uuid.Nil {
		queueProof(&batch, r.EmailProof)
	}
	for _, n := range r.Notices {
		queueNotice(&batch, n)
	}
	queueEvent(&batch, r.Event)
	return failed("insert registration", t.tx.SendBatch(ctx, &batch).Close())
}

// TakenContacts returns what is in use of an e-mail and a phone, as fields that
// say so, the e-mail first.
func (r *Reader) TakenContacts(ctx context.Context, email, phone string) ([]fault.Field, error) {
	rows, err := r.db.Query(ctx, `
		SELECT taken FROM (VALUES
			('logins_email', EXISTS (SELECT FROM logins WHERE email = $1 AND released_at IS NULL)
				OR EXISTS (SELECT FROM accounts WHERE email = $1 AND contact_released_at IS NULL)),
			('accounts_phone', EXISTS (SELECT FROM accounts WHERE phone = $2 AND contact_released_at IS NULL))
		) AS index (taken, used) WHERE used`, email, phone)
	if err != nil {
		return nil, failed("read contacts", err)
	}
	indexes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	fields := make([]fault.Field, len(indexes))
	for i, index := range indexes {
		fields[i] = uniqueFields[index]
	}
	return fields, failed("read contacts", err)
}

// InsertApplication writes a further submission of an account.
func (t *Tx) InsertApplication(ctx context.Context, a Application) error {
	var batch pgx.Batch
	queueApplication(&batch, a)
	err := t.tx.SendBatch(ctx, &batch).Close()
	if violates(err, "applications_unaccepted") {
		return ErrSubmissionWaits
	}
	return failed("insert application", err)
}

func queueApplication(batch *pgx.Batch, a Application) {
	batch.Queue(`
		INSERT INTO applications (id, account_id, policy_version, name, locale, company, submitted_at, accepted_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.ID, a.AccountID, a.PolicyVersion, a.Name, a.Locale, a.Company, a.SubmittedAt, a.AcceptedAt)
}

const applicationColumns = `id, account_id, policy_version, name, locale, company, submitted_at, accepted_at, coalesce(outcome, '') AS outcome`

// Application returns one submission, or fault.NotFound.
func (r *Reader) Application(ctx context.Context, id uuid.UUID) (Application, error) {
	return r.application(ctx, `SELECT `+applicationColumns+` FROM applications WHERE id = $1`, id)
}

// CurrentApplication returns the submission that the account's review is
// about: the newest one that its case has taken up, or the first one while the
// case is being opened.
func (r *Reader) CurrentApplication(ctx context.Context, accountID uuid.UUID) (Application, error) {
	return r.application(ctx, `
		SELECT `+applicationColumns+` FROM applications
		WHERE account_id = $1 ORDER BY accepted_at IS NOT NULL DESC, submitted_at DESC, id DESC LIMIT 1`, accountID)
}

// CorrectionWaits reports whether the account has sent a corrected application
// that its case has not taken up yet.
func (r *Reader) CorrectionWaits(ctx context.Context, accountID uuid.UUID) (bool, error) {
	var waits bool
	err := r.db.QueryRow(ctx, `
		SELECT coalesce(bool_or(accepted_at IS NULL AND id <> first), false)
		FROM (
			SELECT id, accepted_at, first_value(id) OVER (ORDER BY submitted_at, id) AS first FROM applications WHERE account_id = $1
		) submission`, accountID).Scan(&waits)
	return waits, failed("read application", err)
}

func (r *Reader) application(ctx context.Context, sql string, id uuid.UUID) (Application, error) {
	rows, err := r.db.Query(ctx, sql, id)
	if err != nil {
		return Application{}, failed("read application", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Application])
	return a, failed("read application", err)
}

// AcceptFirstApplication records that the account's first submission was taken
// up, where a fault has kept that from being recorded although its review has
// gone on.
func (t *Tx) AcceptFirstApplication(ctx context.Context, accountID uuid.UUID, now time.Time) error {
	_, err := t.tx.Exec(ctx, `
		UPDATE applications SET accepted_at = $2
		WHERE id = (SELECT id FROM applications WHERE account_id = $1 ORDER BY submitted_at, id LIMIT 1) AND accepted_at IS NULL`,
		accountID, now)
	return failed("accept application", err)
}

// AcceptApplication records that the account's case has taken a submission up
// and supersedes the ones before it. It does nothing when the case had done so
// before.
func (t *Tx) AcceptApplication(ctx context.Context, a Application, now time.Time) error {
	_, err := t.tx.Exec(ctx, `
		WITH accepted AS (
			UPDATE applications SET accepted_at = $3 WHERE id = $2 AND accepted_at IS NULL RETURNING submitted_at
		)
		UPDATE applications earlier SET outcome = 'superseded', closed_at = $3
		FROM accepted
		WHERE earlier.account_id = $1 AND earlier.id <> $2 AND earlier.outcome IS NULL AND earlier.submitted_at <= accepted.submitted_at`,
		a.AccountID, a.ID, now)
	return failed("accept application", err)
}
