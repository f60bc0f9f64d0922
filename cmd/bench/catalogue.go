package main

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/domain/account"
	"kibali/store"
)

// catalogue is all accounts, in memory, for the bench to know what the right
// answers are and where deep pages begin.
type catalogue struct {
	entries []entry
	orders  map[store.Sort][]int32 // the entries in ascending order
}

type entry struct {
	ID           uuid.UUID
	Status       account.Status
	RegisteredAt time.Time
	LastActiveAt time.Time // zero for never
	Credits      int64
	SearchText   string
}

func readCatalogue(ctx context.Context, db *pgxpool.Pool) (*catalogue, error) {
	rows, err := db.Query(ctx, `
		SELECT a.id, a.status, a.registered_at, nullif(y.last_active_at, '-infinity') AS last_active_at, k.credits, a.search_text
		FROM accounts a JOIN account_activity y ON y.account_id = a.id JOIN account_credits k ON k.account_id = a.id`)
	if err != nil {
		return nil, err
	}
	c := &catalogue{orders: map[store.Sort][]int32{}}
	var e entry
	var active *time.Time
	if _, err := pgx.ForEachRow(rows, []any{&e.ID, &e.Status, &e.RegisteredAt, &active, &e.Credits, &e.SearchText}, func() error {
		e.LastActiveAt = time.Time{}
		if active != nil {
			e.LastActiveAt = active.UTC()
		}
		e.RegisteredAt = e.RegisteredAt.UTC()
		c.entries = append(c.entries, e)
		return nil
	}); err != nil {
		return nil, err
	}
	for _, sort := range sorts {
		order := make([]int32, len(c.entries))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(a, b int32) int {
			x, y := &c.entries[a], &c.entries[b]
			return cmp.Or(x.compare(y, sort), bytes.Compare(x.ID[:], y.ID[:]))
		})
		c.orders[sort] = order
	}
	return c, nil
}

func (e *entry) compare(other *entry, sort store.Sort) int {
	switch sort {
	case store.SortCredits:
		return cmp.Compare(e.Credits, other.Credits)
	case store.SortLastActive:
		return e.LastActiveAt.Compare(other.LastActiveAt)
	}
	return e.RegisteredAt.Compare(other.RegisteredAt)
}

func (e *entry) cursor(sort store.Sort) *store.AccountsCursor {
	switch sort {
	case store.SortCredits:
		return &store.AccountsCursor{Credits: e.Credits, ID: e.ID}
	case store.SortLastActive:
		return &store.AccountsCursor{Time: e.LastActiveAt, ID: e.ID}
	}
	return &store.AccountsCursor{Time: e.RegisteredAt, ID: e.ID}
}

// matching reports for each entry whether every word of q occurs in it.
func (c *catalogue) matching(q string) []bool {
	matching := make([]bool, len(c.entries))
	words := strings.Fields(strings.ToLower(q))
	for i := range c.entries {
		matching[i] = !slices.ContainsFunc(words, func(word string) bool { return !c.entries[i].has(word) })
	}
	return matching
}

func (e *entry) has(word string) bool {
	if strings.Contains(e.SearchText, word) {
		return true
	}
	digits, ok := account.PhoneSearchDigits(word)
	_, phone, _ := strings.Cut(e.SearchText, "\n")
	return ok && strings.Contains(phone, digits)
}

// questions are those of one search: for every tab, sort and direction the
// first page, and a deep one where the matches fill several.
func (c *catalogue) questions(s search) []question {
	var questions []question
	matching := c.matching(s.q)
	for _, sort := range sorts {
		byTab := map[account.Status][]int32{}
		for _, i := range c.orders[sort] {
			if matching[i] {
				byTab[""] = append(byTab[""], i)
				byTab[c.entries[i].Status] = append(byTab[c.entries[i].Status], i)
			}
		}
		for _, tab := range tabs {
			for _, ascending := range []bool{true, false} {
				q := question{search: s, query: store.AccountsQuery{Status: tab, Q: s.q, Sort: sort, Ascending: ascending, Limit: pageSize}}
				found := slices.Clone(byTab[tab])
				if !ascending {
					slices.Reverse(found)
				}
				q.answer = c.ids(found)
				questions = append(questions, q)
				if begin := min(deepPage*pageSize, len(found)/2); begin >= pageSize {
					q.deep, q.query.After = true, c.entries[found[begin-1]].cursor(sort)
					q.answer = c.ids(found[begin:])
					questions = append(questions, q)
				}
			}
		}
	}
	return questions
}

// ids are those of a page that begins with the entries.
func (c *catalogue) ids(of []int32) []uuid.UUID {
	ids := make([]uuid.UUID, min(pageSize, len(of)))
	for i := range ids {
		ids[i] = c.entries[of[i]].ID
	}
	return ids
}
