package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/store"
)

// floorCommand is the floor "http": net/http, pgx and encoding/json around the
// statements of a question, and nothing else. It runs as a process of its own, as
// the API does.
type floorCommand struct {
	DatabaseURL string `required:""`
	Pool        int32  `required:""`
}

// Run serves until ctx ends, and prints its address.
func (c floorCommand) Run(ctx context.Context) error {
	scholar, err := newScholar(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer scholar.store.Close()
	pool, err := floorPool(ctx, c.DatabaseURL, c.Pool)
	if err != nil {
		return err
	}
	defer pool.Close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := floorAnswer(r, scholar, pool)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) //nolint:gosec // JSON for the bench; a client that is gone needs no answer
	})}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// floorPath is a question for the floor, which takes it as JSON.
func floorPath(q store.AccountsQuery) (string, error) {
	key, err := queryKey(q)
	return "/?q=" + url.QueryEscape(key), err
}

func floorAnswer(r *http.Request, scholar *scholar, pool *pgxpool.Pool) ([]byte, error) {
	key := r.URL.Query().Get("q")
	sent, err := scholar.statements(r.Context(), key)
	if err != nil {
		return nil, err
	}
	items, err := replay(r.Context(), pool, sent)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Items [][]any `json:"items"`
	}{items})
}

func floorPool(ctx context.Context, url string, size int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = size
	return pgxpool.NewWithConfig(ctx, config)
}

// replay sends the statements as the store does, and returns the rows of the
// last one.
func replay(ctx context.Context, pool *pgxpool.Pool, sent []statement) (items [][]any, err error) {
	last := sent[len(sent)-1]
	if len(sent) == 1 {
		rows, err := pool.Query(ctx, last.sql, last.args...)
		if err != nil {
			return nil, err
		}
		return scanRows(rows)
	}
	var batch pgx.Batch
	for _, statement := range sent[:len(sent)-1] {
		batch.Queue(statement.sql, statement.args...)
	}
	batch.Queue(last.sql, last.args...).Query(func(rows pgx.Rows) (err error) {
		items, err = scanRows(rows)
		return err
	})
	return items, pool.SendBatch(ctx, &batch).Close()
}

// scanRows scans every column into a variable of its type.
func scanRows(rows pgx.Rows) ([][]any, error) {
	defer rows.Close()
	items := make([][]any, 0, pageSize)
	for rows.Next() {
		item := make([]any, len(rows.FieldDescriptions()))
		for i, column := range rows.FieldDescriptions() {
			item[i] = target(column.DataTypeOID)
		}
		if err := rows.Scan(item...); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

func target(oid uint32) any {
	switch oid {
	case pgtype.UUIDOID:
		return new(*uuid.UUID)
	case pgtype.TimestamptzOID:
		return new(*time.Time)
	case pgtype.Int8OID, pgtype.Int4OID:
		return new(*int64)
	case pgtype.BoolOID:
		return new(*bool)
	}
	return new(*string)
}
