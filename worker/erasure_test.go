package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/activities"
	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/message"
	"kibali/service"
	"kibali/store"
)

// The marks of a person who is to be forgotten: a word in every text, and the
// digits of every number.
const (
	markWord    = "forgetmenot"
	markPhone   = "754321987"
	markTIN     = "987123654"
	markAddress = "203.0.113.77"
)

// stays are the columns that may still have marks of an erased account, and why.
var stays = map[string]string{
	"audit_events.address":  "the audit trail is append-only; it says from where something was done",
	"transfers.reference":   "the ledger is append-only and sealed; it is the customer's own name for a charge",
	"transfers.request_key": "the ledger is append-only and sealed; it is the Idempotency-Key of a request",
}

// harmless are the columns of text and bytes that the walk through everything
// leaves without marks, and why nothing of a person stands in them. A table is
// named by "table.*".
var harmless = map[string]string{
	"accounts.*":           "beside the marked ones: codes",
	"account_activity.*":   "a code",
	"account_counts.*":     "counts",
	"account_credits.*":    "a code",
	"account_search.*":     "beside the text: a code",
	"api_keys.hash":        "of a random token",
	"api_keys.prefix":      "of a random token, deleted with it",
	"appeals.outcome":      "a code",
	"applications.locale":  "a code",
	"applications.outcome": "a code",
	"audit_events.*":       "codes and ids",
	"audit_seals.*":        "hashes of codes and ids",
	"balances.*":           "credits",
	"decisions.*":          "beside the marked ones: codes",
	"delivery_reports.*":   "a provider's ids and codes",
	"document_pages.*":     "random keys, deleted with the document",
	"documents.*":          "beside the file's name: codes, a random key and the hash of the file",
	"goose_db_version.*":   "the schema",
	"idempotency_keys.*":   "deleted",
	"ledger_*":             "credits and hashes",
	"logins.password_hash": "deleted",
	"message_recipients.*": "beside the phone: codes",
	"messages.fingerprint": "zeroed",
	"notices.*":            "rendered when they are sent; codes and a provider's id, which goes",
	"partial_upload*":      "deleted, after a day at the most",
	"contact_proofs.*":     "the row goes with the account",
	"password_resets.*":    "the e-mail goes when the case closes, the hash with the account",
	"policies.*":           "of the platform",
	"rates.*":              "hashes, for minutes",
	"review_claims.*":      "deleted",
	"saved_views.sort":     "a code",
	"saved_views.status":   "a code",
	"services.*":           "of the platform",
	"sessions.hash":        "of a random token, deleted",
	"sessions.purpose":     "a code",
	"staff*":               "of staff",
	"top_up_lines.*":       "codes",
	"transfers.*":          "codes and credits",
}

func TestErasure(t *testing.T) {
	t.Parallel()

	t.Run("leaves nothing of the person but what is listed", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.work(t, buildID)
		a := s.livedThrough(t)
		before := s.marked(t)
		s.requireClassified(t, before)
		require.NotEmpty(t, files(t, s), "the documents")
		ledger, audit := s.rows(t, "transfers"), s.rows(t, "audit_events")
		err := s.service.SaveView(t.Context(), s.staff, store.SavedView{Name: "Others", Q: "juma kilimo", Sort: store.SortRegistered})
		require.NoError(t, err)

		erased := mustDo(t)(s.service.Erase(t.Context(), s.staff, service.Ask{AccountID: a.ID, ReasonCode: "person_asked", Note: "Request 117."}))
		require.Equal(t, account.Closed, erased.Account.Status)
		require.True(t, erased.Account.Erased())
		require.Equal(t, account.ErasedName, erased.Account.Name)

		for column := range s.marked(t) {
			require.Contains(t, stays, column)
		}
		require.Empty(t, files(t, s), "nothing of the documents is left in storage")
		require.Subset(t, s.rows(t, "transfers"), ledger)
		require.Len(t, s.rows(t, "transfers"), len(ledger))
		require.Subset(t, s.rows(t, "audit_events"), audit)
		require.Equal(t, 1, s.events(t, a.ID, "erase"))
		verified, err := s.store.VerifyLedger(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, verified.Breaches)
		history := requireKeepable(t, s.closed(t, cases.ErasureID(a.ID)))
		require.NotContains(t, string(history), markWord)
		d, err := s.reader.Decision(t.Context(), erased.Decision.ID)
		require.NoError(t, err)
		require.Equal(t, "Request 117.", d.Note, "the decision that ordered it stays")
		views, err := s.reader.SavedViews(t.Context(), s.staff.ID)
		require.NoError(t, err)
		require.Len(t, views, 1)
		require.Equal(t, "Others", views[0].Name, "what looks for somebody else stays")

		again, err := s.service.Erase(t.Context(), s.staff, service.Ask{AccountID: a.ID, ReasonCode: "other"})
		require.True(t, fault.Is(err, fault.Conflict), "%v %v", again, err)
		_, err = s.service.Register(t.Context(), actor.Actor{}, marked(), firstPassword)
		require.NoError(t, err, "the e-mail and the phone are free")
	})

	t.Run("is for closed accounts", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.work(t, buildID)
		a := approved(t, s)
		_, err := s.service.Erase(t.Context(), s.staff, service.Ask{AccountID: a.ID, ReasonCode: "person_asked"})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.Equal(t, a.Email, s.account(t, a.ID).Email)
	})

	t.Run("waits for messages without an outcome", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.sms = lostAnswers(t)
		s.work(t, buildID)
		a := s.register(t)
		mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
		m, db := s.writes(t, a), s.super(t)
		require.Eventually(t, func() bool {
			var unknown int
			err := db.QueryRow(t.Context(), `SELECT count(*) FROM message_recipients WHERE message_id = $1 AND status = 'unknown'`, m.ID).Scan(&unknown)
			return err == nil && unknown == 2
		}, time.Minute, 50*time.Millisecond, "what is not sent yet would be refunded by the closing")
		mustDo(t)(s.service.Close(t.Context(), s.staff, service.Ask{AccountID: a.ID, Reason: "Asked for it."}))
		_, err := s.service.Erase(t.Context(), s.staff, service.Ask{AccountID: a.ID, ReasonCode: "person_asked"})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	})

	t.Run("leaves no pages that were drawn meanwhile", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		a := s.register(t)
		d := s.upload(t, a.ID, sample.JPEG(400, 300, 4))
		act := activities.New(activities.Config{Store: s.store, Documents: s.files, Renderer: renderer()})
		drawn := make(chan error, 1)
		require.NoError(t, s.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.LockAccount(ctx, a.ID); err != nil {
				return err
			}
			go func() {
				_, err := act.ReceiveDocument(t.Context(), cases.Document{DocumentID: d.ID})
				drawn <- err
			}()
			require.Eventually(t, func() bool { return len(files(t, s)) == 2 }, 20*time.Second, 10*time.Millisecond, "a page is drawn")
			return tx.DiscardDocuments(ctx, a.ID, store.Discard{For: store.ForErasure, Actor: actor.Actor{Kind: actor.System}, At: time.Now()})
		}))
		require.True(t, fault.Is(<-drawn, fault.Unavailable), "it is tried again")
		_, err := act.ReceiveDocument(t.Context(), cases.Document{DocumentID: d.ID})
		require.NoError(t, err)
		require.Empty(t, files(t, s))
	})

	t.Run("goes on where a worker died, and is done once", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		stop := s.work(t, buildID)
		a := s.register(t)
		d := s.upload(t, a.ID, sample.JPEG(400, 300, 1))
		s.prepared(t, d.ID)
		mustDo(t)(s.service.Reject(t.Context(), s.staff, s.reason(a.ID, "not_eligible")))
		mustDo(t)(s.service.Close(t.Context(), s.staff, service.Ask{AccountID: a.ID, Reason: "Asked for it."}))
		s.closed(t, cases.ClosureID(a.ID))
		stop()

		// As a worker leaves it that dies after each effect.
		require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.DiscardDocuments(ctx, a.ID, store.Discard{For: store.ForErasure, Actor: actor.Actor{Kind: actor.System}, At: time.Now()})
		}))
		require.NoError(t, s.files.Delete(t.Context(), d.StorageKey))
		s.work(t, buildID)
		mustDo(t)(s.service.Erase(t.Context(), s.staff, service.Ask{AccountID: a.ID, ReasonCode: "person_asked"}))
		require.Empty(t, files(t, s))
		require.Equal(t, 1, s.events(t, a.ID, "document.discarded"))
		require.Equal(t, 1, s.events(t, a.ID, "erase"))
	})
}

func walkErasure(t *testing.T, s *stand) string {
	a := s.register(t)
	d := s.upload(t, a.ID, sample.JPEG(400, 300, 2))
	s.prepared(t, d.ID)
	mustDo(t)(s.service.Reject(t.Context(), s.staff, s.reason(a.ID, "not_eligible")))
	mustDo(t)(s.service.Close(t.Context(), s.staff, service.Ask{AccountID: a.ID, Reason: "Asked by " + canary}))
	mustDo(t)(s.service.Erase(t.Context(), s.staff, service.Ask{AccountID: a.ID, ReasonCode: "person_asked", Note: canary}))
	s.closed(t, cases.ErasureID(a.ID))
	requireAttributes(t, s, cases.ErasureID(a.ID), cases.StatusErased, s.staff.ID)
	return cases.ErasureID(a.ID)
}

// marked is an application with a mark in every field.
func marked() account.Application {
	return account.Application{
		Name: "Juma " + markWord, Email: markWord + "@example.co.tz", Phone: "+255" + markPhone, Locale: "sw",
		Company: account.Company{
			Name: markWord + " Traders", Industry: account.IndustryRetail, RegistrationNumber: markWord + "-1", TIN: markTIN,
			Website: "https://" + markWord + ".example", Address: markWord + " Road 5",
		},
	}
}

// livedThrough is a closed account that has gone through everything that keeps
// something of a person.
func (s *stand) livedThrough(t *testing.T) account.Account {
	t.Helper()
	self := actor.Actor{Kind: actor.Account, RequestID: "test", Address: netip.MustParseAddr(markAddress)}
	registered, err := s.service.Register(t.Context(), actor.Actor{Address: self.Address}, marked(), firstPassword)
	require.NoError(t, err)
	a := registered.Account
	self.ID = a.ID
	upload, err := s.service.Upload(t.Context(), self, a.ID, service.Upload{
		FileName: markWord + ".jpg", Body: bytes.NewReader(sample.JPEG(400, 300, 3)), Kind: func() (string, error) { return "director_id", nil },
	})
	require.NoError(t, err)
	s.prepared(t, upload.ID)
	ask := func(code string) service.Ask {
		return service.Ask{AccountID: a.ID, ReasonCode: code, Reason: "Because of " + markWord, Note: markWord}
	}
	mustDo(t)(s.service.RequestChanges(t.Context(), s.staff, ask("other")))
	_, _, err = s.service.Resubmit(t.Context(), self, account.Resubmission{Name: "Juma " + markWord, Company: marked().Company})
	require.NoError(t, err)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, service.Ask{AccountID: a.ID, Note: markWord}))
	s.closed(t, cases.RegistrationID(a.ID))
	s.uses(t, self, a)
	mustDo(t)(s.service.Suspend(t.Context(), s.staff, ask("terms")))
	made, err := s.service.Appeal(t.Context(), self, "It was not us, says "+markWord+".")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		appeal, err := s.reader.Appeal(t.Context(), made.ID)
		return err == nil && appeal.AcceptedAt != nil
	}, 20*time.Second, 20*time.Millisecond)
	dismissed := ask("")
	dismissed.AppealID = &made.ID
	mustDo(t)(s.service.DismissAppeal(t.Context(), s.staff, dismissed))
	mustDo(t)(s.service.Reactivate(t.Context(), s.staff, service.Ask{AccountID: a.ID, Note: markWord}))
	_, err = s.service.Login(t.Context(), self, a.Email, firstPassword)
	require.NoError(t, err)
	s.askReset(t, a.Email)
	s.mailedToken(t, a.Email)
	mustDo(t)(s.service.Close(t.Context(), s.staff, service.Ask{AccountID: a.ID, Reason: "Asked by " + markWord, Note: markWord}))
	s.closed(t, cases.SuspensionID(a.ID))
	s.closed(t, cases.ClosureID(a.ID))
	return s.account(t, a.ID)
}

// uses has the user of an account use what there is to use.
func (s *stand) uses(t *testing.T, self actor.Actor, a account.Account) {
	t.Helper()
	top, err := s.service.TopUp(t.Context(), s.staff, service.TopUp{
		AccountID: a.ID, Amount: 20, Reason: "complimentary", Note: markWord,
		Key: &store.IdempotencyKey{Scope: "staff:" + s.staff.ID.String(), Route: "top-up", Key: markWord},
	})
	require.NoError(t, err)
	_, err = s.service.Remember(t.Context(), store.IdempotencyKey{Scope: "staff:" + s.staff.ID.String(), Route: "top-up", Key: markWord},
		top.Decision.ID, store.Answer{Status: 201, Body: []byte(`{"name":"` + markWord + `"}`)})
	require.NoError(t, err)
	_, _, err = s.service.CreateAPIKey(t.Context(), self, uuid.New(), "Key of "+markWord)
	require.NoError(t, err)
	_, err = s.service.Charge(t.Context(), self, service.ChargeAsk{Amount: 1, Reference: markWord, Key: markWord})
	require.NoError(t, err)
	m, _, err := s.service.SendMessage(t.Context(), self,
		message.Draft{To: []string{"+255" + markPhone}, Text: "Habari " + markWord, SenderID: markWord[:11]}, markWord)
	require.NoError(t, err)
	s.appears(t, cases.MessageID(m.ID))
	s.closed(t, cases.MessageID(m.ID))
	s.lookedFor(t)
	require.NotEmpty(t, s.told("+255"+markPhone))
}

// lookedFor has a member of staff keep searches that find the marked account.
func (s *stand) lookedFor(t *testing.T) {
	t.Helper()
	for i, q := range []string{
		"JUMA " + markWord, markWord[:6], "traders " + markWord + "@example", "0" + markPhone, "0754 321 987", "+255 754-321-987",
		"urgent " + markWord + "@example.co.tz", "urgent +255" + markPhone,
	} {
		err := s.service.SaveView(t.Context(), s.staff, store.SavedView{
			Name: fmt.Sprint("Like ", markWord, i), Q: q, Status: account.Active, Sort: store.SortRegistered,
		})
		require.NoError(t, err)
	}
}

// prepared waits until the pages of a document are drawn.
func (s *stand) prepared(t *testing.T, id uuid.UUID) {
	t.Helper()
	require.Eventually(t, func() bool {
		d, err := s.reader.Document(t.Context(), id)
		return err == nil && d.Status == store.DocumentReady
	}, time.Minute, 50*time.Millisecond)
}

// columns returns every column of the schema that text or bytes can stand in, by
// table and name.
func (s *stand) columns(t *testing.T) map[string]string {
	t.Helper()
	rows, err := s.super(t).Query(t.Context(), `
		SELECT c.table_name || '.' || c.column_name, c.data_type FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
			AND c.data_type IN ('text', 'character varying', 'bytea', 'jsonb', 'json', 'inet', 'ARRAY', 'USER-DEFINED', 'tsvector')`)
	require.NoError(t, err)
	found := map[string]string{}
	var column, kind string
	_, err = pgx.ForEachRow(rows, []any{&column, &kind}, func() error { found[column] = kind; return nil })
	require.NoError(t, err)
	require.Greater(t, len(found), 80)
	return found
}

// marked returns the columns in which a mark stands, with how many rows have one.
func (s *stand) marked(t *testing.T) map[string]int {
	t.Helper()
	db, found := s.super(t), map[string]int{}
	for column, kind := range s.columns(t) {
		table, name, _ := strings.Cut(column, ".")
		text := fmt.Sprintf("lower(%q::text)", name)
		if kind == "bytea" {
			text = fmt.Sprintf("lower(encode(%q, 'escape'))", name)
		}
		var n int
		require.NoError(t, db.QueryRow(t.Context(), fmt.Sprintf(
			`SELECT count(*) FROM %q WHERE %s ~ $1`, table, text), strings.Join([]string{markWord[:11], markPhone, markTIN, markAddress}, "|")).Scan(&n))
		if n > 0 {
			found[column] = n
		}
	}
	return found
}

// requireClassified checks that every column had a mark, and is therefore seen to
// lose it, or is said to be harmless.
func (s *stand) requireClassified(t *testing.T, before map[string]int) {
	t.Helper()
	var unknown []string
	for _, column := range slices.Sorted(maps.Keys(s.columns(t))) {
		if before[column] == 0 && !covered(column, harmless) {
			unknown = append(unknown, column)
		}
	}
	require.Empty(t, unknown, "say in harmless why nothing of a person stands there, or fill it in livedThrough and erase it")
	for _, column := range []string{
		"accounts.name", "accounts.email", "accounts.phone", "accounts.company_tin", "accounts.search_text", "account_search.search_text",
		"applications.name", "applications.company", "documents.file_name", "decisions.reason", "decisions.note", "appeals.text",
		"api_keys.name", "saved_views.name", "saved_views.q", "messages.text", "messages.sender_id", "message_recipients.phone", "logins.email", "contact_proofs.value", "sessions.address", "idempotency_keys.body",
	} {
		require.NotZero(t, before[column], column)
	}
}

func covered(column string, list map[string]string) bool {
	for pattern := range list {
		if ok, _ := filepath.Match(pattern, column); ok {
			return true
		}
	}
	return false
}

// rows returns all rows of tables, as text.
func (s *stand) rows(t *testing.T, tables ...string) []string {
	t.Helper()
	var all []string
	for _, table := range tables {
		rows, err := s.super(t).Query(t.Context(), fmt.Sprintf(`SELECT r::text FROM %q r`, table))
		require.NoError(t, err)
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

func (s *stand) events(t *testing.T, id uuid.UUID, action string) int {
	t.Helper()
	var n int
	require.NoError(t, s.super(t).QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE account_id = $1 AND action = $2`, id, action).Scan(&n))
	return n
}

func (s *stand) super(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.database.SuperuserURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// files returns what is in the storage of documents.
func files(t *testing.T, s *stand) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(strings.TrimPrefix(s.filesURL, "file://"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	}))
	return found
}
