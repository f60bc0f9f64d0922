package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// In what an account may be like another one.
const (
	SamePhone    = "phone"
	SameEmail    = "email"
	SameNumber   = "registration_number" // of the company
	SameTIN      = "tin"
	SameDocument = "document" // byte for byte
)

// Likeness is another account that shares something with one, which may mean
// that somebody tries again under another name.
type Likeness struct {
	AccountID    uuid.UUID
	CompanyName  string
	Status       account.Status
	RegisteredAt time.Time
	Shared       []string // Same...
}

// maxLikenesses bounds how many are returned: those who share most come first.
const maxLikenesses = 20

// Likenesses returns the accounts that share a phone, an e-mail, a company's
// registration number or TIN, or a document with the given one.
func (r *Reader) Likenesses(ctx context.Context, accountID uuid.UUID) ([]Likeness, error) {
	rows, err := r.db.Query(ctx, `
		WITH own AS (
			SELECT id, email, phone, company_tin, upper(regexp_replace(company_registration_number, '[^[:alnum:]]', '', 'g')) AS number
			FROM accounts WHERE id = $1
		), shared AS (
			SELECT a.id, 'phone' AS what FROM own JOIN accounts a ON a.phone = own.phone AND a.contact_released_at IS NOT NULL
			UNION SELECT a.id, 'phone' FROM own JOIN accounts a ON a.phone = own.phone AND a.contact_released_at IS NULL
			UNION SELECT a.id, 'email' FROM own JOIN accounts a ON a.email = own.email AND a.contact_released_at IS NOT NULL
			UNION SELECT a.id, 'email' FROM own JOIN accounts a ON a.email = own.email AND a.contact_released_at IS NULL
			UNION SELECT a.id, 'registration_number' FROM own JOIN accounts a ON own.number <> '' AND a.company_registration_number <> ''
				AND upper(regexp_replace(a.company_registration_number, '[^[:alnum:]]', '', 'g')) = own.number
			UNION SELECT a.id, 'tin' FROM own JOIN accounts a ON own.company_tin <> '' AND a.company_tin <> '' AND a.company_tin = own.company_tin
			UNION SELECT other.account_id, 'document' FROM documents mine JOIN documents other ON other.sha256 = mine.sha256 AND other.account_id <> mine.account_id
				WHERE mine.account_id = $1
		)
		SELECT a.id AS account_id, a.company_name, a.status, a.registered_at, array_agg(s.what ORDER BY s.what) AS shared
		FROM shared s JOIN accounts a ON a.id = s.id WHERE s.id <> $1
		GROUP BY a.id ORDER BY count(*) DESC, a.registered_at DESC LIMIT $2`, accountID, maxLikenesses)
	if err != nil {
		return nil, failed("compare accounts", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Likeness])
	return found, failed("compare accounts", err)
}
