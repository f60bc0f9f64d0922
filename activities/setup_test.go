package activities_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/activities"
	"kibali/devstack/devtest"
	"kibali/devstack/witness"
	"kibali/documents"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/identity"
	"kibali/notify"
	"kibali/store"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// noon is when tests take place: outside the quiet hours of Dar es Salaam.
var noon = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// desk is a database with the activities that work on it.
type desk struct {
	*activities.Activities
	t       *testing.T
	url     string
	store   *store.Store
	planter *store.Store // the owner's, to bring the database into a state
	reader  *store.Reader
	files   *documents.Store
	inbox   *notify.Inbox
	admin   store.Staff

	mu  sync.Mutex
	now time.Time
}

// setup returns a desk with one admin and the default policy, at noon. The
// caller may change what the activities are made of.
func setup(t *testing.T, changes ...func(*activities.Config)) *desk {
	t.Helper()
	database := devtest.NewDatabase(t, witness.Migrate)
	requireWitnessed(t, database.OwnerURL)
	d := &desk{t: t, url: database.OwnerURL, now: noon}
	var err error
	d.store, err = store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	t.Cleanup(d.store.Close)
	d.planter, err = store.Open(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(d.planter.Close)
	d.reader = d.store.Reader()
	d.files, err = documents.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.files.Close() })
	d.inbox, err = notify.OpenInbox(filepath.Join(t.TempDir(), "inbox"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.inbox.Close() })
	config := activities.Config{
		Store: d.store, Documents: d.files, Renderer: renderer(), Email: d.inbox, SMS: d.inbox,
		Platform: "Ujumbe", BaseURL: "https://ujumbe.example.co.tz", Links: links(t), Now: d.clock, Log: slog.New(slog.DiscardHandler),
	}
	for _, change := range changes {
		change(&config)
	}
	d.Activities = activities.New(config)
	d.admin = d.hire(actor.Admin)
	return d
}

func links(t *testing.T) *identity.Links {
	t.Helper()
	l, err := identity.NewLinks([]byte("a secret key for tests, of 32 bytes"))
	require.NoError(t, err)
	return l
}

var renderer = sync.OnceValue(func() *documents.Renderer { return documents.NewRenderer(documents.RendererOptions{}) })

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) pass(wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(wait)
}

func (d *desk) in(do func(ctx context.Context, tx *store.Tx) error) {
	d.t.Helper()
	require.NoError(d.t, d.planter.InTx(d.t.Context(), do))
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

var serial atomic.Int64

func (d *desk) hire(role actor.Role) store.Staff {
	s := store.Staff{ID: uuid.New(), Email: fmt.Sprintf("staff%d@example.co.tz", serial.Add(1)), Name: "Asha", Role: role}
	d.in(func(ctx context.Context, tx *store.Tx) error { return tx.InsertStaff(ctx, s, "", d.clock()) })
	return s
}

// register adds an account that waits for documents, as the service does.
func (d *desk) register() account.Account {
	d.t.Helper()
	p, version, err := d.reader.Policy(d.t.Context())
	require.NoError(d.t, err)
	now := d.clock()
	remind, end, err := p.Deadlines(account.AwaitingDocuments, now)
	require.NoError(d.t, err)
	n := serial.Add(1)
	a := account.Account{
		ID: uuid.New(), Name: "Juma", Email: fmt.Sprintf("juma%d@example.co.tz", n), Phone: fmt.Sprintf("+2557130%05d", n), Locale: "en",
		Company: account.Company{Name: "Juma Traders", Industry: account.IndustryRetail},
		Status:  account.Pending, Stage: account.AwaitingDocuments, StageSince: now, RemindAt: remind, DeadlineAt: end, RegisteredAt: now,
	}
	d.in(func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertRegistration(ctx, store.Registration{
			Account: a, LoginID: uuid.New(), PasswordHash: "none",
			Application: store.Application{
				ID: uuid.New(), AccountID: a.ID, PolicyVersion: version, Name: a.Name, Locale: a.Locale, Company: a.Company,
				SubmittedAt: now, AcceptedAt: &now,
			},
			Upload: store.Session{ID: uuid.New(), AccountID: a.ID, Purpose: store.PurposeUpload, Hash: hash(n), CreatedAt: now, ExpiresAt: end},
			Event:  store.Event{At: now, Actor: actor.Actor{Kind: actor.Account, ID: a.ID}, Action: "register", Subject: "account", SubjectID: a.ID.String(), AccountID: &a.ID},
		})
	})
	return d.account(a.ID)
}

func hash(n int64) (h [32]byte) {
	copy(h[:], fmt.Sprintf("%032d", n))
	return h
}

// resubmits adds a corrected application that waits to be taken up.
func (d *desk) resubmits(a account.Account) store.Application {
	_, version, err := d.reader.Policy(d.t.Context())
	require.NoError(d.t, err)
	application := store.Application{
		ID: uuid.New(), AccountID: a.ID, PolicyVersion: version, Name: "Neema", Locale: "sw",
		Company: account.Company{Name: "Neema Traders", Industry: account.IndustryMedia}, SubmittedAt: d.clock(),
	}
	d.in(func(ctx context.Context, tx *store.Tx) error { return tx.InsertApplication(ctx, application) })
	return application
}

// decides records an open decision of the admin and returns its message.
func (d *desk) decides(a account.Account, kind account.Action, changes ...func(*store.Decision)) cases.Decision {
	d.t.Helper()
	decision := store.Decision{
		ID: uuid.New(), AccountID: a.ID, CaseID: cases.IDFor(a.ID, a.State(), kind), Kind: kind, ReasonCode: "other", Reason: "Because.",
		StaffID: d.admin.ID, RequestID: "test", RequestedAt: d.clock(),
	}
	for _, change := range changes {
		change(&decision)
	}
	d.in(func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertDecision(ctx, decision); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: decision.RequestedAt, Actor: actor.Actor{Kind: actor.Staff, ID: d.admin.ID, Role: d.admin.Role}, Action: string(kind) + ".requested",
			Subject: "decision", SubjectID: decision.ID.String(), AccountID: &a.ID, DecisionID: &decision.ID, WorkflowID: decision.CaseID,
		})
	})
	return cases.Decision{DecisionID: decision.ID, Kind: kind, ActorID: d.admin.ID}
}

// decide records a decision and carries it out.
func (d *desk) decide(a account.Account, kind account.Action, changes ...func(*store.Decision)) cases.Outcome {
	d.t.Helper()
	o, err := d.ApplyDecision(d.t.Context(), d.decides(a, kind, changes...))
	require.NoError(d.t, err)
	return o
}

func (d *desk) account(id uuid.UUID) account.Account {
	d.t.Helper()
	view, err := d.reader.Account(d.t.Context(), id)
	require.NoError(d.t, err)
	return view.Account
}

func (d *desk) decision(id uuid.UUID) store.Decision {
	d.t.Helper()
	found, err := d.reader.Decision(d.t.Context(), id)
	require.NoError(d.t, err)
	return found
}

func (d *desk) application(id uuid.UUID) store.Application {
	d.t.Helper()
	found, err := d.reader.Application(d.t.Context(), id)
	require.NoError(d.t, err)
	return found
}

func (d *desk) notice(id uuid.UUID) store.Notice {
	d.t.Helper()
	found, err := d.reader.Notice(d.t.Context(), id)
	require.NoError(d.t, err)
	return found
}

// policies changes the policy in force.
func (d *desk) policies(change func(*policy.Policy)) {
	p := policy.Default()
	change(&p)
	d.in(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.InsertPolicy(ctx, p, actor.Actor{Kind: actor.System}, "", d.clock())
		return err
	})
}

// events returns the actions in the account's audit trail, oldest first, but for
// what staff have asked for.
func (d *desk) events(id uuid.UUID) []string {
	d.t.Helper()
	return d.read(`SELECT action FROM audit_events WHERE account_id = $1 AND action NOT LIKE '%.requested' AND subject <> 'notice' ORDER BY id`, id)
}

// read returns the texts that a query gives.
func (d *desk) read(sql string, args ...any) []string {
	d.t.Helper()
	connection, err := pgx.Connect(d.t.Context(), d.url)
	require.NoError(d.t, err)
	defer connection.Close(context.WithoutCancel(d.t.Context()))
	rows, err := connection.Query(d.t.Context(), sql, args...)
	require.NoError(d.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(d.t, err)
	return found
}

// dismiss disables all staff.
func (d *desk) dismiss() {
	d.t.Helper()
	d.read(`UPDATE staff SET disabled_at = now() RETURNING name`)
}

// channels returns what is owed by an outcome as "channel kind".
func channels(o cases.Outcome) []string {
	var found []string
	for _, n := range o.Notices {
		found = append(found, n.Channel+" "+n.Kind)
	}
	return found
}
