// Package processtest runs all of Kibali for tests of its pages, put together
// as the programs put it together: PostgreSQL, Temporal, the API and the pages
// on a port of this machine, a worker that can be stopped, and an inbox for what
// it sends. It is for tests.
package processtest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"kibali/cmd/kibali/process"
	"kibali/devstack/devtest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/identity"
	"kibali/migrations"
	"kibali/notify"
	"kibali/store"
	"kibali/web"
	"kibali/worker"
)

// Stand is everything that runs.
type Stand struct {
	URL     string
	Process *process.Process
	Owner   *pgxpool.Pool // of the schema, for what tests do behind the product's back
	Super   *pgxpool.Pool // of the server
	Inbox   *notify.Inbox
	Staff   map[actor.Role]Member

	temporal client.Client
	work     sync.Mutex
	stopWork func()
	folder   string
}

// Member is a staff member.
type Member struct {
	store.Staff
	Password string
}

// Password is that of every user whom Register registers.
const Password = "mango-lorry-violet-42"

// Start starts everything, after change, if any, was made to the process's
// blueprint. It ends with the test.
func Start(t testing.TB, change ...func(*process.Blueprint)) *Stand {
	t.Helper()
	database := devtest.NewDatabase(t, migrations.Migrate)
	temporal := devtest.Temporal(t, cases.SearchAttributes())
	s := &Stand{Staff: map[actor.Role]Member{}, temporal: temporal.Client, folder: t.TempDir()}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.URL = "http://" + listener.Addr().String()
	pool, err := pgxpool.ParseConfig(database.AppURL)
	require.NoError(t, err)
	blueprint := process.Blueprint{
		Pool: pool, Documents: "file://" + filepath.Join(s.folder, "documents"), Hashes: 4, Version: "test", Log: logger(),
		Temporal:  client.Options{HostPort: temporal.Address, Namespace: temporal.Namespace},
		SecretKey: []byte(strings.Repeat("k", 32)), Platform: "Ujumbe", BaseURL: s.URL,
	}
	for _, each := range change {
		each(&blueprint)
	}
	s.Process, err = process.New(context.WithoutCancel(t.Context()), blueprint)
	require.NoError(t, err)
	t.Cleanup(s.Process.Close)
	s.Owner, err = pgxpool.New(context.WithoutCancel(t.Context()), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(s.Owner.Close)
	s.Super, err = pgxpool.New(context.WithoutCancel(t.Context()), database.SuperuserURL)
	require.NoError(t, err)
	t.Cleanup(s.Super.Close)
	s.Inbox, err = notify.OpenInbox(filepath.Join(s.folder, "inbox"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Inbox.Close() })
	s.addStaff(t)
	s.serve(t, listener)
	s.StartWorker(t)
	t.Cleanup(s.StopWorker)
	return s
}

// logger tells of errors where the tests are run, when KIBALI_TEST_LOG is set.
func logger() *slog.Logger {
	if os.Getenv("KIBALI_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (s *Stand) serve(t testing.TB, listener net.Listener) {
	t.Helper()
	site, err := web.NewSite(s.URL)
	require.NoError(t, err)
	handler, err := s.Process.Web(process.Front{Site: site})
	require.NoError(t, err)
	server := web.Server(listener.Addr().String(), handler)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
}

// addStaff adds a member of every role, and a policy without quiet hours.
func (s *Stand) addStaff(t testing.TB) {
	t.Helper()
	p := policy.Default()
	p.QuietHours = nil
	require.NoError(t, s.Process.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.InsertPolicy(ctx, p, actor.Actor{Kind: actor.System}, "", time.Now()); err != nil {
			return err
		}
		for role, name := range map[actor.Role]string{
			actor.Admin: "Neema Mushi", actor.Reviewer: "Baraka Mollel", actor.Finance: "Zainab Salum", actor.Support: "Juma Kileo", actor.Auditor: "Grace Lyimo",
		} {
			member := Member{Password: "a quiet lake behind " + string(role) + " hills"}
			member.Staff = store.Staff{ID: uuid.New(), Email: string(role) + "@example.co.tz", Name: name, Role: role}
			hash, err := s.Process.Hasher.Hash(ctx, member.Password)
			if err != nil {
				return err
			}
			if err := tx.InsertStaff(ctx, member.Staff, hash, time.Now()); err != nil {
				return err
			}
			s.Staff[role] = member
		}
		return nil
	}))
}

// StartWorker starts the worker.
func (s *Stand) StartWorker(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- s.Process.Work(ctx, process.Work{BuildID: "test", Email: s.Inbox, SMS: s.Inbox, Platform: "Ujumbe", BaseURL: s.URL})
	}()
	s.work.Lock()
	defer s.work.Unlock()
	s.stopWork = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the worker ended: %v", err)
		}
	}
	deploying, deployed := context.WithTimeout(t.Context(), time.Minute)
	defer deployed()
	require.NoError(t, worker.Deploy(deploying, s.temporal, "test"))
	require.NoError(t, s.Process.WaitForWorker(deploying))
}

// StopWorker stops the worker: cases wait from then on.
func (s *Stand) StopWorker() {
	s.work.Lock()
	defer s.work.Unlock()
	if s.stopWork != nil {
		s.stopWork()
		s.stopWork = nil
	}
}

var applicants atomic.Int64

// Register registers a company that differs from every other one, unless change
// says otherwise, and returns its account.
func (s *Stand) Register(t testing.TB, change func(*account.Application)) account.Account {
	t.Helper()
	n := applicants.Add(1)
	app := account.Application{
		Name: "Asha Juma", Email: fmt.Sprintf("asha%d@kilimobora.example", n), Phone: fmt.Sprintf("+2557120%05d", n), Locale: "en",
		Company: account.Company{Name: fmt.Sprintf("Kilimo Bora %d Ltd", n), Industry: account.IndustryAgriculture, TIN: fmt.Sprintf("1%08d", n)},
	}
	if change != nil {
		change(&app)
	}
	registered, err := s.Process.Service.Register(t.Context(), actor.Actor{}, app, Password)
	require.NoError(t, err)
	return registered.Account
}

// Token returns a personal access token of a member.
func (s *Stand) Token(t testing.TB, role actor.Role) string {
	t.Helper()
	token, hash := identity.NewToken(identity.StaffToken)
	require.NoError(t, s.Process.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertStaffToken(ctx, store.StaffToken{ID: uuid.New(), StaffID: s.Staff[role].ID, Name: "test", Hash: hash, CreatedAt: time.Now()})
	}))
	return token
}
