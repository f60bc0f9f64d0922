package main

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kibali/store"
)

// A contender answers questions: the API; "http", its floor; "pg", the
// statements of the answer alone; and "sql", all that the API asks of PostgreSQL
// for a request, whose token it is included. ask makes what one of its clients does, over
// and over; close ends the client.
type contender struct {
	name   string
	client func(q question) (ask func(ctx context.Context) error, closeClient func(), err error)
}

func (b *searchBench) contenders() []contender {
	return []contender{
		{"api", func(q question) (func(context.Context) error, func(), error) {
			path, err := q.path(b.cursors)
			return overHTTP(b.api.address, path, b.token, err)
		}},
		{"http", func(q question) (func(context.Context) error, func(), error) {
			path, err := floorPath(q.query)
			return overHTTP(b.floor.address, path, "-", err)
		}},
		{"pg", func(q question) (func(context.Context) error, func(), error) { return b.overPgx(q) }},
		{"sql", func(q question) (func(context.Context) error, func(), error) { return b.overPgx(q, b.who) }},
	}
}

// overPgx sends PostgreSQL what the store sends it for a question, after other
// statements that are sent for themselves.
func (b *searchBench) overPgx(q question, first ...[]statement) (func(context.Context) error, func(), error) {
	key, err := queryKey(q.query)
	return func(ctx context.Context) error {
		sent, err := b.scholar.statements(ctx, key)
		if err != nil {
			return err
		}
		for _, sent := range slices.Concat(first, [][]statement{sent}) {
			if _, err := replay(ctx, b.pool, sent); err != nil {
				return err
			}
		}
		return nil
	}, func() {}, err
}

func overHTTP(address, path, token string, err error) (func(context.Context) error, func(), error) {
	c := &httpClient{address: address}
	sent := request(address, path, token)
	return func(ctx context.Context) error {
		_, err := c.do(ctx, sent)
		return err
	}, c.close, err
}

// together asks some of the questions with all clients at once. The contenders
// take turns, question by question, so that all of them meet the machine in
// the same moods; what counts is the median of the rounds.
func (b *searchBench) together(ctx context.Context, questions []question, r *report) error {
	chosen := slices.DeleteFunc(slices.Clone(questions), func(q question) bool { return !q.together() })
	progress("asking %d questions with %d clients: the API and its floors in turn, %d rounds", len(chosen), clients, b.scale.rounds)
	for round := range b.scale.rounds {
		for _, q := range chosen {
			for _, contender := range b.contenders() {
				rate, err := b.rate(ctx, contender, q)
				if err != nil {
					return err
				}
				r.rated(q, contender.name, rate)
			}
		}
		progress("  round %d of %d", round+1, b.scale.rounds)
	}
	return nil
}

// rate returns how many answers a second all clients get.
func (b *searchBench) rate(ctx context.Context, c contender, q question) (float64, error) {
	var answers atomic.Int64
	var group errgroup.Group
	start := time.Now()
	for range clients {
		ask, closeClient, err := c.client(q)
		if err != nil {
			return 0, err
		}
		group.Go(func() error {
			defer closeClient()
			for time.Since(start) < b.scale.round {
				if err := ask(ctx); err != nil {
					return err
				}
				answers.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(answers.Load()) / time.Since(start).Seconds(), err
}

// together reports whether the question is one of those that all clients ask.
// Tabs and directions differ in nothing but the index that is gone through,
// and each question takes a while.
func (q question) together() bool {
	if q.query.Ascending || q.query.Status != "" {
		return false
	}
	return q.search.kind == listKind || q.query.Sort == store.SortRegistered || q.query.Sort == store.SortCredits && !q.deep
}
