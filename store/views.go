package store

import (
	"context"
	"slices"
	"strings"
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

// forgetViews drops the saved views that search for an account that is about to
// be erased: whose words all occur in what it is or was found by, or in which its
// e-mail or phone stands beside others. Whose words they are cannot be told of a
// view that finds others too, so that goes as well.
func (t *Tx) forgetViews(ctx context.Context, a account.Account) error {
	text, err := t.everSearched(ctx, a)
	if err != nil {
		return err
	}
	rows, err := t.tx.Query(ctx, `SELECT id, q FROM saved_views WHERE q <> ''`)
	if err != nil {
		return failed("read views", err)
	}
	var gone []uuid.UUID
	var id uuid.UUID
	var q string
	_, err = pgx.ForEachRow(rows, []any{&id, &q}, func() error {
		if looksFor(q, a, text) {
			gone = append(gone, id)
		}
		return nil
	})
	if err != nil || len(gone) == 0 {
		return failed("read views", err)
	}
	_, err = t.tx.Exec(ctx, `DELETE FROM saved_views WHERE id = ANY($1)`, gone)
	return failed("forget views", err)
}

// everSearched returns the search text of an account with that of its earlier
// names and contacts, as far as those are known.
func (t *Tx) everSearched(ctx context.Context, a account.Account) (string, error) {
	rows, err := t.tx.Query(ctx, `
		SELECT 'name', name || ' ' || coalesce(company ->> 'name', '') FROM applications WHERE account_id = $1
		UNION ALL SELECT contact, previous FROM contact_proofs WHERE account_id = $1 AND previous <> ''`, a.ID)
	if err != nil {
		return "", failed("read earlier names", err)
	}
	var names, phones strings.Builder
	var kind, earlier string
	_, err = pgx.ForEachRow(rows, []any{&kind, &earlier}, func() error {
		names.WriteString(searchable(earlier) + " ")
		if kind == string(account.ContactPhone) {
			phones.WriteString(" " + account.PhoneSearchText(earlier))
		}
		return nil
	})
	return names.String() + SearchText(a) + phones.String(), failed("read earlier names", err)
}

func looksFor(q string, a account.Account, text string) bool {
	words := searchWords(q)
	if len(words) > 0 && !slices.ContainsFunc(words, func(w searchWord) bool { return !w.in(text) }) {
		return true
	}
	q = searchable(q)
	return a.Email != "" && strings.Contains(q, searchable(a.Email)) || a.Phone != "" && strings.Contains(q, a.Phone)
}
