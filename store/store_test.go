package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"kibali/devstack/devtest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/migrations"
	"kibali/store"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// testBundle is what a test of the store works with: the store as the
// application connects, and a pool of the owner's to look behind it.
type testBundle struct {
	store  *store.Store
	reader *store.Reader
	owner  *pgxpool.Pool
	url    string // of the database, for the application
}

// another opens the store as another process would.
func (b testBundle) another(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), b.url)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func setup(t *testing.T) testBundle {
	t.Helper()
	database := devtest.NewDatabase(t, migrations.Migrate)
	s, err := store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	owner, err := pgxpool.New(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(owner.Close)
	return testBundle{store: s, reader: s.Reader(), owner: owner, url: database.AppURL}
}

var (
	noon    = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	numbers atomic.Int64
)

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// registration makes a registration that differs from every other one;
// changes, if any, are made to it before it is returned.
func registration(changes ...func(*store.Registration)) store.Registration {
	n := numbers.Add(1)
	a := account.Account{
		ID: newID(), Name: fmt.Sprintf("Asha Mushi %d", n), Email: fmt.Sprintf("asha%d@example.co.tz", n),
		Phone: fmt.Sprintf("+255712%06d", n), Locale: "sw",
		Company: account.Company{Name: fmt.Sprintf("Kilimo Bora %d Ltd", n), Industry: account.IndustryAgriculture, TIN: "123456789"},
		Status:  account.Pending, Stage: account.AwaitingDocuments, StageSince: noon,
		RemindAt: noon.Add(48 * time.Hour), DeadlineAt: noon.Add(14 * 24 * time.Hour), RegisteredAt: noon,
	}
	r := store.Registration{
		Account: a, LoginID: newID(), PasswordHash: "$argon2id$test",
		Application: store.Application{
			ID: newID(), AccountID: a.ID, PolicyVersion: 1, Name: a.Name, Locale: a.Locale, Company: a.Company, SubmittedAt: noon,
		},
		Upload:  store.Session{ID: newID(), AccountID: a.ID, Purpose: store.PurposeUpload, Hash: [32]byte(randomBytes()), CreatedAt: noon, Idle: time.Hour, ExpiresAt: noon.Add(time.Hour)},
		Notices: []store.Notice{{ID: newID(), Key: "application_received/" + a.ID.String(), AccountID: a.ID, Kind: "application_received", Channel: store.Email, CreatedAt: noon}},
		Event: store.Event{
			At: noon, Actor: actor.Actor{Kind: actor.Account, ID: a.ID, RequestID: "r1", Address: netip.MustParseAddr("196.41.0.1")},
			Action: "register", Subject: "account", SubjectID: a.ID.String(), AccountID: &a.ID,
		},
	}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func randomBytes() []byte {
	a, b := uuid.New(), uuid.New()
	return append(a[:], b[:]...)
}

func (b testBundle) register(t *testing.T, changes ...func(*store.Registration)) store.Registration {
	t.Helper()
	r := registration(changes...)
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertRegistration(ctx, r) }))
	return r
}

func (b testBundle) staff(t *testing.T, role actor.Role) store.Staff {
	t.Helper()
	s := store.Staff{ID: newID(), Email: fmt.Sprintf("staff%d@kibali.test", numbers.Add(1)), Name: "A. Mushi", Role: role}
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertStaff(ctx, s, "", noon) }))
	return s
}

func (b testBundle) decision(t *testing.T, r store.Registration, by store.Staff, changes ...func(*store.Decision)) store.Decision {
	t.Helper()
	d := store.Decision{
		ID: newID(), AccountID: r.Account.ID, CaseID: "registration/" + r.Account.ID.String(), Kind: account.Reject,
		ReasonCode: "not_eligible", Reason: "The licence has expired.", Note: "seen by two of us",
		StaffID: by.ID, StaffName: by.Name, RequestID: "r2", RequestedAt: noon.Add(time.Hour),
	}
	for _, change := range changes {
		change(&d)
	}
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertDecision(ctx, d) }))
	return d
}

func (b testBundle) inTx(t *testing.T, do func(ctx context.Context, tx *store.Tx) error) error {
	t.Helper()
	return b.store.InTx(t.Context(), do)
}

func requireFault(t *testing.T, err error, code fault.Code, fields ...string) {
	t.Helper()
	refused := fault.As(err)
	require.NotNil(t, refused, "got %v", err)
	require.Equal(t, code, refused.Code)
	var named []string
	for _, f := range refused.Fields {
		named = append(named, f.Field)
	}
	require.Equal(t, fields, named)
}

func TestAlone_leaves_connections_for_what_it_does(t *testing.T) {
	t.Parallel()
	b := setup(t)
	connections := int(b.store.Pool().Config().MaxConns)
	var group errgroup.Group
	for lock := range int64(3 * connections) {
		group.Go(func() error {
			done, err := b.store.Alone(t.Context(), 1000+lock, func(ctx context.Context) error {
				_, err := b.store.Reader().Counts(ctx)
				return err
			})
			if err == nil && !done {
				err = errors.New("somebody else holds the lock")
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
}
