package api_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/service"
)

// exported opens an export.
func exported(t *testing.T, a answer) map[string]string {
	t.Helper()
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.Equal(t, "application/zip", a.Header().Get("Content-Type"))
	require.Contains(t, a.Header().Get("Cache-Control"), "no-store")
	archive, err := zip.NewReader(bytes.NewReader(a.Body.Bytes()), int64(a.Body.Len()))
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range archive.File {
		content, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		files[f.Name] = string(text)
	}
	return files
}

func linesOf(t *testing.T, text string) []map[string]any {
	t.Helper()
	var rows []map[string]any
	for line := range strings.Lines(text) {
		var row map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &row), line)
		rows = append(rows, row)
	}
	return rows
}

func TestExport(t *testing.T) {
	t.Parallel()

	t.Run("has all that is held about a person, for themselves", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		u, other := s.register(t), s.register(t)
		pdf := sample.PDF("Licence")
		uploaded := s.upload(t, u.id, u.uploadToken, kind("other"), file("leseni.pdf", pdf))
		require.Equal(t, http.StatusCreated, uploaded.Code)
		s.setStatus(t, u, account.Active)
		key := s.apiKey(t, u)
		s.change(t, `INSERT INTO decisions (id, account_id, case_id, kind, reason, note, staff_id, request_id, requested_at, outcome, closed_at)
			SELECT gen_random_uuid(), '`+u.id+`', 'x', 'reject', 'A reason that was shown.', 'A note among staff.', id, 'r', now(), 'applied', now() FROM staff LIMIT 1`)
		s.change(t, `INSERT INTO sessions (id, account_id, purpose, hash, created_at, expires_at, last_used_at, idle)
			SELECT gen_random_uuid(), '`+u.id+`', 'session', sha256(n::text::bytea), now(), now(), now(), '1h' FROM generate_series(1, 1100) n`)

		files := exported(t, s.call(t, http.MethodGet, "/v1/me/export", u.session, nil))
		require.Equal(t, u.email, linesOf(t, files["account.jsonl"])[0]["email"])
		require.Equal(t, u.email, linesOf(t, files["logins.jsonl"])[0]["email"])
		require.Len(t, linesOf(t, files["applications.jsonl"]), 1)
		require.Equal(t, "leseni.pdf", linesOf(t, files["documents.jsonl"])[0]["file_name"])
		require.Equal(t, string(pdf), files["documents/"+decode[api.DocumentAnswer](t, uploaded).Document.ID.String()+".pdf"])
		require.Equal(t, "A reason that was shown.", linesOf(t, files["decisions.jsonl"])[0]["reason"])
		require.Equal(t, key[:len("kbk_")], linesOf(t, files["api_keys.jsonl"])[0]["prefix"].(string)[:4])
		require.Len(t, linesOf(t, files["sessions.jsonl"]), 1102, "more than is read at a time, the one that asks, and the right to add documents")
		require.NotEmpty(t, files["notices.jsonl"])
		require.NotEmpty(t, files["audit_events.jsonl"])
		require.Contains(t, files["audit_events.jsonl"], "account.exported")
		for name, text := range files {
			require.NotContains(t, text, other.email, name)
			require.NotContains(t, text, "A note among staff.", name)
			require.NotContains(t, text, key, name)
			require.NotContains(t, text, "argon2", name)
		}
		require.Equal(t, 1, s.audited(t, "account.exported"))
	})

	t.Run("is the same for an admin, and recorded", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		u := s.register(t)
		a := s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/export", s.tokens[actor.Admin], nil)
		require.Equal(t, u.email, linesOf(t, exported(t, a)["account.jsonl"])[0]["email"])
		require.NotContains(t, a.Header().Get("Content-Disposition"), "@")
		require.Equal(t, 1, s.audited(t, "account.exported"))
		unknown := s.call(t, http.MethodGet, "/v1/accounts/"+unknownAccount+"/export", s.tokens[actor.Admin], nil)
		require.Equal(t, http.StatusNotFound, unknown.Code)
		require.Equal(t, 1, s.audited(t, "account.exported"))
	})

	t.Run("is limited for users", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.limits = service.Limits{ExportAccount: service.Rate{Most: 2, Per: time.Hour}}
		s.handler = s.newHandler(t, s.store)
		u, other := s.register(t), s.register(t)
		for range 2 {
			exported(t, s.call(t, http.MethodGet, "/v1/me/export", u.session, nil))
		}
		a := s.call(t, http.MethodGet, "/v1/me/export", u.session, nil)
		require.Equal(t, http.StatusTooManyRequests, a.Code)
		require.NotEmpty(t, a.Header().Get("Retry-After"))
		exported(t, s.call(t, http.MethodGet, "/v1/me/export", other.session, nil))
	})

	t.Run("knows every table that is about accounts", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		rows, err := s.owner.Query(t.Context(), `SELECT table_name::text FROM information_schema.columns
			WHERE table_schema = 'public' AND column_name IN ('account_id', 'ledger_account') ORDER BY 1`)
		require.NoError(t, err)
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		parts := slices.Sorted(func(yield func(string) bool) {
			for name := range exported(t, s.call(t, http.MethodGet, "/v1/me/export", s.register(t).session, nil)) {
				if !yield(strings.TrimSuffix(name, ".jsonl")) {
					return
				}
			}
		})
		elsewhere := map[string]string{
			"account_activity":   "in account.jsonl",
			"account_credits":    "a copy of the balance, which is in account.jsonl",
			"account_search":     "a copy of the account",
			"balances":           "in account.jsonl",
			"entries":            "a view of transfers",
			"ledger_checkpoints": "of the platform",
			"partial_uploads":    "what is not whole yet, and gone within a day",
			"review_claims":      "who of the staff is looking at it",
			"top_up_lines":       "the transactions that they became",
			"transfers":          "in transactions.jsonl",
		}
		for _, table := range tables {
			if _, known := elsewhere[table]; !known {
				require.Contains(t, parts, table, "export it, or say why not")
			}
		}
	})
}

const unknownAccount = "00000000-0000-0000-0000-000000000000"
