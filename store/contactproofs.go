package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// How the proof of a contact ends, unless its time is over first.
const (
	ProofProved    = "proved"
	ProofReplaced  = "replaced"  // by a newer one
	ProofExhausted = "exhausted" // too many wrong codes were tried
	ProofVoid      = "void"      // the change must not take place any more
)

// ContactProof is that a user is to prove to have an e-mail address or a phone.
type ContactProof struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Contact   account.Contact
	Value     string
	// Change says that the value takes the place of the account's own when it is
	// proved. Once it has, Previous is what that was, and ToldBy names the
	// notification that tells of it there.
	Change      bool
	Previous    string
	ToldBy      *uuid.UUID
	SessionID   *uuid.UUID // that asked for the change
	RequestedAt time.Time
	IssuedAt    *time.Time // when the link or code was first sent
	ExpiresAt   *time.Time
	Tries       int    // of codes
	Outcome     string // empty while it is open
}

// Open reports whether the proof has not ended. Its time may be over.
func (p ContactProof) Open() bool { return p.Outcome == "" }

// Over reports whether the link or code is good no more at now.
func (p ContactProof) Over(now time.Time) bool {
	return !p.Open() || p.ExpiresAt != nil && !now.Before(*p.ExpiresAt)
}

const proofColumns = `id, account_id, contact, value, change, previous, told_by, session_id, requested_at, issued_at, expires_at, tries, coalesce(outcome, '') AS outcome`

// InsertProof records that a contact is to be proved, in place of what was to be
// proved before. The account is locked by the caller.
func (t *Tx) InsertProof(ctx context.Context, p ContactProof) error {
	var batch pgx.Batch
	batch.Queue(`
		UPDATE contact_proofs SET outcome = $4, closed_at = $3 WHERE account_id = $1 AND contact = $2 AND closed_at IS NULL`,
		p.AccountID, p.Contact, p.RequestedAt, ProofReplaced)
	queueProof(&batch, p)
	return failed("insert contact proof", t.tx.SendBatch(ctx, &batch).Close())
}

func queueProof(batch *pgx.Batch, p ContactProof) {
	batch.Queue(`
		INSERT INTO contact_proofs (id, account_id, contact, value, change, session_id, requested_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		p.ID, p.AccountID, p.Contact, p.Value, p.Change, p.SessionID, p.RequestedAt)
}

// ContactProof returns one proof, or fault.NotFound.
func (r *Reader) ContactProof(ctx context.Context, id uuid.UUID) (ContactProof, error) {
	return r.proof(ctx, `SELECT `+proofColumns+` FROM contact_proofs WHERE id = $1`, id)
}

// LockProof is ContactProof that keeps others from changing the proof until the
// transaction ends. Whoever locks the account too does that first.
func (t *Tx) LockProof(ctx context.Context, id uuid.UUID) (ContactProof, error) {
	return t.Reader().proof(ctx, `SELECT `+proofColumns+` FROM contact_proofs WHERE id = $1 FOR UPDATE`, id)
}

// ProofToldBy returns the proof whose change a notification tells of, or
// fault.NotFound.
func (r *Reader) ProofToldBy(ctx context.Context, notificationID uuid.UUID) (ContactProof, error) {
	return r.proof(ctx, `SELECT `+proofColumns+` FROM contact_proofs WHERE told_by = $1`, notificationID)
}

// OpenProof returns what an account is to prove of a contact, or
// fault.NotFound. Its time may be over.
func (r *Reader) OpenProof(ctx context.Context, accountID uuid.UUID, contact account.Contact) (ContactProof, error) {
	return r.proof(ctx, `
		SELECT `+proofColumns+` FROM contact_proofs WHERE account_id = $1 AND contact = $2 AND closed_at IS NULL`, accountID, contact)
}

// OpenProofs returns all that an account is to prove.
func (r *Reader) OpenProofs(ctx context.Context, accountID uuid.UUID) ([]ContactProof, error) {
	rows, err := r.db.Query(ctx, `SELECT `+proofColumns+` FROM contact_proofs WHERE account_id = $1 AND closed_at IS NULL`, accountID)
	if err != nil {
		return nil, failed("read contact proofs", err)
	}
	proofs, err := pgx.CollectRows(rows, pgx.RowToStructByName[ContactProof])
	return proofs, failed("read contact proofs", err)
}

// ProofByToken returns the proof whose link has the token with the hash, or
// fault.NotFound. It may have ended, and its time may be over.
func (r *Reader) ProofByToken(ctx context.Context, hash [32]byte) (ContactProof, error) {
	return r.proof(ctx, `SELECT `+proofColumns+` FROM contact_proofs WHERE contact = 'email' AND secret_hash = $1`, hash[:])
}

func (r *Reader) proof(ctx context.Context, sql string, args ...any) (ContactProof, error) {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return ContactProof{}, failed("read contact proof", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[ContactProof])
	return p, failed("read contact proof", err)
}

// IssueProof records when a link or code is sent and until when it is good. hash
// is that of the token, or of the code.
func (t *Tx) IssueProof(ctx context.Context, p ContactProof, hash [32]byte) error {
	_, err := t.tx.Exec(ctx, `UPDATE contact_proofs SET issued_at = $2, expires_at = $3, secret_hash = $4 WHERE id = $1`,
		p.ID, p.IssuedAt, p.ExpiresAt, hash[:])
	return failed("issue contact proof", err)
}

// TryCode counts that a code is tried, and returns the hash of the right one and
// how many were tried with this. It returns fault.NotFound when none may be tried
// any more: of any number at once no more than account.CodeTries are counted.
func (t *Tx) TryCode(ctx context.Context, id uuid.UUID, now time.Time) (hash [32]byte, tries int, err error) {
	var kept []byte
	err = t.tx.QueryRow(ctx, `
		UPDATE contact_proofs SET tries = tries + 1
		WHERE id = $1 AND contact = 'phone' AND closed_at IS NULL AND expires_at > $2 AND tries < $3 RETURNING secret_hash, tries`,
		id, now, account.CodeTries).Scan(&kept, &tries)
	copy(hash[:], kept)
	return hash, tries, failed("read contact proof", err)
}

// RedeemProof ends a proof as proved. It returns fault.NotFound when its link or
// code is not good at now: of many who use it at once, one succeeds.
func (t *Tx) RedeemProof(ctx context.Context, id uuid.UUID, now time.Time) error {
	var redeemed uuid.UUID
	err := t.tx.QueryRow(ctx, `
		UPDATE contact_proofs SET outcome = 'proved', closed_at = $2
		WHERE id = $1 AND closed_at IS NULL AND expires_at > $2 RETURNING id`, id, now).Scan(&redeemed)
	return failed("read contact proof", err)
}

// CloseProof ends a proof without one. One that has ended stays as it is.
func (t *Tx) CloseProof(ctx context.Context, id uuid.UUID, outcome string, now time.Time) error {
	_, err := t.tx.Exec(ctx, `UPDATE contact_proofs SET outcome = $2, closed_at = $3 WHERE id = $1 AND closed_at IS NULL`, id, outcome, now)
	return failed("close contact proof", err)
}

// queueVoidChanges ends the changes of contacts that an account has asked for
// and not proved: whoever asked for them may not be who they said.
func queueVoidChanges(batch *pgx.Batch, accountID uuid.UUID, now time.Time) {
	batch.Queue(`UPDATE contact_proofs SET outcome = 'void', closed_at = $2 WHERE account_id = $1 AND change AND closed_at IS NULL`,
		accountID, now)
}

// VerifyContact records that the user of an account has proved a contact of it.
func (t *Tx) VerifyContact(ctx context.Context, accountID uuid.UUID, contact account.Contact, now time.Time) error {
	_, err := t.tx.Exec(ctx, fmt.Sprintf(`UPDATE accounts SET %s_verified_at = $2 WHERE id = $1`, contact), accountID, now)
	return failed("update account", err)
}

// ContactTaken reports whether another account has an address or a number.
func (r *Reader) ContactTaken(ctx context.Context, accountID uuid.UUID, contact account.Contact, value string) (bool, error) {
	var taken bool
	err := r.db.QueryRow(ctx, fmt.Sprintf(`
		SELECT EXISTS (SELECT FROM accounts WHERE %s = $2 AND contact_released_at IS NULL AND id <> $1)`, contact), accountID, value).Scan(&taken)
	return taken, failed("read account", err)
}

// ErrTaken returns what a value that belongs to another account is refused with.
func ErrTaken(contact account.Contact) error { return taken(uniqueFields["accounts_"+string(contact)]) }

// ChangeContact gives an account the address or number of a proof, which is
// proved. a is the account with it, and locked. With another e-mail address it is
// signed in to: links to reset the password that were mailed to the old one are
// replaced, by nothing, and returned, and every session ends but the one that
// asked. It returns fault.Taken with the contact's name when another account has
// it by now.
func (t *Tx) ChangeContact(ctx context.Context, a account.Account, p ContactProof, now time.Time) (replaced []PasswordReset, err error) {
	var batch pgx.Batch
	batch.Queue(fmt.Sprintf(`UPDATE accounts SET %[1]s = $2, %[1]s_verified_at = $3, search_text = $4 WHERE id = $1`, p.Contact),
		a.ID, p.Value, now, SearchText(a))
	batch.Queue(`UPDATE contact_proofs SET previous = $2, told_by = $3 WHERE id = $1`, p.ID, p.Previous, p.ToldBy)
	if p.Contact == account.ContactEmail {
		batch.Queue(`UPDATE logins SET email = $2 WHERE account_id = $1 AND released_at IS NULL`, a.ID, p.Value)
		batch.Queue(`
			UPDATE password_resets SET outcome = 'replaced', closed_at = $2, email = NULL
			WHERE account_id = $1 AND closed_at IS NULL AND decision_id IS NULL
			RETURNING `+resetColumns, a.ID, now).Query(func(rows pgx.Rows) (err error) {
			replaced, err = pgx.CollectRows(rows, pgx.RowToStructByName[PasswordReset])
			return err
		})
		batch.Queue(`
			UPDATE sessions SET ended_at = $2 WHERE account_id = $1 AND purpose = 'session' AND ended_at IS NULL AND id IS DISTINCT FROM $3`,
			a.ID, now, p.SessionID)
	}
	return replaced, failed("update account", t.tx.SendBatch(ctx, &batch).Close())
}

// ForgetProofs drops proofs that were asked for before the given time.
func (s *Store) ForgetProofs(ctx context.Context, before time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM contact_proofs WHERE requested_at < $1`, before)
	return failed("forget contact proofs", err)
}
