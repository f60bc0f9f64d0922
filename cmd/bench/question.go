package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/store"
	"kibali/web"
)

// question is one page that is asked for.
type question struct {
	search search
	deep   bool
	query  store.AccountsQuery
	answer []uuid.UUID // who is on the page
}

const pageSize = 25

// deepPage is how deep a deep page is, where there are that many.
const deepPage = 10_000

func (q question) String() string {
	page := "first"
	if q.deep {
		page = "deep"
	}
	tab := string(q.query.Status)
	if tab == "" {
		tab = "all"
	}
	return fmt.Sprintf("%s, %s %s, %s, %s page", q.search.kind, q.query.Sort, order(q.query.Ascending), tab, page)
}

func order(ascending bool) string {
	if ascending {
		return "asc"
	}
	return "desc"
}

// path is the question for the API, whose cursors the bench can make as it
// knows the key.
func (q question) path(cursors *web.Cursors) (string, error) {
	values := url.Values{
		"sort": {string(q.query.Sort)}, "order": {order(q.query.Ascending)}, "limit": {strconv.Itoa(q.query.Limit)},
	}
	if q.query.Status != "" {
		values.Set("status", string(q.query.Status))
	}
	if q.query.Q != "" {
		values.Set("q", q.query.Q)
	}
	if q.query.After != nil {
		sealed := strings.Join([]string{string(q.query.Status), string(q.query.Sort), order(q.query.Ascending), q.query.Q}, "\x00")
		cursor, err := cursors.Seal("accounts", sealed, q.query.After)
		if err != nil {
			return "", err
		}
		values.Set("cursor", cursor)
	}
	return "/v1/accounts?" + values.Encode(), nil
}

// listKind is the kind of question that searches for nothing.
const listKind = "list"

// search is a kind of search with words of that kind.
type search struct {
	kind string
	q    string
	// slow is for the kind that has a bound of its own.
	slow bool
}

// searches finds words of each kind among people like those of the data.
func searches(accounts int) []search {
	people := newPopulation(accounts, datasetEnd)
	var someone account.Account
	const looked = 20_000
	words := map[string]int{}
	for i := range looked {
		a := people.next()
		if i == looked/2 {
			someone = a
		}
		var own []string
		for word := range strings.FieldsSeq(strings.ToLower(a.Company.Name)) {
			if !slices.Contains(own, word) {
				own = append(own, word)
				words[word]++
			}
		}
	}
	local, _, _ := strings.Cut(someone.Email, "@")
	first, last, _ := strings.Cut(strings.ToLower(someone.Name), " ")
	national := "0" + strings.TrimPrefix(someone.Phone, "+255")
	found := []search{
		{kind: "whole e-mail", q: someone.Email},
		{kind: "part of an e-mail", q: local[len(local)-6:]},
		{kind: "whole phone", q: national[:4] + " " + national[4:7] + " " + national[7:]},
		{kind: "part of a phone", q: national[4:9]},
		{kind: "start of a phone", q: "+255 " + national[1:4]},
		{kind: "first and last name", q: first + " " + last},
		{kind: "part of a name", q: "akyus"},
		{kind: "common part of an e-mail", q: "@gmail.com"},
		{kind: "common word", q: "ltd"},
		{kind: "no match", q: "nosuchword"},
		{kind: "common word and no match", q: "ltd nosuchword"},
		{kind: "one letter, common", q: "a"},
		{kind: "one letter, rare", q: "q"},
		{kind: "one letter, no match", q: "ж"},
		{kind: "two letters, common", q: "mw"},
		{kind: "two letters, rare", q: "kw"},
		{kind: "two letters, no match", q: "q%"},
		{kind: "several common words", q: "ltd gmail asha", slow: true},
		{kind: "several common words", q: "limited kilimo 07", slow: true},
		{kind: "several common words", q: "ltd a m 2", slow: true},
	}
	for _, share := range []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.03} {
		found = append(found, search{kind: "a word in " + strconv.Itoa(int(1/share)), q: nearest(words, share*looked)})
	}
	return found
}

// nearest returns the word whose number is nearest to wanted.
func nearest(words map[string]int, wanted float64) string {
	best, distance := "", 0.0
	for word, n := range words {
		d := max(float64(n)/wanted, wanted/float64(n))
		if best == "" || d < distance || d == distance && word < best {
			best, distance = word, d
		}
	}
	return best
}
