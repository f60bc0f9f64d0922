package store

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/actor"
	"kibali/domain/policy"
)

// Policy returns the policy that is in force, and its version.
func (r *Reader) Policy(ctx context.Context) (policy.Policy, int, error) {
	var version int
	var content []byte
	err := r.db.QueryRow(ctx, `SELECT version, content FROM policies ORDER BY version DESC LIMIT 1`).Scan(&version, &content)
	if err != nil {
		return policy.Policy{}, 0, failed("read policy", err)
	}
	p, err := policy.Parse(content)
	return p, version, err
}

// PolicyVersion returns one version of the policy, or fault.NotFound.
func (r *Reader) PolicyVersion(ctx context.Context, version int) (policy.Policy, error) {
	var content []byte
	if err := r.db.QueryRow(ctx, `SELECT content FROM policies WHERE version = $1`, version).Scan(&content); err != nil {
		return policy.Policy{}, failed("read policy", err)
	}
	return policy.Parse(content)
}

// InsertPolicy puts a new version in force, with its audit event, and returns
// its number. It returns fault.Invalid, and has written nothing, when p cannot
// be a policy.
func (t *Tx) InsertPolicy(ctx context.Context, p policy.Policy, by actor.Actor, note string, now time.Time) (int, error) {
	if err := p.Validate(); err != nil {
		return 0, err
	}
	var staff *uuid.UUID
	if by.Kind == actor.Staff {
		staff = &by.ID
	}
	// Each event names the version that it replaced.
	if err := t.LockPolicy(ctx); err != nil {
		return 0, err
	}
	var before, version int
	err := t.tx.QueryRow(ctx, `
		INSERT INTO policies (content, note, changed_by, changed_at) VALUES ($1, $2, $3, $4)
		RETURNING (SELECT coalesce(max(version), 0) FROM policies), version`, p, note, staff, now).Scan(&before, &version)
	if err != nil {
		return 0, failed("insert policy", err)
	}
	return version, t.AppendEvent(ctx, Event{
		At: now, Actor: by, Action: "policy.changed", Subject: "policy", SubjectID: strconv.Itoa(version),
		Before: map[string]any{"version": before}, After: map[string]any{"version": version},
	})
}

// LockPolicy makes others who change the policy wait until the transaction ends.
func (t *Tx) LockPolicy(ctx context.Context) error {
	_, err := t.tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, policyLock)
	return failed("lock policy", err)
}

// PolicyChange is one version of the policy, and who made it so.
type PolicyChange struct {
	Version   int
	Note      string
	StaffName string // empty when nobody in particular did
	ChangedAt time.Time
}

// PolicyChanges returns the versions of the policy, the newest first, at most
// limit.
func (r *Reader) PolicyChanges(ctx context.Context, limit int) ([]PolicyChange, error) {
	rows, err := r.db.Query(ctx, `
		SELECT p.version, p.note, coalesce(s.name, '') AS staff_name, p.changed_at
		FROM policies p LEFT JOIN staff s ON s.id = p.changed_by ORDER BY p.version DESC LIMIT $1`, limit)
	if err != nil {
		return nil, failed("read policy", err)
	}
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByName[PolicyChange])
	return changes, failed("read policy", err)
}

// policyLock is the advisory lock of whoever changes the policy.
const policyLock int64 = 0x706f6c696379 // "policy"
