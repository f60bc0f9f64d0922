package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kibali/domain/account"
)

// SavedView is a filter and sort of the list of accounts that a staff member has
// given a name.
type SavedView struct {
	ID        uuid.UUID
	StaffID   uuid.UUID
	Name      string
	Status    account.Status
	Q         string
	Sort      Sort
	Ascending bool
	CreatedAt time.Time
}

// SaveView keeps a view, in place of the staff member's other one of the same
// name in any case. It reports false, and keeps nothing, when they have so many
// already.
func (s *Store) SaveView(ctx context.Context, v SavedView, most int) (bool, error) {
	kept, err := s.pool.Exec(ctx, `
		INSERT INTO saved_views (id, staff_id, name, status, q, sort, ascending, created_at)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8
		WHERE (SELECT count(*) FROM saved_views WHERE staff_id = $2 AND lower(name) <> lower($3)) < $9
		ON CONFLICT (staff_id, lower(name)) DO UPDATE SET
			name = excluded.name, status = excluded.status, q = excluded.q, sort = excluded.sort, ascending = excluded.ascending`,
		v.ID, v.StaffID, v.Name, v.Status, v.Q, v.Sort, v.Ascending, v.CreatedAt, most)
	return kept.RowsAffected() == 1, failed("save view", err)
}

// DeleteView drops a view of the staff member, where there is one.
func (s *Store) DeleteView(ctx context.Context, staffID, id uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM saved_views WHERE id = $1 AND staff_id = $2`, id, staffID)
	return failed("delete view", err)
}

// SavedViews returns the views of a staff member, by name.
func (r *Reader) SavedViews(ctx context.Context, staffID uuid.UUID) ([]SavedView, error) {
	rows, err := r.db.Query(ctx, `
		SELECT id, staff_id, name, status, q, sort, ascending, created_at FROM saved_views WHERE staff_id = $1 ORDER BY lower(name)`, staffID)
	if err != nil {
		return nil, failed("read views", err)
	}
	views, err := pgx.CollectRows(rows, pgx.RowToStructByName[SavedView])
	return views, failed("read views", err)
}
