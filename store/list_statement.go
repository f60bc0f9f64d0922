package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// listing is what one statement of the list found.
type listing struct {
	AccountsPage
	// pageShort says that the statement gave up before the page was full.
	pageShort bool
	// countShort says that it gave up before all matches were counted.
	countShort bool
}

// listed runs the list's one statement.
func (r *Reader) listed(ctx context.Context, q AccountsQuery, words []searchWord, p plan) (listing, error) {
	s := listStatement{q: q, words: words, plan: p}
	sql := s.build()
	if len(words) == 0 {
		rows, err := r.db.Query(ctx, sql, s.args...)
		if err != nil {
			return listing{}, err
		}
		return s.collect(rows)
	}
	var found listing
	var batch pgx.Batch
	batch.Queue(searchSettings, onOff(p.page == byIndex))
	batch.Queue(sql, s.args...).Query(func(rows pgx.Rows) (err error) {
		found, err = s.collect(rows)
		return err
	})
	err := r.db.SendBatch(ctx, &batch).Close()
	return found, err
}

// searchSettings hold for the transaction that a batch is. The plan is made
// here, so PostgreSQL is kept from one that reads and sorts a whole table. A
// bitmap that does not fit its memory would have the runs of whole pages
// computed again. The cost that keeps it from computing runs otherwise would
// make just-in-time compilation and parallel workers, which take longer than
// the search, look worth their while.
const searchSettings = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', $1, true),
	set_config('work_mem', '64MB', true), set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
	set_config('plan_cache_mode', 'force_generic_plan', true)`

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// listStatement builds the statement that answers all of a query at once: the
// counts, the page and, for a search, how many match. The counts and what else
// there is one of stand in every row of the page, and in one row without an
// account when the page is empty.
type listStatement struct {
	q     AccountsQuery
	words []searchWord
	plan  plan
	args  []any
}

func (s *listStatement) arg(v any) string {
	s.args = append(s.args, v)
	return "$" + strconv.Itoa(len(s.args))
}

func (s *listStatement) build() string {
	var with string
	found, short := "0::bigint", "false"
	switch {
	case len(s.words) == 0:
		with = `WITH page AS (SELECT a.* FROM ` + s.rowsInOrder(s.limit()) + `)`
	case s.plan.page == byIndex:
		with = `WITH ` + s.foundByIndex() + `, page AS (
			SELECT a.* FROM ` + rowsOf(`SELECT id FROM found`+where(s.after(""))+s.order("", "")+s.limit()) + `)`
		found = `(SELECT count(*) FROM found)`
	default:
		with = `WITH page AS MATERIALIZED (` + s.pageInOrder() + `)`
		short = `CASE WHEN (SELECT count(*) FROM page) < ` + strconv.Itoa(s.taken()) + ` THEN EXISTS (
			` + s.inOrder("id") + " OFFSET " + strconv.Itoa(s.plan.pageRows) + `) ELSE false END`
		found = `(SELECT count(*) FROM (` + s.counted() + `) m)`
	}
	return with + `
		SELECT c.pending, c.active, c.suspended, c.rejected, c.closed, ` + found + `, ` + short + `, ` + viewColumns + `
		FROM (SELECT sum(pending)::bigint AS pending, sum(active)::bigint AS active, sum(suspended)::bigint AS suspended,
				sum(rejected)::bigint AS rejected, sum(closed)::bigint AS closed FROM account_counts) c
		LEFT JOIN page a ON true` + viewJoins + s.order(s.alias(), "a.")
}

// keys is where the sort key and the id of every account are, with an index of the
// tab and the key.
func (s *listStatement) keys() string {
	switch s.q.Sort {
	case SortLastActive:
		return `(SELECT account_id AS id, status, last_active_at FROM account_activity)`
	case SortCredits:
		return `(SELECT account_id AS id, status, credits FROM account_credits)`
	}
	return `accounts`
}

// alias is what viewColumns call the table of the sort key.
func (s *listStatement) alias() string {
	switch s.q.Sort {
	case SortLastActive:
		return "y."
	case SortCredits:
		return "k."
	}
	return "a."
}

// inOrder selects columns of the tab's keys in the order of the list, behind the
// cursor.
func (s *listStatement) inOrder(columns string) string {
	return `SELECT ` + columns + ` FROM ` + s.keys() + ` p` + where(s.tab("p"), s.after("p.")) + s.order("p.", "p.")
}

// rowsInOrder are the accounts a of the tab in the order of the list, behind the
// cursor, as many as limit says.
func (s *listStatement) rowsInOrder(limit string) string {
	if s.q.Sort == SortRegistered {
		return `(` + s.inOrder("*") + limit + `) a`
	}
	return rowsOf(s.inOrder("id") + limit)
}

// rowsOf are the accounts a of ids, in their order. The fence has each looked up
// by id, however many are expected.
func rowsOf(ids string) string {
	return `(` + ids + `) p CROSS JOIN LATERAL (SELECT * FROM accounts a WHERE a.id = p.id OFFSET 0) a`
}

// pageInOrder goes through the accounts in the order of the list, at most so
// many of them, until the page is full.
func (s *listStatement) pageInOrder() string {
	return `SELECT a.* FROM ` + s.rowsInOrder(atMost(s.plan.pageRows)) + where(s.match("a")) + s.limit()
}

// foundByIndex makes the table found of every match, in no order, unless there
// are more than so many.
func (s *listStatement) foundByIndex() string {
	candidates := `SELECT account_id AS id, registered_at FROM account_search s` + where(s.runs("s"), s.match("s"), s.tab("s")) + atMost(s.plan.pageRows)
	if s.q.Sort == SortRegistered {
		return `found AS MATERIALIZED (` + candidates + `)`
	}
	return `found AS MATERIALIZED (SELECT s.id, k.* FROM (` + candidates + `) s
		CROSS JOIN LATERAL (SELECT ` + string(s.q.Sort) + ` FROM ` + s.keys() + ` k WHERE k.id = s.id OFFSET 0) k)`
}

// counted selects one row for each match, up to one more than are counted.
func (s *listStatement) counted() string {
	most := atMost(maxMatches + 1)
	if s.plan.count == byIndex {
		return `SELECT FROM account_search s` + where(s.runs("s"), s.match("s"), s.tab("s")) + most
	}
	// The newest accounts lie side by side, whatever the list is sorted by.
	return `SELECT FROM (SELECT search_text FROM accounts a` + where(s.tab("a")) +
		` ORDER BY registered_at DESC, id DESC` + atMost(s.plan.countRows) + `) a` + where(s.match("a")) + most
}

// where joins the conditions that are not empty.
func where(conditions ...string) string {
	conditions = slices.DeleteFunc(conditions, func(c string) bool { return c == "" })
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// tab keeps the accounts of the tab.
func (s *listStatement) tab(table string) string {
	if s.q.Status == "" {
		return ""
	}
	return table + ".status = " + s.arg(string(s.q.Status))
}

// after keeps what comes behind the cursor in the order of the list.
func (s *listStatement) after(prefix string) string {
	after := s.q.After
	if after == nil {
		return ""
	}
	key := s.arg(after.Time)
	switch {
	case s.q.Sort == SortCredits:
		s.args[len(s.args)-1] = after.Credits
	case after.Time.IsZero():
		s.args[len(s.args)-1] = pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	sign := " < "
	if s.q.Ascending {
		sign = " > "
	}
	return "(" + prefix + string(s.q.Sort) + ", " + prefix + "id)" + sign + "(" + key + ", " + s.arg(after.ID) + ")"
}

// order is that of the list, by the key and the id of the tables with these prefixes.
func (s *listStatement) order(key, id string) string {
	direction := " DESC"
	if s.q.Ascending {
		direction = " ASC"
	}
	return " ORDER BY " + key + string(s.q.Sort) + direction + ", " + id + "id" + direction
}

// limit takes at least one row more than the page has, which tells whether
// there is a next one.
func (s *listStatement) limit() string { return atMost(s.taken()) }

// taken is how many rows limit takes. PostgreSQL knows the number when it plans,
// as it is written into the statement, and there are few of them, as it keeps
// each statement.
func (s *listStatement) taken() int {
	for _, size := range []int{25, 50} {
		if s.q.Limit <= size {
			return size + 1
		}
	}
	return MaxListed + 1
}

// atMost limits a select to so many rows; 0 is no limit.
func atMost(rows int) string {
	if rows == 0 {
		return ""
	}
	return " LIMIT " + strconv.Itoa(rows)
}

// match keeps the rows in which every word occurs.
func (s *listStatement) match(table string) string {
	conditions := make([]string, len(s.words))
	for i, w := range s.words {
		conditions[i] = "strpos(" + table + ".search_text, " + s.arg(w.text) + ") > 0"
		if w.digits != "" {
			conditions[i] = "(" + conditions[i] + " OR strpos(substr(" + table + ".search_text, strpos(" + table + ".search_text, E'\\n')), " +
				s.arg(w.digits) + ") > 0)"
		}
	}
	return strings.Join(conditions, " AND ")
}

// runs keeps the rows that the index names for the plan.
func (s *listStatement) runs(table string) string {
	return "search_runs(" + table + ".search_text, " + table + ".status) @@ " + s.arg(tsquery(s.plan.runs)) + "::tsquery"
}

// collect reads the statement's rows.
func (s *listStatement) collect(rows pgx.Rows) (listing, error) {
	defer rows.Close()
	var l listing
	var found int64
	c := &l.Counts
	head := []any{&c.Pending, &c.Active, &c.Suspended, &c.Rejected, &c.Closed, &found, &l.pageShort}
	row := newViewRow(head...)
	for rows.Next() {
		if rows.RawValues()[len(head)] == nil { // there is no account
			if err := rows.Scan(append(head, make([]any, len(row.targets)-len(head))...)...); err != nil {
				return listing{}, err
			}
			break
		}
		view, err := row.scan(rows)
		if err != nil {
			return listing{}, err
		}
		if l.Items == nil {
			l.Items = make([]AccountView, 0, s.expected(found))
		}
		l.Items = append(l.Items, view)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return listing{}, err
	}
	c.All = c.Pending + c.Active + c.Suspended + c.Rejected + c.Closed
	s.judge(&l, found)
	if len(l.Items) > s.q.Limit {
		l.Items = l.Items[:s.q.Limit]
		l.Next = s.q.cursorOf(l.Items[s.q.Limit-1].Account)
	}
	return l, nil
}

// expected is how many rows the page has at most, of which there are found matches.
func (s *listStatement) expected(found int64) int {
	if len(s.words) == 0 {
		return s.taken()
	}
	return int(min(found, int64(s.taken())))
}

// judge says of a statement's outcome what it is worth: whether it stopped at
// one of the plan's bounds.
func (s *listStatement) judge(l *listing, found int64) {
	inTab := l.Counts.Of(s.q.Status)
	switch {
	case len(s.words) == 0:
		found = inTab
	case s.plan.page == byIndex:
		l.pageShort = s.plan.pageRows > 0 && found >= int64(s.plan.pageRows)
		l.countShort = l.pageShort && found <= maxMatches
	case s.plan.count == byOrder:
		l.countShort = found <= maxMatches && inTab > int64(s.plan.countRows)
	}
	l.Matches = matchesOf(found)
}
