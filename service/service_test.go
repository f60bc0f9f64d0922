package service_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"kibali/devstack/devtest"
	"kibali/devstack/witness"
	"kibali/documents"
	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// testBundle is a service on a real database and a real Temporal that no
// worker serves: what is asked for is recorded and waits.
type testBundle struct {
	service  *service.Service
	store    *store.Store
	planter  *store.Store // the owner's, to bring the database into a state
	reader   *store.Reader
	owner    *pgxpool.Pool
	files    *documents.Store
	temporal client.Client
	ahead    *atomic.Int64 // how far the service's clock runs ahead
	admin    actor.Actor
}

type option func(*service.Config)

// withoutTemporal makes the service find nobody at Temporal's address.
func withoutTemporal(t *testing.T) option {
	return func(c *service.Config) {
		away, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
		require.NoError(t, err)
		t.Cleanup(away.Close)
		c.Temporal = away
	}
}

func setup(t *testing.T, options ...option) testBundle {
	t.Helper()
	database := devtest.NewDatabase(t, witness.Migrate)
	requireWitnessed(t, database.OwnerURL)
	s, err := store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	planter, err := store.Open(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(planter.Close)
	owner, err := pgxpool.New(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(owner.Close)
	files, err := documents.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	hasher, err := identity.NewHasher(argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, 4)
	require.NoError(t, err)
	ahead := &atomic.Int64{}
	c := service.Config{
		Store: s, Documents: files, Hasher: hasher, Links: links(t), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time {
			return time.Now().UTC().Add(time.Duration(ahead.Load())).Truncate(time.Microsecond)
		},
		Answer: 100 * time.Millisecond, Reach: time.Second,
	}
	for _, o := range options {
		o(&c)
	}
	if c.Temporal == nil {
		c.Temporal = devtest.Temporal(t, cases.SearchAttributes()).Client
	}
	b := testBundle{
		service: service.New(c), store: s, planter: planter, reader: s.Reader(), owner: owner, files: files, temporal: c.Temporal, ahead: ahead,
	}
	b.admin = b.staff(t, actor.Admin)
	return b
}

// requireWitnessed fails a test at its end when the application has made a
// change without its audit event.
func requireWitnessed(t *testing.T, ownerURL string) {
	t.Helper()
	t.Cleanup(func() {
		told, err := witness.Examine(context.Background(), ownerURL)
		require.NoError(t, err)
		require.Empty(t, told.Findings)
	})
}

func links(t *testing.T) *identity.Links {
	t.Helper()
	l, err := identity.NewLinks([]byte("a secret key for tests, of 32 bytes"))
	require.NoError(t, err)
	return l
}

var numbers atomic.Int64

func (b testBundle) staff(t *testing.T, role actor.Role) actor.Actor {
	t.Helper()
	n := numbers.Add(1)
	s := store.Staff{ID: uuid.Must(uuid.NewV7()), Email: fmt.Sprintf("s%d@kibali.test", n), Name: fmt.Sprintf("A. Mushi %d", n), Role: role}
	require.NoError(t, b.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertStaff(ctx, s, "", time.Now())
	}))
	return actor.Actor{Kind: actor.Staff, ID: s.ID, Role: role, RequestID: "test"}
}

const password = "kahawa na maandazi"

func application() account.Application {
	n := numbers.Add(1)
	return account.Application{
		Name: "Asha Mushi", Email: fmt.Sprintf("asha%d@example.co.tz", n), Phone: fmt.Sprintf("0712 %03d %03d", n/1000, n%1000),
		Company: account.Company{Name: "Kilimo Bora Ltd", Industry: account.IndustryAgriculture},
	}
}

func (b testBundle) register(t *testing.T) account.Account {
	t.Helper()
	r, err := b.service.Register(t.Context(), actor.Actor{RequestID: "test"}, application(), password)
	require.NoError(t, err)
	return r.Account
}

// put brings an account into a state, as cases would.
func (b testBundle) put(t *testing.T, a account.Account, status account.Status, stage account.Stage) account.Account {
	t.Helper()
	a.Status, a.Stage = status, stage
	require.NoError(t, b.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.WriteTransition(ctx, store.Transition{Account: a, Event: store.Event{
			At: time.Now(), Actor: actor.Actor{Kind: actor.System}, Action: "put", Subject: "account", SubjectID: a.ID.String(), AccountID: &a.ID,
		}})
	}))
	return a
}

func self(a account.Account) actor.Actor {
	return actor.Actor{Kind: actor.Account, ID: a.ID, RequestID: "test"}
}

func requireFault(t *testing.T, err error, code fault.Code, fields ...string) *fault.Error {
	t.Helper()
	refused := fault.As(err)
	require.NotNil(t, refused, "got %v", err)
	require.Equal(t, code, refused.Code, "%v", err)
	var named []string
	for _, f := range refused.Fields {
		named = append(named, f.Field)
	}
	require.Equal(t, fields, named)
	return refused
}

func currentOf(t *testing.T, err error) service.Current {
	t.Helper()
	current, ok := requireFault(t, err, fault.Conflict).Details["current"].(service.Current)
	require.True(t, ok, "a conflict says what is")
	return current
}

func (b testBundle) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, b.owner.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

func pdf(kind string) service.Upload {
	return service.Upload{
		FileName: "tin.pdf", Body: bytes.NewReader(sample.PDF("TIN certificate", "Kilimo Bora Ltd")),
		Kind: func() (string, error) { return kind, nil },
	}
}

func drain(t *testing.T, r io.ReadCloser) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return data
}

func race(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}
