package store

import (
	"context"

	"github.com/google/uuid"

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

// InsertPolicy puts a new version in force and returns its number; by is the
// staff member who changed it, nil for the installation itself.
func (t *Tx) InsertPolicy(ctx context.Context, p policy.Policy, by *uuid.UUID, note string) (int, error) {
	var version int
	err := t.tx.QueryRow(ctx, `INSERT INTO policies (content, note, changed_by) VALUES ($1, $2, $3) RETURNING version`, p, note, by).Scan(&version)
	return version, failed("insert policy", err)
}
