package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"kibali/domain/account"
	"kibali/domain/actor"
)

// Pass is what an account's credential opens at this moment: the credential,
// its account, and the account's status and block, all of one statement.
type Pass struct {
	CredentialID uuid.UUID
	AccountID    uuid.UUID
	Status       account.Status
	Blocked      bool // a decision to suspend is on its way
	// KeyEpoch counts the revocations among the account's API keys. The key is in
	// force as long as that is the count. Zero for other credentials.
	KeyEpoch int32
	// UsedAt is the last use of an API key that is written down; zero for
	// none, and for other credentials.
	UsedAt time.Time
}

// PassByAPIKey returns the pass of the key that has the hash, whatever the
// account's status, unless the key is revoked: fault.NotFound.
func (r *Reader) PassByAPIKey(ctx context.Context, hash [32]byte) (Pass, error) {
	var p Pass
	var usedAt pgtype.Timestamptz
	err := r.db.QueryRow(ctx, `
		SELECT k.id, k.account_id, b.status, b.blocked_by IS NOT NULL, b.key_epoch, k.last_used_at
		FROM api_keys k JOIN balances b USING (account_id)
		WHERE k.hash = $1 AND k.revoked_at IS NULL`, hash[:]).
		Scan(&p.CredentialID, &p.AccountID, &p.Status, &p.Blocked, &p.KeyEpoch, &usedAt)
	p.UsedAt = usedAt.Time
	return p, failed("read API key", err)
}

// ServicePass is what an account may do of which a service asks.
type ServicePass struct {
	Pass
	Scopes []actor.Scope // of the service's credential
}

// PassForService returns the pass of an account for the service whose
// credential has the hash: fault.NotFound when that is revoked. Its Status is
// empty when there is no such account.
func (r *Reader) PassForService(ctx context.Context, hash [32]byte, accountID uuid.UUID) (ServicePass, error) {
	p := ServicePass{Pass: Pass{AccountID: accountID}}
	err := r.db.QueryRow(ctx, `
		SELECT s.id, s.scopes, coalesce(a.status, ''), coalesce(a.blocked_by IS NOT NULL, false)
		FROM services s LEFT JOIN accounts a ON a.id = $2
		WHERE s.hash = $1 AND s.revoked_at IS NULL`, hash[:], accountID).Scan(&p.CredentialID, &p.Scopes, &p.Status, &p.Blocked)
	return p, failed("read service", err)
}
