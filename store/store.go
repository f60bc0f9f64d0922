// Package store is all of Kibali's SQL. Store runs commands inside
// transactions; Reader answers questions. It imports domain packages only.
//
// A method returns a *fault.Error for what a caller can expect (not found,
// taken, conflict) and the driver's error, wrapped, for everything else.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"kibali/domain/fault"
)

// Store runs commands on PostgreSQL.
type Store struct {
	pool    *pgxpool.Pool
	search  *searchGuide
	charges *gatherer
	// alone has room for half of the connections: whoever does something alone
	// holds one with its lock and takes others from the pool, so that without a bound
	// they could hold all of them and wait for each other. aloneWith are the locks.
	alone     chan struct{}
	aloneWith sync.Map
}

// Open connects to the database at url. It returns an error when url cannot be
// read; a database that is down is noticed at the first use.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read") // the cause would quote the password
	}
	return OpenConfig(ctx, config)
}

// OpenConfig is Open with a pool configuration of the caller's.
func OpenConfig(ctx context.Context, config *pgxpool.Config) (*Store, error) {
	// Statements here take milliseconds. PostgreSQL would compile some of the
	// longer ones, which takes seconds.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	connected := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		registerTypes(conn.TypeMap())
		if connected != nil {
			return connected(ctx, conn)
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &Store{
		pool: pool, search: &searchGuide{pool: pool}, charges: newGatherer(pool), alone: make(chan struct{}, max(1, config.MaxConns/2)),
	}, nil
}

// registerTypes says how values of some types are written and read.
func registerTypes(m *pgtype.Map) {
	pgxuuid.Register(m)
	m.RegisterType(&pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}})
	// Times are UTC wherever the process runs.
	m.RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
}

// Close ends all connections, after those in use are returned.
func (s *Store) Close() { s.pool.Close() }

// Pool gives access to the pool for its statistics and health.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Reader returns a reader of the same database.
func (s *Store) Reader() *Reader { return &Reader{db: s.pool, search: s.search} }

// Tx is an open transaction. Its methods touch rows and never commit.
type Tx struct {
	tx pgx.Tx
}

// InTx runs do in one READ COMMITTED transaction, which is committed when do
// returns nil and rolled back when it returns an error or panics. It and
// inSnapshot are the only places where a transaction is opened.
func (s *Store) InTx(ctx context.Context, do func(ctx context.Context, tx *Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return do(ctx, &Tx{tx}) })
}

// inSnapshot runs do in a transaction that only reads, and sees one moment
// throughout.
func (s *Store) inSnapshot(ctx context.Context, do func(ctx context.Context, tx *Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error { return do(ctx, &Tx{tx}) })
}

// Reader answers questions. Each method is one statement, or one snapshot.
type Reader struct {
	db     querier
	search *searchGuide // nil inside a transaction
}

// Reader returns a reader that sees what the transaction has done.
func (t *Tx) Reader() *Reader { return &Reader{db: t.tx} }

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// The fields whose values must be unique, by the index that says so.
var uniqueFields = map[string]fault.Field{
	"accounts_email":                {Field: "email", Code: "taken", Detail: "An account with this e-mail address exists."},
	"logins_email":                  {Field: "email", Code: "taken", Detail: "An account with this e-mail address exists."},
	"accounts_phone":                {Field: "phone", Code: "taken", Detail: "An account with this phone number exists."},
	"staff_identities_pkey":         {Field: "subject", Code: "taken", Detail: "Somebody else signs in as this person."},
	"staff_identities_staff_id_key": {Field: "email", Code: "taken", Detail: "The staff member with this e-mail address signs in as another person."},

	"staff_email_key": {Field: "email", Code: "taken", Detail: "A staff member with this e-mail address exists."},
	"services_name":   {Field: "name", Code: "taken", Detail: "A service with this name exists."},
}

// failed turns a driver's error into a fault where the caller can expect it.
// what names the operation, for the log.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "There is no such %s.", strings.TrimPrefix(what, "read "))
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "23505" {
		if field, ok := uniqueFields[pg.ConstraintName]; ok {
			return taken(field)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

func taken(field fault.Field) error {
	refused := fault.New(fault.Taken, "%s", field.Detail)
	refused.Fields = []fault.Field{field}
	return refused
}

// violates reports whether err is a violation of the named unique index.
func violates(err error, index string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "23505" && pg.ConstraintName == index
}
