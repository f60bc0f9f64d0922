package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"kibali/activities"
	"kibali/api"
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
	"kibali/web"
	"kibali/worker"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// stand is the API over a real database, with one staff token per role. Its
// Temporal is out of reach unless setupWithCases made it: everything but a
// decision's outcome is the same without.
type stand struct {
	handler http.Handler
	store   *store.Store
	planter *store.Store // the owner's, to bring the database into a state
	reader  *store.Reader
	owner   *pgxpool.Pool
	folder  string // of documents
	tokens  map[actor.Role]string
	uses    *store.Uses
	log     *lockedBuffer
	inbox   *notify.Inbox // of one with cases
	factor  bool          // required of staff who sign in
	limits  service.Limits

	newService func(*store.Store) *service.Service
	readReport api.ReadReport // nil unless a test sets it
}

func setup(t *testing.T) *stand {
	t.Helper()
	away, err := client.NewLazyClient(client.Options{HostPort: nowhere(t), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(away.Close)
	s, _ := setupOn(t, away, 200*time.Millisecond)
	return s
}

// nowhere returns an address at which nobody listens.
func nowhere(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// setupWithCases returns a stand with Temporal and a worker.
func setupWithCases(t *testing.T) *stand {
	t.Helper()
	server := devtest.Temporal(t, cases.SearchAttributes())
	s, files := setupOn(t, server.Client, 20*time.Second)
	inbox, err := notify.OpenInbox(filepath.Join(t.TempDir(), "inbox"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = inbox.Close() })
	s.inbox = inbox
	links, err := identity.NewLinks([]byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- worker.Run(ctx, server.Client, worker.Options{
			BuildID: "test", Log: slog.New(slog.DiscardHandler), StopTimeout: 5 * time.Second,
			Activities: activities.New(activities.Config{
				Store: s.store, Documents: files, Renderer: documents.NewRenderer(documents.RendererOptions{}),
				Email: inbox, SMS: inbox, Platform: "Ujumbe", BaseURL: "https://id.example.co.tz", Links: links, Log: slog.New(slog.DiscardHandler),
			}),
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	deploying, deployed := context.WithTimeout(t.Context(), 30*time.Second)
	defer deployed()
	require.NoError(t, worker.Deploy(deploying, server.Client, "test"))
	return s
}

func setupOn(t *testing.T, temporal client.Client, patience time.Duration) (*stand, *documents.Store) {
	t.Helper()
	database := devtest.NewDatabase(t, witness.Migrate)
	requireWitnessed(t, database.OwnerURL)
	s := &stand{log: &lockedBuffer{}, tokens: map[actor.Role]string{}}
	var err error
	s.store, err = store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	t.Cleanup(s.store.Close)
	s.planter, err = store.Open(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(s.planter.Close)
	s.reader, s.uses = s.store.Reader(), store.NewUses(s.store)
	s.owner, err = pgxpool.New(t.Context(), database.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(s.owner.Close)
	s.folder = filepath.Join(t.TempDir(), "documents")
	files, err := documents.Open(t.Context(), "file://"+s.folder)
	require.NoError(t, err)
	t.Cleanup(func() { _ = files.Close() })
	s.addStaff(t)
	s.newService = func(database *store.Store) *service.Service {
		hasher, err := identity.NewHasher(cheap, 4)
		require.NoError(t, err)
		factors, err := identity.NewFactors([]byte(strings.Repeat("k", 32)), "Ujumbe")
		require.NoError(t, err)
		results, err := identity.NewSealer([]byte(strings.Repeat("k", 32)), "test")
		require.NoError(t, err)
		links, err := identity.NewLinks([]byte(strings.Repeat("k", 32)))
		require.NoError(t, err)
		return service.New(service.Config{
			Factors: factors, Results: results, Links: links, Store: database, Temporal: temporal, Documents: files, Hasher: hasher, Log: s.logger(), Answer: patience, Reach: patience,
			Limits: s.limits,
		})
	}
	s.handler = s.newHandler(t, s.store)
	return s, files
}

// newHandler returns the API of the stand over a database.
func (s *stand) newHandler(t *testing.T, database *store.Store) http.Handler {
	t.Helper()
	cursors, err := web.NewCursors([]byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	return api.Handler(api.Config{Service: s.newService(database), Reader: database.Reader(), Cursors: cursors, Log: s.logger(), Uses: s.uses, Reports: s.readReport, SecondFactor: s.factor, TemporalUI: "https://temporal.example/namespaces/default"})
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

func (s *stand) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(s.log, nil)) }

// cheap is a cost of hashing for tests.
var cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// staffPassword is the password of every staff member.
const staffPassword = "pilau-na-kachumbari-7"

// signIn begins a session of the staff member of a role.
func (s *stand) signIn(t *testing.T, role actor.Role) api.StaffSignedIn {
	t.Helper()
	a := s.call(t, http.MethodPost, "/v1/staff/sessions", "", map[string]any{"email": string(role) + "@example.co.tz", "password": staffPassword})
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	return decode[api.StaffSignedIn](t, a)
}

// addStaff adds a policy without quiet hours and a member of every role.
func (s *stand) addStaff(t *testing.T) {
	t.Helper()
	p := policy.Default()
	p.QuietHours = nil
	hasher, err := identity.NewHasher(cheap, 1)
	require.NoError(t, err)
	staffHash, err := hasher.Hash(t.Context(), staffPassword)
	require.NoError(t, err)
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.InsertPolicy(ctx, p, actor.Actor{Kind: actor.System}, "", time.Now()); err != nil {
			return err
		}
		for _, role := range actor.Roles() {
			member := store.Staff{ID: uuid.New(), Email: string(role) + "@example.co.tz", Name: "Neema " + string(role), Role: role}
			if err := tx.InsertStaff(ctx, member, staffHash, time.Now()); err != nil {
				return err
			}
			token, hash := identity.NewToken(identity.StaffToken)
			s.tokens[role] = token
			if err := tx.InsertStaffToken(ctx, store.StaffToken{ID: uuid.New(), StaffID: member.ID, Name: "test", Hash: hash, CreatedAt: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// answer is what a call was answered with.
type answer struct {
	*httptest.ResponseRecorder
}

// decode reads the answer's JSON.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(a.Body.Bytes(), &v), a.Body)
	return v
}

// fields returns the bad fields that a problem document names, with their codes.
func (a answer) fields(t *testing.T) map[string]string {
	t.Helper()
	fields := map[string]string{}
	if p := decode[api.Problem](t, a); p.Errors != nil {
		for _, f := range *p.Errors {
			fields[f.Field] = f.Code
		}
	}
	return fields
}

func (a answer) code(t *testing.T) string {
	t.Helper()
	return string(decode[api.Problem](t, a).Code)
}

// call sends a request with a JSON body (a string as it is, nil for none) and
// checks the answer against the specification.
func (s *stand) call(t *testing.T, method, target, token string, body any, headers ...string) answer {
	t.Helper()
	var content io.Reader = http.NoBody
	if body != nil {
		text, ok := body.(string)
		if !ok {
			encoded, err := json.Marshal(body)
			require.NoError(t, err)
			text = string(encoded)
		}
		content = strings.NewReader(text)
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	request := httptest.NewRequestWithContext(t.Context(), method, target, content)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return s.send(t, request)
}

// send sends a request and checks the answer against the specification, and
// the request too when it was answered well.
func (s *stand) send(t *testing.T, request *http.Request) answer {
	t.Helper()
	var sent []byte
	if request.Body != nil {
		var err error
		sent, err = io.ReadAll(request.Body)
		require.NoError(t, err)
		request.Body = io.NopCloser(bytes.NewReader(sent))
	}
	a := answer{httptest.NewRecorder()}
	s.handler.ServeHTTP(a, request)
	require.NotEmpty(t, a.Header().Get("X-Request-Id"))
	require.Equal(t, "nosniff", a.Header().Get("X-Content-Type-Options"))
	route, parameters, err := specification(t).router.FindRoute(request)
	if err != nil {
		require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, a.Code, "%s %s is not in the specification", request.Method, request.URL.Path)
		return a
	}
	request.Body = io.NopCloser(bytes.NewReader(sent))
	asked := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if a.Code < 300 && request.ContentLength != 0 {
		require.NoError(t, openapi3filter.ValidateRequest(t.Context(), asked))
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked, Status: a.Code, Header: a.Header(), Options: asked.Options,
		Body: io.NopCloser(bytes.NewReader(a.Body.Bytes())),
	}), "%s %s -> %d", request.Method, request.URL.Path, a.Code)
	return a
}

type loadedSpecification struct {
	document *openapi3.T
	router   routers.Router
}

var load = sync.OnceValues(func() (loadedSpecification, error) {
	for _, contentType := range []string{"application/pdf", "image/jpeg", "image/png", "image/webp", "text/html", "application/jsonl", "application/zip"} {
		openapi3filter.RegisterBodyDecoder(contentType, openapi3filter.FileBodyDecoder)
	}
	document, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		return loadedSpecification{}, err
	}
	router, err := gorillamux.NewRouter(document)
	return loadedSpecification{document, router}, err
})

func specification(t *testing.T) loadedSpecification {
	t.Helper()
	loaded, err := load()
	require.NoError(t, err)
	return loaded
}

const password = "mango-lorry-violet-42"

var applicants atomic.Int64

// application returns a registration's body that differs from every other one;
// changes, if any, are made to it before it is returned.
func application(changes ...func(map[string]any)) map[string]any {
	n := applicants.Add(1)
	body := map[string]any{
		"name": "Asha Mushi", "email": fmt.Sprintf("asha%d@kilimobora.example", n), "phone": fmt.Sprintf("+2557120%05d", n),
		"password": password, "locale": "sw",
		"company": map[string]any{"name": fmt.Sprintf("Kilimo Bora %d Ltd", n), "industry": "agriculture", "tin": "123-456-789"},
	}
	for _, change := range changes {
		change(body)
	}
	return body
}

// user is a registered account and what opens it.
type user struct {
	id          string
	email       string
	uploadToken string
	session     string
}

// register registers a company and signs its user in.
func (s *stand) register(t *testing.T, changes ...func(map[string]any)) user {
	t.Helper()
	body := application(changes...)
	a := s.call(t, http.MethodPost, "/v1/registrations", "", body)
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	registered := decode[api.Registered](t, a)
	u := user{id: registered.Account.ID.String(), email: registered.Account.Email, uploadToken: registered.UploadToken}
	a = s.call(t, http.MethodPost, "/v1/sessions", "", map[string]any{"email": u.email, "password": password})
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	u.session = decode[api.LoggedIn](t, a).Token
	return u
}

// setStatus puts an account into a state by hand, for what depends on the
// state and not on how it came about.
func (s *stand) setStatus(t *testing.T, u user, status account.Status) {
	t.Helper()
	stage := ""
	if status == account.Pending {
		stage = string(account.InReview)
	}
	_, err := s.owner.Exec(t.Context(), `UPDATE accounts SET status = $2, stage = $3 WHERE id = $1`, u.id, status, stage)
	require.NoError(t, err)
}

// race does something n times at once.
func race(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// storedFiles counts the files in storage.
func (s *stand) storedFiles(t *testing.T) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(s.folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return err
	})
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	return n
}

// lockedBuffer is a log that several goroutines write.
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
