package store_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/store"
)

var (
	statuses = []account.Status{account.Pending, account.Active, account.Suspended, account.Rejected, account.Closed}
	sorts    = []store.Sort{store.SortRegistered, store.SortLastActive, store.SortCredits}
)

// insertAccounts writes accounts as they are, their triggers included.
func (b testBundle) insertAccounts(t *testing.T, accounts []account.Account) {
	t.Helper()
	columns := []string{
		"id", "name", "email", "phone", "locale", "company_name", "company_industry", "status", "stage", "stage_since",
		"registered_at", "last_active_at", "credits", "search_text",
	}
	_, err := b.owner.CopyFrom(t.Context(), pgx.Identifier{"accounts"}, columns,
		pgx.CopyFromSlice(len(accounts), func(i int) ([]any, error) {
			a := accounts[i]
			active := pgtype.Timestamptz{Time: a.LastActiveAt, Valid: true}
			if a.LastActiveAt.IsZero() {
				active = pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
			}
			return []any{
				a.ID, a.Name, a.Email, a.Phone, a.Locale, a.Company.Name, a.Company.Industry, a.Status, a.Stage, a.StageSince,
				a.RegisteredAt, active, a.Credits, store.SearchText(a),
			}, nil
		}))
	require.NoError(t, err)
}

// randomAccounts makes accounts that share names, times and credits.
func randomAccounts(rng *rand.Rand, n int) []account.Account {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	accounts := make([]account.Account, n)
	for i := range accounts {
		a := account.Account{
			ID:    uuid.UUID(fmt.Appendf(nil, "%016x", rng.Uint64())),
			Name:  pick("Asha", "JUMA", "Neema", "Zainabu", "Élodie", "O'Brien", "Юлия", "100%", "a_b", `c\d`, "Bé") + " " + pick("Mushi", "Mwakyusa", "ßtraß", "712", "(712)", "K."),
			Email: fmt.Sprintf("%s%d@%s", pick("asha", "juma.m", "info", "sales+tz", "x_y", "100%"), i, pick("gmail.com", "example.co.tz", "kilimo.or.tz")),
			Phone: fmt.Sprintf("+255%s%06d", pick("712", "754", "687"), rng.IntN(1_000_000)), Locale: "en",
			Company: account.Company{
				Name:     pick("Kilimo", "Bahari", "Simba", "Ньюс", "Duka_la", "50% off", "A\u00a0B") + " " + pick("Bora", "Traders", "712-345", "") + " " + pick("Ltd", "LTD", "Limited"),
				Industry: "other",
			},
			Status: statuses[rng.IntN(len(statuses))], StageSince: noon,
			RegisteredAt: noon.Add(time.Duration(rng.IntN(n/3)) * time.Second), Credits: int64(rng.IntN(20)),
		}
		if a.Status == account.Pending {
			a.Stage = account.InReview
		}
		if rng.IntN(3) > 0 {
			a.LastActiveAt = noon.Add(time.Duration(rng.IntN(50)) * time.Minute)
		}
		accounts[i] = a
	}
	return accounts
}

// listModel is what the list has to answer, worked out without a database.
type listModel []account.Account

func (m listModel) find(q store.AccountsQuery) listModel {
	var found listModel
	for _, a := range m {
		if (q.Status == "" || a.Status == q.Status) && matches(a, q.Q) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b account.Account) int {
		order := cmp.Or(compareBy(q.Sort, a, b), bytes.Compare(a.ID[:], b.ID[:]))
		if !q.Ascending {
			order = -order
		}
		return order
	})
	return found
}

func compareBy(sort store.Sort, a, b account.Account) int {
	switch sort {
	case store.SortCredits:
		return cmp.Compare(a.Credits, b.Credits)
	case store.SortLastActive:
		return a.LastActiveAt.Compare(b.LastActiveAt)
	}
	return a.RegisteredAt.Compare(b.RegisteredAt)
}

func matches(a account.Account, q string) bool {
	for word := range strings.FieldsSeq(strings.ToLower(q)) {
		found := false
		for _, field := range []string{a.Name, a.Email, a.Company.Name, account.PhoneSearchText(a.Phone)} {
			found = found || strings.Contains(strings.ToLower(field), word)
		}
		if digits, ok := account.PhoneSearchDigits(word); ok {
			found = found || strings.Contains(account.PhoneSearchText(a.Phone), digits)
		}
		if !found {
			return false
		}
	}
	return true
}

func (m listModel) ids() []uuid.UUID {
	ids := make([]uuid.UUID, len(m))
	for i, a := range m {
		ids[i] = a.ID
	}
	return ids
}

func (m listModel) counts() store.Counts {
	c := store.Counts{All: int64(len(m))}
	for _, a := range m {
		switch a.Status {
		case account.Pending:
			c.Pending++
		case account.Active:
			c.Active++
		case account.Suspended:
			c.Suspended++
		case account.Rejected:
			c.Rejected++
		case account.Closed:
			c.Closed++
		}
	}
	return c
}

// walk reads all pages of a query and returns the ids in their order.
func walk(t *testing.T, q store.AccountsQuery, list func(store.AccountsQuery) (store.AccountsPage, error)) ([]uuid.UUID, store.AccountsPage) {
	t.Helper()
	var ids []uuid.UUID
	for {
		page, err := list(q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Items), q.Limit)
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if page.Next == nil {
			return ids, page
		}
		require.Len(t, page.Items, q.Limit)
		q.After = page.Next
	}
}

func TestTheListHasEveryAccountOnceInOrderForEverySortAndTab(t *testing.T) {
	t.Parallel()
	b := setup(t)
	model := listModel(randomAccounts(rand.New(rand.NewPCG(1, 1)), 700))
	b.insertAccounts(t, model)
	for _, sort := range sorts {
		for _, ascending := range []bool{true, false} {
			for _, status := range append(slices.Clone(statuses), "") {
				q := store.AccountsQuery{Sort: sort, Ascending: ascending, Status: status, Limit: 97}
				ids, page := walk(t, q, func(q store.AccountsQuery) (store.AccountsPage, error) { return b.reader.Accounts(t.Context(), q) })
				want := model.find(q)
				require.Equal(t, want.ids(), ids, "%+v", q)
				require.Equal(t, model.counts(), page.Counts)
				require.Equal(t, store.Matches{Count: int64(len(want)), Exact: true}, page.Matches)
			}
		}
	}
}

var searches = []string{
	"asha", "ASHA mushi", "ltd", "ltd kilimo gmail", "a", "x", "ж", "0712", "+255712", "+255 712", "255", "0754 @gmail.com", "(0712)", "(712)",
	"712", "712-345", "%", "_", `\`, "100%", "a_b", `c\d`, "%a%", "élodie", "ÉLODIE", "юЛИЯ", "ß", "o'brien", "k.", "sales+tz", "@", ".", "-",
	"nosuchword", "z z z", "asha ash as", "+255(0)712", "tel:+255", "٠٧١٢", "' OR 1=1 --", "ltd\tBORA\nsimba", "\u00a0asha\u2003", "00255712 ltd",
	"e\u0301lodie", "b\u00e9", "asha (0712) (0687)",
}

func TestASearchFindsWhatTheModelFindsInEveryWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rng := rand.New(rand.NewPCG(2, 2))
	model := listModel(randomAccounts(rng, 1500))
	b.insertAccounts(t, model)
	list := map[string]func(store.AccountsQuery) (store.AccountsPage, error){
		"as planned": func(q store.AccountsQuery) (store.AccountsPage, error) { return b.reader.Accounts(t.Context(), q) },
	}
	for way := range store.SearchWays {
		list[way] = func(q store.AccountsQuery) (store.AccountsPage, error) {
			return b.reader.AccountsInWay(t.Context(), q, way)
		}
	}
	queries := slices.Clone(searches)
	for range 60 { // pieces of what there is
		text := []rune(strings.ReplaceAll(store.SearchText(model[rng.IntN(len(model))]), "\n", " "))
		from := rng.IntN(len(text) - 8)
		queries = append(queries, string(text[from:from+1+rng.IntN(8)]))
	}
	for i, search := range queries {
		if strings.TrimSpace(search) == "" {
			continue
		}
		q := store.AccountsQuery{Q: search, Sort: sorts[i%3], Ascending: i%2 == 0, Limit: 60}
		if i%4 == 3 {
			q.Status = statuses[rng.IntN(len(statuses))]
		}
		normalised := q
		normalised.Q = strings.ReplaceAll(q.Q, "e\u0301", "é")
		want := model.find(normalised)
		for way, list := range list {
			ids, page := walk(t, q, list)
			require.Equal(t, want.ids(), ids, "%s: %+v", way, q)
			require.Equal(t, store.Matches{Count: min(int64(len(want)), 1000), Exact: len(want) <= 1000}, page.Matches, "%s: %+v", way, q)
			require.Equal(t, model.counts(), page.Counts)
		}
	}
}
