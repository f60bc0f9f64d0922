package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/devstack"
	"kibali/domain/actor"
	"kibali/store"
)

// numbered is the id of an account that pgbench, which knows numbers, can name.
func numbered(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-7000-8000-%012d", n))
}

const numberedSQL = `('00000000-0000-7000-8000-' || lpad((:account)::text, 12, '0'))::uuid`

// script writes a script for pgbench that posts charges as the store does when
// each goes by itself, and returns its path. How fast pgbench's own client is with
// the same statement tells what the statement and its commit cost on this machine.
func (b *ledgerBench) script(ctx context.Context) (string, error) {
	account := b.accounts[0]
	p := store.Posting{
		ID: uuid.Must(uuid.NewV7()), Request: store.Request{Scope: account, Key: uuid.NewString()}, AccountID: account, Amount: 1,
		Reference: "SMS", Actor: actor.Actor{Kind: actor.Account, ID: account}, At: time.Now(),
	}
	sent, err := b.studyCharge(ctx, p)
	if err != nil {
		return "", err
	}
	sql := placeholder.ReplaceAllStringFunc(sent.sql, func(number string) string {
		n, _ := strconv.Atoi(number[1:]) // it is digits
		arg := sent.args[n-1]
		switch value := text(arg); {
		case value == account.String():
			return numberedSQL
		case value == p.ID.String():
			return "gen_random_uuid()"
		case value == p.Request.Key:
			return "(:key)::text"
		default:
			return literal(arg, value)
		}
	})
	script := fmt.Sprintf("\\set account random(0, %d)\n\\set key random(1, 9000000000000000)\n%s;\n", len(b.accounts)-1, strings.TrimSpace(sql))
	path := filepath.Join(b.dir, "charge.sql")
	return path, os.WriteFile(path, []byte(script), 0o644) //nolint:gosec // for pgbench to read
}

var placeholder = regexp.MustCompile(`\$[0-9]+`)

// text is an argument of a statement as text, what a pointer points to.
func text(arg any) string {
	if id, ok := arg.(*uuid.UUID); ok {
		return id.String()
	}
	return fmt.Sprint(arg)
}

// literal is an argument of a statement in SQL.
func literal(arg any, value string) string {
	switch arg.(type) {
	case int64, int32:
		return value
	case time.Time:
		return "now()"
	}
	return "'" + value + "'"
}

// studyCharge posts a charge and returns the statement that the store sent.
func (b *ledgerBench) studyCharge(ctx context.Context, p store.Posting) (statement, error) {
	config, err := pgxpool.ParseConfig(b.postgres.AppURL(devstack.DatabaseName))
	if err != nil {
		return statement{}, err
	}
	var sent recorder
	config.ConnConfig.Tracer = &sent
	db, err := store.OpenConfig(ctx, config)
	if err != nil {
		return statement{}, err
	}
	defer db.Close()
	if _, err := db.Charge(ctx, p); err != nil {
		return statement{}, err
	}
	all := sent.take()
	if len(all) != 1 {
		return statement{}, fmt.Errorf("the store sent %d statements for a charge in place of one", len(all))
	}
	return all[0], nil
}
