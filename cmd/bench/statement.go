package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/identity"
	"kibali/store"
)

// statement is what the store sends to PostgreSQL for a question.
type statement struct {
	sql  string
	args []any
}

// recorder notes the statements that a store sends.
type recorder struct {
	mu   sync.Mutex
	sent []statement
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.note(data.SQL, data.Args)
	return ctx
}
func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (r *recorder) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	r.note(data.SQL, data.Args)
}
func (r *recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (r *recorder) take() []statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

func (r *recorder) note(sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, statement{sql, args})
}

// scholar finds out what the store sends for a question, once for each.
type scholar struct {
	store    *store.Store
	recorder *recorder

	mu    sync.Mutex // held while something is studied
	known sync.Map   // statements by the query in JSON
}

func newScholar(ctx context.Context, url string) (*scholar, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	s := &scholar{recorder: &recorder{}}
	config.ConnConfig.Tracer = s.recorder
	config.MaxConns = 1 // so that it is known which one works
	if s.store, err = store.OpenConfig(ctx, config); err != nil {
		return nil, err
	}
	if err := s.settle(ctx); err != nil {
		s.store.Close()
		return nil, err
	}
	return s, nil
}

// settle returns when the store knows enough of its data to plan searches: when
// it looks for a word that nobody has in the index at once.
func (s *scholar) settle(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 400 {
		sent, err := s.study(ctx, store.AccountsQuery{Q: "nosuchword", Sort: store.SortRegistered, Limit: 1})
		if err != nil {
			return err
		}
		if len(sent) == 2 && strings.Contains(sent[1].sql, "found AS") {
			return nil
		}
		<-tick.C
	}
	return errors.New("the store takes no sample of the accounts")
}

// study returns what the store sends for a query.
func (s *scholar) study(ctx context.Context, q store.AccountsQuery) ([]statement, error) {
	return s.studied(func(r *store.Reader) error {
		_, err := r.Accounts(ctx, q)
		return err
	})
}

// studyToken returns what the store sends to find out whose a token is.
func (s *scholar) studyToken(ctx context.Context, token string) ([]statement, error) {
	return s.studied(func(r *store.Reader) error {
		_, err := r.StaffByToken(ctx, identity.HashToken(token), time.Now())
		return err
	})
}

func (s *scholar) studied(read func(*store.Reader) error) ([]statement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorder.take()
	if err := read(s.store.Reader()); err != nil {
		return nil, err
	}
	return s.recorder.take(), nil
}

// queryKey is a query as text.
func queryKey(q store.AccountsQuery) (string, error) {
	content, err := json.Marshal(q)
	return string(content), err
}

// statements is study, done once for a query.
func (s *scholar) statements(ctx context.Context, key string) ([]statement, error) {
	if sent, ok := s.known.Load(key); ok {
		return sent.([]statement), nil
	}
	var q store.AccountsQuery
	if err := json.Unmarshal([]byte(key), &q); err != nil {
		return nil, err
	}
	sent, err := s.study(ctx, q)
	if err == nil {
		s.known.Store(key, sent)
	}
	return sent, err
}
