package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// Sort is what a list of accounts is ordered by. Ties are broken by the id, in
// the same direction.
type Sort string

// The sorts of the list. An account that was never active comes before every
// other one in ascending order of its last activity.
const (
	SortRegistered Sort = "registered_at"
	SortLastActive Sort = "last_active_at"
	SortCredits    Sort = "credits"
)

// MaxListed is how many items a page of a list may have.
const MaxListed = 100

// AccountsQuery asks for one page of the list of accounts.
type AccountsQuery struct {
	Status    account.Status // "" for all of them
	Q         string         // what to search for; see Accounts
	Sort      Sort
	Ascending bool
	Limit     int             // 1 to MaxListed
	After     *AccountsCursor // the Next of the page before; nil for the first page
	Before    *AccountsCursor // the Previous of the page behind; nil unless going back
}

// AccountsCursor is the place of an account in a list. It encodes to JSON.
type AccountsCursor struct {
	Time    time.Time `json:"t,omitzero"` // of the sorts by time; zero is never
	Credits int64     `json:"c,omitzero"` // of SortCredits
	ID      uuid.UUID `json:"i"`
}

// AccountsPage is one page of the list, all of it of the same instant.
type AccountsPage struct {
	Items    []AccountView
	Next     *AccountsCursor // nil when there is no further page
	Previous *AccountsCursor // nil when there is no page before
	Counts   Counts
	Matches  Matches
}

// Counts is how many accounts the installation has.
type Counts struct {
	Pending, Active, Suspended, Rejected, Closed, All int64
}

// Of returns the count of a status, or of all for "".
func (c Counts) Of(status account.Status) int64 {
	switch status {
	case account.Pending:
		return c.Pending
	case account.Active:
		return c.Active
	case account.Suspended:
		return c.Suspended
	case account.Rejected:
		return c.Rejected
	case account.Closed:
		return c.Closed
	}
	return c.All
}

// Matches is how many accounts a query has on all of its pages: Count exactly,
// or more than that.
type Matches struct {
	Count int64
	Exact bool
}

// maxMatches is up to where matches are counted.
const maxMatches = 1000

func matchesOf(found int64) Matches {
	return Matches{Count: min(found, maxMatches), Exact: found <= maxMatches}
}

// Accounts returns the page that the query asks for.
//
// Q is words with white space between them. An account matches when each word
// occurs, in upper or lower case, in its name, its e-mail, its company's name
// or any notation of its phone; every character of a word stands for itself.
// Matches are counted for Q and Status together.
//
// It returns fault.Invalid, naming the parameter, for a query that is not of
// this form: fields "status", "sort", "limit" and "q", the last one for more than
// MaxSearchWords words or MaxSearchText characters, NUL and invalid UTF-8.
func (r *Reader) Accounts(ctx context.Context, q AccountsQuery) (AccountsPage, error) {
	if q.Before != nil {
		return r.accountsBefore(ctx, q)
	}
	page, err := r.accountsAfter(ctx, q)
	if err == nil && q.After != nil && len(page.Items) > 0 {
		page.Previous = q.cursorOf(page.Items[0].Account)
	}
	return page, err
}

// accountsBefore returns the page that ends before q.Before: the one behind it
// in the opposite order, turned round.
func (r *Reader) accountsBefore(ctx context.Context, q AccountsQuery) (AccountsPage, error) {
	q.Before, q.After, q.Ascending = nil, q.Before, !q.Ascending
	page, err := r.accountsAfter(ctx, q)
	if err != nil {
		return AccountsPage{}, err
	}
	more := page.Next != nil
	slices.Reverse(page.Items)
	page.Previous, page.Next = nil, nil
	if n := len(page.Items); n > 0 {
		page.Next = q.cursorOf(page.Items[n-1].Account)
		if more {
			page.Previous = q.cursorOf(page.Items[0].Account)
		}
	}
	return page, nil
}

func (r *Reader) accountsAfter(ctx context.Context, q AccountsQuery) (AccountsPage, error) {
	words, field := parseSearch(q.Q)
	if err := fault.InvalidFields(slices.Concat(q.refusals(), field)...); err != nil {
		return AccountsPage{}, err
	}
	if len(words) == 0 {
		found, err := r.listed(ctx, q, nil, plan{})
		return found.AccountsPage, failed("list accounts", err)
	}
	found, err := r.carriedOut(ctx, q, words, r.search.plan(q, words))
	return found.AccountsPage, failed("search accounts", err)
}

func (q AccountsQuery) refusals() []fault.Field {
	var bad []fault.Field
	statuses := []account.Status{"", account.Pending, account.Active, account.Suspended, account.Rejected, account.Closed}
	if !slices.Contains(statuses, q.Status) {
		bad = append(bad, fault.Field{Field: "status", Code: "invalid", Detail: "Must be a status."})
	}
	if !slices.Contains([]Sort{SortRegistered, SortLastActive, SortCredits}, q.Sort) {
		bad = append(bad, fault.Field{Field: "sort", Code: "invalid", Detail: "Must be a sort of the list."})
	}
	if q.Limit < 1 || q.Limit > MaxListed {
		bad = append(bad, fault.Field{Field: "limit", Code: "invalid", Detail: "Must be from 1 to 100."})
	}
	return bad
}

// cursorOf returns the place of an account in the order of the query.
func (q AccountsQuery) cursorOf(a account.Account) *AccountsCursor {
	switch q.Sort {
	case SortCredits:
		return &AccountsCursor{Credits: a.Credits, ID: a.ID}
	case SortLastActive:
		return &AccountsCursor{Time: a.LastActiveAt, ID: a.ID}
	}
	return &AccountsCursor{Time: a.RegisteredAt, ID: a.ID}
}
