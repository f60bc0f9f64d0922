package store_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

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
		"registered_at", "search_text",
	}
	_, err := b.owner.CopyFrom(t.Context(), pgx.Identifier{"accounts"}, columns,
		pgx.CopyFromSlice(len(accounts), func(i int) ([]any, error) {
			a := accounts[i]
			return []any{
				a.ID, a.Name, a.Email, a.Phone, a.Locale, a.Company.Name, a.Company.Industry, a.Status, a.Stage, a.StageSince,
				a.RegisteredAt, store.SearchText(a),
			}, nil
		}))
	require.NoError(t, err)
	var batch pgx.Batch
	for _, a := range accounts {
		if !a.LastActiveAt.IsZero() {
			batch.Queue(`UPDATE account_activity SET last_active_at = $2 WHERE account_id = $1`, a.ID, a.LastActiveAt)
		}
		batch.Queue(`UPDATE account_credits SET credits = $2 WHERE account_id = $1`, a.ID, a.Credits)
	}
	require.NoError(t, b.owner.SendBatch(t.Context(), &batch).Close())
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
			Phone: fmt.Sprintf("+255%s%06d", pick("712", "754", "687"), i*7919%1_000_000), Locale: "en",
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
	ids := []uuid.UUID{}
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

func TestTheListIsReadBackwardsAsItWasForwards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insertAccounts(t, randomAccounts(rand.New(rand.NewPCG(7, 7)), 300))
	for _, sort := range sorts {
		for _, text := range []string{"", "ltd"} {
			q := store.AccountsQuery{Sort: sort, Q: text, Limit: 41}
			var forwards []store.AccountsPage
			for q.After != nil || forwards == nil {
				page, err := b.reader.Accounts(t.Context(), q)
				require.NoError(t, err)
				require.Equal(t, forwards == nil, page.Previous == nil)
				forwards = append(forwards, page)
				q.After = page.Next
			}
			for i := len(forwards) - 1; i > 0; i-- {
				q.Before = forwards[i].Previous
				page, err := b.reader.Accounts(t.Context(), q)
				require.NoError(t, err)
				require.Equal(t, forwards[i-1].Items, page.Items)
				require.Equal(t, forwards[i-1].Next, page.Next)
				require.Equal(t, forwards[i-1].Previous, page.Previous)
				require.Equal(t, forwards[i-1].Matches, page.Matches)
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
	model := listModel(randomAccounts(rng, 900))
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
	for range 30 { // pieces of what there is
		text := []rune(strings.ReplaceAll(store.SearchText(model[rng.IntN(len(model))]), "\n", " "))
		from := rng.IntN(len(text) - 8)
		queries = append(queries, string(text[from:from+1+rng.IntN(8)]))
	}
	for i, search := range queries {
		if strings.TrimSpace(search) == "" {
			continue
		}
		q := store.AccountsQuery{Q: search, Sort: sorts[i%3], Ascending: i%2 == 0, Limit: 100 - i%3*40}
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

func TestMatchesAreCountedExactlyToOneThousand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	accounts := randomAccounts(rand.New(rand.NewPCG(3, 3)), 1001)
	for i := range accounts {
		accounts[i].Company.Name = "Common"
	}
	b.insertAccounts(t, accounts[:1000])
	check := func(want store.Matches) {
		for way := range store.SearchWays {
			page, err := b.reader.AccountsInWay(t.Context(), store.AccountsQuery{Q: "common", Sort: store.SortCredits, Limit: 10}, way)
			require.NoError(t, err)
			require.Equal(t, want, page.Matches, way)
		}
		page, err := b.reader.Accounts(t.Context(), store.AccountsQuery{Sort: store.SortCredits, Limit: 10})
		require.NoError(t, err)
		require.Equal(t, want, page.Matches)
	}
	check(store.Matches{Count: 1000, Exact: true})
	b.insertAccounts(t, accounts[1000:])
	check(store.Matches{Count: 1000, Exact: false})
}

func TestAWalkThroughTheListMissesNoAccountThatStaysWhileOthersChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	accounts := randomAccounts(rand.New(rand.NewPCG(4, 4)), 660)
	stay, change := accounts[:600], accounts[600:]
	for i := range stay {
		stay[i].Status, stay[i].Stage = account.Active, account.NoStage
	}
	b.insertAccounts(t, accounts)
	for _, search := range []string{"", "ltd"} {
		for _, sort := range sorts {
			q := store.AccountsQuery{Sort: sort, Q: search, Limit: 50}
			step := 0
			ids, _ := walk(t, q, func(q store.AccountsQuery) (store.AccountsPage, error) {
				step++
				_, err := b.owner.Exec(t.Context(), `
					WITH moved AS (
						UPDATE account_credits SET credits = (credits * 7 + $2) % 30 WHERE account_id = ANY ($1) RETURNING account_id, credits
					), used AS (
						UPDATE account_activity y SET last_active_at = a.registered_at + m.credits * interval '1 hour'
						FROM moved m JOIN accounts a ON a.id = m.account_id WHERE y.account_id = m.account_id
					)
					SELECT count(*) FROM moved`, listModel(change).ids(), step)
				require.NoError(t, err)
				_, err = b.owner.Exec(t.Context(), `
					UPDATE accounts a SET status = (ARRAY['active', 'suspended', 'closed'])[1 + (k.credits + $2) % 3], stage = ''
					FROM account_credits k WHERE k.account_id = a.id AND a.id = ANY ($1)`, listModel(change).ids(), step)
				require.NoError(t, err)
				return b.reader.Accounts(t.Context(), q)
			})
			var staying []uuid.UUID
			wanted := listModel(stay).find(q).ids()
			for _, id := range ids {
				if slices.Contains(wanted, id) {
					staying = append(staying, id)
				}
			}
			require.Equal(t, wanted, staying, "%+v", q)
			var astray int
			require.NoError(t, b.owner.QueryRow(t.Context(), `
				SELECT count(*) FROM accounts a LEFT JOIN account_activity y ON y.account_id = a.id LEFT JOIN account_credits k ON k.account_id = a.id
				WHERE y.status IS DISTINCT FROM a.status OR k.status IS DISTINCT FROM a.status`).Scan(&astray))
			require.Zero(t, astray)
		}
	}
}

func TestCountsAreExactWhileStatusesChangeAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	accounts := randomAccounts(rand.New(rand.NewPCG(5, 5)), 300)
	for i := range accounts {
		accounts[i].Status, accounts[i].Stage = account.Active, account.NoStage
	}
	b.insertAccounts(t, accounts)
	var group errgroup.Group
	for worker := range 8 {
		group.Go(func() error {
			rng := rand.New(rand.NewPCG(6, uint64(worker)))
			for range 100 {
				status := statuses[1+rng.IntN(4)]
				if _, err := b.owner.Exec(t.Context(), `UPDATE accounts SET status = $2 WHERE id = $1`, accounts[rng.IntN(300)].ID, status); err != nil {
					return err
				}
				page, err := b.reader.Accounts(t.Context(), store.AccountsQuery{Sort: store.SortRegistered, Limit: 1})
				if err != nil {
					return err
				}
				if c := page.Counts; c.All != 300 || c.Pending+c.Active+c.Suspended+c.Rejected+c.Closed != 300 {
					return fmt.Errorf("counts %+v", c)
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	page, err := b.reader.Accounts(t.Context(), store.AccountsQuery{Sort: store.SortRegistered, Limit: 1})
	require.NoError(t, err)
	for _, status := range statuses {
		var counted, searchable int64
		require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT count(*) FROM accounts WHERE status = $1`, status).Scan(&counted))
		require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT count(*) FROM account_search WHERE status = $1`, status).Scan(&searchable))
		require.Equal(t, counted, page.Counts.Of(status))
		require.Equal(t, counted, searchable)
	}
}

func TestACorrectedApplicationIsFoundByItsNewWordsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := randomAccounts(rand.New(rand.NewPCG(7, 7)), 3)[0]
	b.insertAccounts(t, []account.Account{a})
	a.Company.Name = "Tumaini Fisheries"
	require.NoError(t, b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.UpdateAccountDetails(ctx, a) }))
	for search, found := range map[string]int{"tumaini": 1, "ltd": 0, "limited": 0} {
		for way := range store.SearchWays {
			page, err := b.reader.AccountsInWay(t.Context(), store.AccountsQuery{Q: search, Sort: store.SortRegistered, Limit: 5}, way)
			require.NoError(t, err)
			require.Len(t, page.Items, found, "%s %s", search, way)
		}
	}
}

func TestTheListRefusesWhatIsNoQueryAndNamesTheParameter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	valid := store.AccountsQuery{Sort: store.SortRegistered, Limit: 1}
	for name, tc := range map[string]struct {
		change func(*store.AccountsQuery)
		field  string
	}{
		"NUL":               {func(q *store.AccountsQuery) { q.Q = "a\x00b" }, "q"},
		"invalid UTF-8":     {func(q *store.AccountsQuery) { q.Q = "\xff" }, "q"},
		"201 characters":    {func(q *store.AccountsQuery) { q.Q = strings.Repeat("é", 201) }, "q"},
		"11 words":          {func(q *store.AccountsQuery) { q.Q = "a b c d e f g h i j k" }, "q"},
		"an unknown sort":   {func(q *store.AccountsQuery) { q.Sort = "id; DROP TABLE accounts" }, "sort"},
		"an unknown status": {func(q *store.AccountsQuery) { q.Status = "gone" }, "status"},
		"no limit":          {func(q *store.AccountsQuery) { q.Limit = 0 }, "limit"},
		"a high limit":      {func(q *store.AccountsQuery) { q.Limit = 101 }, "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := valid
			tc.change(&q)
			_, err := b.reader.Accounts(t.Context(), q)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.Len(t, fault.As(err).Fields, 1)
			require.Equal(t, tc.field, fault.As(err).Fields[0].Field)
		})
	}
	for _, longest := range []string{strings.Repeat("é", 200), "a b c d e f g h i j", "  ", strings.Repeat("0", 200), strings.Repeat("(", 200)} {
		q := valid
		q.Q = longest
		page, err := b.reader.Accounts(t.Context(), q)
		require.NoError(t, err)
		require.Empty(t, page.Items)
		require.Equal(t, store.Matches{Exact: true}, page.Matches)
	}
}

func TestThePlanOfASearchFollowsHowManyAccountsMatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	accounts := randomAccounts(rand.New(rand.NewPCG(8, 8)), 5500)
	for i := range accounts {
		accounts[i].Company.Name = fmt.Sprintf("Common w%dx", i)
	}
	q := store.AccountsQuery{Q: "common", Sort: store.SortCredits, Limit: 100}
	b.insertAccounts(t, accounts[:4000])
	require.Zero(t, b.store.Sample(), "few accounts need no sample")
	page, _ := b.store.PlanOf(q)
	require.False(t, page)
	b.insertAccounts(t, accounts[4000:])
	require.Greater(t, b.store.Sample(), 3000)
	for search, want := range map[string]struct{ page, count bool }{
		"common": {false, false}, "w77x": {true, true}, "nosuchword": {true, true}, "ж": {true, true}, "a": {false, false},
		"common w77x": {true, true}, "common gmail": {false, true}, "(9999)": {true, true},
	} {
		q.Q = search
		page, count := b.store.PlanOf(q)
		require.Equal(t, want.page, page, search)
		require.Equal(t, want.count, count, search)
		ids, _ := walk(t, q, func(q store.AccountsQuery) (store.AccountsPage, error) { return b.reader.Accounts(t.Context(), q) })
		require.Equal(t, listModel(accounts).find(q).ids(), ids, search)
	}
}
