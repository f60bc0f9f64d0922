package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
	"kibali/domain/fault"
)

// Service is a platform's own gateway with its credential.
type Service struct {
	ID         uuid.UUID
	Name       string
	Prefix     string // of the credential, by which its owner knows it again
	Scopes     []actor.Scope
	CreatedBy  *uuid.UUID // the staff member; nil for the command line
	CreatedAt  time.Time
	LastUsedAt *time.Time // nil: not yet; may lag some seconds
}

const serviceColumns = `s.id, s.name, s.prefix, s.scopes, s.created_by, s.created_at, s.last_used_at`

// InsertService adds a service with the hash of its credential. It returns
// fault.Taken when the name is in use.
func (t *Tx) InsertService(ctx context.Context, s Service, hash [32]byte) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO services (id, name, hash, prefix, scopes, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.ID, s.Name, hash[:], s.Prefix, s.Scopes, s.CreatedBy, s.CreatedAt)
	return failed("insert service", err)
}

// RevokeService ends the credential of a service for good and gives its name
// back. It returns fault.NotFound when there is none in force.
func (t *Tx) RevokeService(ctx context.Context, id uuid.UUID, now time.Time) error {
	tag, err := t.tx.Exec(ctx, `UPDATE services SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, id, now)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "There is no such service.")
	}
	return failed("revoke service", err)
}

// Services returns the services whose credential is in force, the newest
// first.
func (r *Reader) Services(ctx context.Context) ([]Service, error) {
	rows, err := r.db.Query(ctx, `SELECT `+serviceColumns+` FROM services s WHERE s.revoked_at IS NULL ORDER BY s.created_at DESC, s.id DESC`)
	if err != nil {
		return nil, failed("read services", err)
	}
	services, err := pgx.CollectRows(rows, pgx.RowToStructByName[Service])
	return services, failed("read services", err)
}

// ServiceByToken returns the service whose credential has the hash, unless it
// is revoked: fault.NotFound.
func (r *Reader) ServiceByToken(ctx context.Context, hash [32]byte) (Service, error) {
	rows, err := r.db.Query(ctx, `SELECT `+serviceColumns+` FROM services s WHERE s.hash = $1 AND s.revoked_at IS NULL`, hash[:])
	if err != nil {
		return Service{}, failed("read service", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Service])
	return s, failed("read service", err)
}
