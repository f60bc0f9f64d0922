package worker_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

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
	"kibali/service"
	"kibali/store"
	"kibali/worker"
)

// record makes the tests keep the histories that they produce:
//
//	go test ./worker -run TestHistories -record
var record = flag.Bool("record", false, "keep the histories of TestHistories in workflows/testdata/histories")

const buildID = "test"

// canary stands in every field that a person fills in. It must be found
// nowhere outside PostgreSQL and the notices.
const canary = "Zanzibarcanary"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		runChild()
		return
	}
	devtest.Main(m)
}

// stand is a whole Kibali but for its HTTP faces: database, Temporal, service,
// and workers when work is called.
type stand struct {
	database devtest.Database
	server   devtest.TemporalServer
	temporal client.Client
	store    *store.Store
	planter  *store.Store // the owner's, to bring the database into a state
	reader   *store.Reader
	files    *documents.Store
	filesURL string
	service  *service.Service
	inbox    *notify.Inbox
	sms      notify.SMSSender // the inbox, unless a test says otherwise
	staff    actor.Actor
	log      *lockedBuffer
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

// setup returns a stand with a policy without quiet hours, changed by the
// caller, and one admin. No worker runs yet.
func setup(t *testing.T, changes ...func(*policy.Policy)) *stand {
	t.Helper()
	s := &stand{log: &lockedBuffer{}}
	s.database = devtest.NewDatabase(t, witness.Migrate)
	requireWitnessed(t, s.database.OwnerURL)
	s.server = devtest.Temporal(t, cases.SearchAttributes())
	s.temporal = dial(t, s.server)

	var err error
	s.store, err = store.Open(t.Context(), s.database.AppURL)
	require.NoError(t, err)
	t.Cleanup(s.store.Close)
	s.planter, err = store.Open(t.Context(), s.database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(s.planter.Close)
	s.reader = s.store.Reader()
	s.filesURL = "file://" + filepath.Join(t.TempDir(), "documents")
	s.files, err = documents.Open(t.Context(), s.filesURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.files.Close() })
	s.inbox, err = notify.OpenInbox(filepath.Join(t.TempDir(), "inbox"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.inbox.Close() })
	s.sms = s.inbox
	hasher, err := identity.NewHasher(argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, 4)
	require.NoError(t, err)
	links, err := identity.NewLinks(secretKey)
	require.NoError(t, err)
	s.service = service.New(service.Config{
		Links: links,
		Store: s.store, Temporal: s.temporal, Documents: s.files, Hasher: hasher, Log: slog.New(slog.NewTextHandler(s.log, nil)),
		Answer: 10 * time.Second,
	})

	p := policy.Default()
	p.QuietHours = nil
	for _, change := range changes {
		change(&p)
	}
	admin := store.Staff{ID: uuid.New(), Email: "admin@example.co.tz", Name: "Asha " + canary, Role: actor.Admin}
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.InsertPolicy(ctx, p, actor.Actor{Kind: actor.System}, "", time.Now()); err != nil {
			return err
		}
		return tx.InsertStaff(ctx, admin, "", time.Now())
	}))
	s.staff = actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: admin.Role, RequestID: "test"}
	return s
}

var secretKey = []byte("a secret key for tests, of 32 bytes")

// dial connects under a name that tells nothing of this machine, since it is
// written into histories.
func dial(t *testing.T, server devtest.TemporalServer) client.Client {
	t.Helper()
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	c, err := client.Dial(client.Options{HostPort: server.Address, Namespace: server.Namespace, Identity: "kibali-test", Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

var renderer = sync.OnceValue(func() *documents.Renderer { return documents.NewRenderer(documents.RendererOptions{}) })

// work runs a worker of the stand until stop is called or the test is over,
// and makes its build current.
func (s *stand) work(t *testing.T, id string) (stop func()) {
	t.Helper()
	links, err := identity.NewLinks(secretKey)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- worker.Run(ctx, s.temporal, worker.Options{
			BuildID: id, Log: slog.New(slog.NewTextHandler(s.log, nil)), StopTimeout: 5 * time.Second,
			Activities: activities.New(activities.Config{
				Store: s.store, Documents: s.files, Renderer: renderer(), Email: s.inbox, SMS: s.sms,
				Platform: "Ujumbe", BaseURL: "https://ujumbe.example.co.tz", Links: links, Log: slog.New(slog.NewTextHandler(s.log, nil)),
			}),
		})
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the worker ended with %v", err)
			}
		})
	}
	t.Cleanup(stop)
	deadline, cancelDeploy := context.WithTimeout(t.Context(), time.Minute)
	defer cancelDeploy()
	require.NoError(t, worker.Deploy(deadline, s.temporal, id))
	return stop
}

var applicants atomic.Int64

// register hands in an application whose every text holds the canary.
func (s *stand) register(t *testing.T) account.Account {
	t.Helper()
	n := applicants.Add(1)
	registered, err := s.service.Register(t.Context(), actor.Actor{}, account.Application{
		Name: "Juma " + canary, Email: fmt.Sprintf("juma.%s.%d@example.co.tz", canary, n), Phone: fmt.Sprintf("+2557120%05d", n),
		Locale: "sw", Company: company(),
	}, "mlima-kilimanjaro-9")
	require.NoError(t, err)
	return registered.Account
}

func company() account.Company {
	return account.Company{Name: canary + " Traders", Industry: account.IndustryRetail, Address: canary + " Road 5"}
}

func (s *stand) resubmit(t *testing.T, id uuid.UUID) store.AccountView {
	t.Helper()
	view, _, err := s.service.Resubmit(t.Context(), actor.Actor{Kind: actor.Account, ID: id}, account.Resubmission{Name: "Neema " + canary, Company: company()})
	require.NoError(t, err)
	return view
}

func (s *stand) upload(t *testing.T, id uuid.UUID, content []byte) store.Document {
	t.Helper()
	d, err := s.service.Upload(t.Context(), actor.Actor{Kind: actor.Account, ID: id}, id, service.Upload{
		FileName: canary + ".jpg", Body: bytes.NewReader(content), Kind: func() (string, error) { return "director_id", nil },
	})
	require.NoError(t, err)
	return d
}

func (s *stand) ask(id uuid.UUID) service.Ask {
	return service.Ask{AccountID: id, Note: canary + " noted"}
}

func (s *stand) reason(id uuid.UUID, code string) service.Ask {
	return service.Ask{AccountID: id, ReasonCode: code, Reason: "Because of " + canary, Note: canary + " noted"}
}

// mustDo returns the decision of a command that must have been carried out.
func mustDo(t *testing.T) func(service.Decided, error) service.Decided {
	return func(d service.Decided, err error) service.Decided {
		t.Helper()
		require.NoError(t, err)
		require.True(t, d.Done, "the decision waits")
		return d
	}
}

func (s *stand) account(t *testing.T, id uuid.UUID) account.Account {
	t.Helper()
	view, err := s.reader.Account(t.Context(), id)
	require.NoError(t, err)
	return view.Account
}

// closed waits until the newest run of a case has closed well, and returns its
// history.
func (s *stand) closed(t *testing.T, caseID string) *historypb.History {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, s.temporal.GetWorkflow(ctx, caseID, "").Get(ctx, nil))
	return s.history(t, caseID)
}

func (s *stand) history(t *testing.T, caseID string) *historypb.History {
	t.Helper()
	history := &historypb.History{}
	events := s.temporal.GetWorkflowHistory(t.Context(), caseID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	return history
}

// requireKeepable checks what every history must be: free of personal data,
// and replayable.
func requireKeepable(t *testing.T, history *historypb.History) []byte {
	t.Helper()
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(t, err)
	// Payloads are base64 in JSON, so they are looked at as they are, too.
	require.NotContains(t, strings.ToLower(string(text)), strings.ToLower(canary))
	require.NotContains(t, strings.ToLower(history.String()), strings.ToLower(canary))
	require.NotContains(t, history.String(), "+255712")
	replayer := sdkworker.NewWorkflowReplayer()
	worker.Register(replayer)
	require.NoError(t, replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history))
	return text
}

// received returns what the inbox has of a channel for the account, oldest
// first, as subjects or texts.
func (s *stand) received(id account.Account, channel notify.Channel) int {
	n := 0
	for _, item := range s.inbox.List() {
		if item.Channel == channel && (item.To == id.Email || item.To == id.Phone) {
			n++
		}
	}
	return n
}

// told returns what the inbox has for an address.
func (s *stand) told(address string) []notify.Item {
	var found []notify.Item
	for _, item := range s.inbox.List() {
		if item.To == address {
			found = append(found, item)
		}
	}
	return found
}

// lockedBuffer is a log that tests read while it is written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

var _ io.Writer = (*lockedBuffer)(nil)
