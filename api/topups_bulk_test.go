package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/store"
)

func (s *stand) topUpMany(t *testing.T, token, csv string, headers ...string) answer {
	t.Helper()
	if len(headers) == 0 {
		headers = []string{"Idempotency-Key", uuid.NewString()}
	}
	return s.call(t, http.MethodPost, "/v1/top-ups", token, map[string]any{"csv": csv, "reason": "complimentary"}, headers...)
}

func (s *stand) preview(t *testing.T, csv string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/top-ups/preview", s.tokens[actor.Finance], map[string]any{"csv": csv, "reason": "refund"})
}

func (s *stand) report(t *testing.T, id uuid.UUID, query string) api.TopUpReport {
	t.Helper()
	a := s.call(t, http.MethodGet, "/v1/top-ups/"+id.String()+query, s.tokens[actor.Finance], nil)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	return decode[api.TopUpReport](t, a)
}

func TestBulkTopUps(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)
	admin, finance := s.tokens[actor.Admin], s.tokens[actor.Finance]
	one, two, three := s.active(t), s.active(t), s.active(t)
	s.suspend(t, two)
	file := "account,amount\r\n" + one.id + ",500\r\n" + strings.ToUpper(two.email) + ", 70\r\n"

	seen := decode[api.BulkPreview](t, s.preview(t, file))
	require.Equal(t, int64(570), seen.Total)
	require.Zero(t, seen.Bad)
	require.False(t, seen.SecondSignature)
	require.Equal(t, two.id, seen.Lines[1].AccountID.String())
	require.Equal(t, 3, seen.Lines[1].Line)
	require.False(t, decode[api.BulkPreview](t, s.preview(t, one.id+",50000\n"+three.id+",50000")).SecondSignature, "the policy's amount itself")
	require.True(t, decode[api.BulkPreview](t, s.preview(t, one.id+",50000\n"+three.id+",50001")).SecondSignature, "it is the total that counts")

	a := s.topUpMany(t, finance, file, "Idempotency-Key", "bulk")
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	d := decode[api.DecisionAnswer](t, a).Decision
	require.Nil(t, d.AccountID)
	require.Equal(t, int64(570), *d.Amount)
	require.Equal(t, a.Body.String(), s.topUpMany(t, finance, file, "Idempotency-Key", "bulk").Body.String(), "safe to repeat")
	require.Equal(t, "idempotency_key_reused", s.topUpMany(t, finance, file+three.id+",1", "Idempotency-Key", "bulk").code(t))
	credits := func(u user) api.Credits {
		return decode[api.AccountAnswer](t, s.call(t, http.MethodGet, "/v1/accounts/"+u.id, admin, nil)).Account.Credits
	}
	require.Equal(t, api.Credits{Available: 500}, credits(one))
	require.Equal(t, api.Credits{Held: 70}, credits(two))
	items := decode[api.LedgerPage](t, s.call(t, http.MethodGet, "/v1/ledger?kind=top_up", finance, nil)).Items
	require.Len(t, items, 2)
	lines := s.report(t, d.ID, "?limit=1")
	require.Equal(t, one.id, lines.Items[0].AccountID.String())
	require.NotNil(t, lines.Items[0].TransferID)
	rest := s.report(t, d.ID, "?limit=1&cursor="+*lines.NextCursor)
	require.Equal(t, two.id, rest.Items[0].AccountID.String())
	require.Nil(t, rest.NextCursor)
	mine := decode[api.TransactionsPage](t, s.call(t, http.MethodGet, "/v1/me/transactions", one.session, nil)).Items
	require.Equal(t, *lines.Items[0].TransferID, mine[0].ID)

	// Above the policy's amount in all it waits, and who was closed meanwhile is left out.
	a = s.topUpMany(t, finance, one.id+",60000\n"+three.id+",60000\n")
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	waiting := decode[api.DecisionAnswer](t, a).Decision
	require.Equal(t, api.DecisionStateAwaitingSignature, waiting.State)
	require.Equal(t, http.StatusForbidden, s.sign(t, waiting.ID, "countersign", finance).Code)
	require.Equal(t, http.StatusOK, s.decide(t, three, "close", admin, map[string]any{"reason": "At their request."}).Code)
	a = s.sign(t, waiting.ID, "countersign", admin)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.Equal(t, int64(60_500), credits(one).Available)
	left := s.report(t, waiting.ID, "").Items
	require.Nil(t, left[0].Refusal)
	require.Equal(t, "conflict", *left[1].Refusal)
	require.Nil(t, left[1].TransferID)
	a = s.sign(t, waiting.ID, "decline", admin)
	require.Equal(t, http.StatusConflict, a.Code)
	require.Nil(t, decode[api.Problem](t, a).Current.Status, "it is about many accounts")

	declined := decode[api.DecisionAnswer](t, s.topUpMany(t, finance, one.id+",200000")).Decision
	require.Equal(t, http.StatusOK, s.sign(t, declined.ID, "decline", admin).Code)
	require.Equal(t, int64(60_500), credits(one).Available)
}

func TestBulkTopUps_mean_who_has_an_email_now(t *testing.T) {
	t.Parallel()
	s := setup(t)
	before := s.register(t)
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.ReleaseContact(ctx, uuid.MustParse(before.id), time.Now())
	}))
	now := s.register(t, func(body map[string]any) { body["email"] = before.email })
	s.setStatus(t, now, account.Active)
	s.setStatus(t, before, account.Closed) // its row is read behind the other's
	for _, file := range [][3]string{{before.id, now.email, ""}, {now.email, before.id, ""}, {"", before.id, now.email}} {
		wrong := map[string][]string{}
		lines := decode[api.BulkPreview](t, s.preview(t, strings.Join(file[:], ",5\n")+",5\n")).Lines
		for i, line := range lines {
			for _, f := range line.Errors {
				wrong[file[i]] = append(wrong[file[i]], f.Code)
			}
			if file[i] == now.email {
				require.Equal(t, now.id, line.AccountID.String())
			}
		}
		require.Equal(t, map[string][]string{before.id: {"conflict"}, "": {"not_found"}}, wrong)
	}
}

func TestBulkTopUps_refuse_bad_files(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u, closed := s.register(t), s.register(t)
	s.setStatus(t, u, account.Active)
	s.setStatus(t, closed, account.Closed)
	file := strings.Join([]string{
		"\ufeffaccount,amount", u.id + ",5", u.email + ",6", "nobody@example.co.tz,7", closed.id + ",8", u.id, uuid.NewString() + ",-1",
		`"=cmd",1e2`, u.id + ",0", u.id + ",9007199254740992", u.id + ",99999999999999999999", u.id + ",1,2",
	}, "\n")
	preview := decode[api.BulkPreview](t, s.preview(t, file))
	require.Equal(t, int64(5), preview.Total)
	require.Equal(t, 10, preview.Bad)
	a := s.topUpMany(t, s.tokens[actor.Finance], file)
	require.Equal(t, http.StatusUnprocessableEntity, a.Code)
	require.Equal(t, map[string]string{
		"csv[3].account": "duplicate", "csv[4].account": "not_found", "csv[5].account": "conflict", "csv[6].amount": "invalid", "csv[6].account": "duplicate",
		"csv[7].account": "not_found", "csv[7].amount": "invalid", "csv[8].account": "not_found", "csv[8].amount": "invalid",
		"csv[9].account": "duplicate", "csv[9].amount": "not_positive", "csv[10].account": "duplicate", "csv[10].amount": "too_large",
		"csv[11].account": "duplicate", "csv[11].amount": "too_large", "csv[12].account": "duplicate", "csv[12].amount": "invalid",
	}, a.fields(t))
	long := strings.Builder{}
	for i := range 1001 {
		fmt.Fprintf(&long, "a%d@b.example,1\n", i)
	}
	for csv, code := range map[string]string{"": "required", "account,amount\n": "required", "\"a,1": "invalid", long.String(): "too_long"} {
		require.Equal(t, map[string]string{"csv": code}, s.preview(t, csv).fields(t))
	}
	for csv, line := range map[string]string{"\"a,1": "1", "account,amount\n\n" + u.id + ",1\n\"" + u.email + ",2\n" + u.id + ",3\n": "4", u.id + ",1\na\"b,2": "2"} {
		a := s.topUpMany(t, s.tokens[actor.Finance], csv)
		require.Equal(t, http.StatusUnprocessableEntity, a.Code)
		require.Equal(t, "Is no CSV: a quotation mark is out of place on line "+line+".", (*decode[api.Problem](t, a).Errors)[0].Detail)
	}
	a = s.call(t, http.MethodPost, "/v1/top-ups", s.tokens[actor.Finance], map[string]any{"csv": u.id + ",1", "reason": "gift"}, "Idempotency-Key", "g")
	require.Equal(t, map[string]string{"reason": "invalid"}, a.fields(t))
	a = s.call(t, http.MethodPost, "/v1/top-ups", s.tokens[actor.Finance], map[string]any{"csv": u.id + ",1", "reason": "refund"})
	require.Equal(t, map[string]string{"Idempotency-Key": "required"}, a.fields(t))
	var rows int
	require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT count(*) FROM decisions`).Scan(&rows))
	require.Zero(t, rows)

	a = s.topUpMany(t, s.tokens[actor.Finance], u.email+",7")
	require.Equal(t, http.StatusAccepted, a.Code, a.Body)
	require.Nil(t, s.report(t, decode[api.DecisionAnswer](t, a).Decision.ID, "").Items[0].TransferID, "it waits for a worker")
	require.Equal(t, http.StatusNotFound, s.call(t, http.MethodGet, "/v1/top-ups/"+uuid.NewString(), s.tokens[actor.Finance], nil).Code)
}
