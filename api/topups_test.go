package api_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
)

func (s *stand) topUp(t *testing.T, u user, token string, body any, headers ...string) answer {
	t.Helper()
	if len(headers) == 0 {
		headers = []string{"Idempotency-Key", uuid.NewString()}
	}
	return s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/top-ups", token, body, headers...)
}

func (s *stand) sign(t *testing.T, id uuid.UUID, word, token string, headers ...string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/decisions/"+id.String()+"/"+word, token, nil, headers...)
}

// active registers a company and approves it.
func (s *stand) active(t *testing.T) user {
	t.Helper()
	u := s.register(t)
	require.Equal(t, http.StatusOK, s.decide(t, u, "approve", s.tokens[actor.Reviewer], nil).Code)
	return u
}

func credits(amount int64) map[string]any {
	return map[string]any{"amount": amount, "reason": "complimentary", "note": "kept inside"}
}

// TestTopUps walks through credits with everything running.
func TestTopUps(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)
	admin, finance := s.tokens[actor.Admin], s.tokens[actor.Finance]

	t.Run("reach the ledger and the billing history as two legs of one transfer", func(t *testing.T) {
		u := s.active(t)
		a := s.topUp(t, u, finance, credits(500), "Idempotency-Key", "one")
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		decided := decode[api.Decided](t, a)
		require.Equal(t, int64(500), decided.Account.Credits.Available)
		require.Equal(t, int64(500), *decided.Decision.Amount)
		require.Equal(t, "complimentary", *decided.Decision.ReasonCode)
		require.Equal(t, api.DecisionStateApplied, decided.Decision.State)
		require.Nil(t, decided.Decision.SecondSignature)
		require.Equal(t, a.Body.String(), s.topUp(t, u, finance, credits(500), "Idempotency-Key", "one").Body.String(), "a replay")
		require.Equal(t, "idempotency_key_reused", s.topUp(t, u, finance, credits(501), "Idempotency-Key", "one").code(t))

		mine := decode[api.TransactionsPage](t, s.call(t, http.MethodGet, "/v1/me/transactions", u.session, nil)).Items
		require.Len(t, mine, 1)
		require.Equal(t, int64(500), mine[0].Amount)
		require.Equal(t, int64(500), mine[0].AvailableAfter)
		require.Equal(t, "complimentary", string(*mine[0].Reason))
		theirs := decode[api.LedgerPage](t, s.call(t, http.MethodGet, "/v1/ledger?account_id="+u.id, finance, nil)).Items
		require.Len(t, theirs, 1)
		require.Equal(t, mine[0].ID, theirs[0].ID)
		require.Equal(t, int64(500), theirs[0].Amount)
		require.Equal(t, decided.Decision.ID, *theirs[0].DecisionID)
		require.Equal(t, "Neema finance", *theirs[0].Actor.Name)
		require.NotContains(t, s.call(t, http.MethodGet, "/v1/me/transactions", u.session, nil).Body.String(), "kept inside")

		a = s.topUp(t, u, finance, map[string]any{"amount": -200, "reason": "adjustment"})
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		a = s.topUp(t, u, finance, map[string]any{"amount": -301, "reason": "adjustment"}, "Idempotency-Key", "below")
		require.Equal(t, http.StatusPaymentRequired, a.Code, a.Body)
		problem := decode[api.Problem](t, a)
		require.Equal(t, int64(300), *problem.Available)
		require.Equal(t, http.StatusCreated, s.topUp(t, u, finance, credits(1), "Idempotency-Key", "below").Code, "a refusal leaves its key unused")

		page := decode[api.TransactionsPage](t, s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/transactions?limit=2", finance, nil))
		require.Len(t, page.Items, 2)
		rest := decode[api.TransactionsPage](t, s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/transactions?limit=2&cursor="+*page.NextCursor, finance, nil))
		require.Equal(t, mine[0].ID, rest.Items[0].ID)
		require.Nil(t, rest.NextCursor)
	})

	t.Run("above what one person may do wait for another's signature", func(t *testing.T) {
		u := s.active(t)
		a := s.topUp(t, u, finance, credits(100_001))
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		waiting := decode[api.DecisionAnswer](t, a).Decision
		require.Equal(t, api.DecisionStateAwaitingSignature, waiting.State)
		require.Nil(t, waiting.Outcome)
		require.WithinDuration(t, time.Now().Add(72*time.Hour), waiting.SecondSignature.LapsesAt, time.Minute)
		require.Equal(t, "/v1/decisions/"+waiting.ID.String(), a.Header().Get("Location"))
		listed := decode[api.DecisionsPage](t, s.call(t, http.MethodGet, "/v1/top-ups?state=awaiting_signature", s.tokens[actor.Auditor], nil)).Items
		require.Equal(t, waiting.ID, listed[0].ID)

		require.Equal(t, http.StatusForbidden, s.sign(t, waiting.ID, "countersign", finance).Code, "nobody signs their own")
		require.Equal(t, http.StatusForbidden, s.sign(t, waiting.ID, "countersign", s.tokens[actor.Reviewer]).Code)
		require.Equal(t, http.StatusNotFound, s.sign(t, uuid.New(), "countersign", admin).Code)
		// While the account is suspended credits are held.
		require.Equal(t, http.StatusOK, s.decide(t, u, "suspend", admin, map[string]any{"reason_code": "terms", "reason": "Spam."}).Code)
		answers := make([]answer, 6)
		var racers sync.WaitGroup
		for i := range answers {
			racers.Go(func() { answers[i] = s.sign(t, waiting.ID, []string{"countersign", "decline"}[i%2], admin) })
		}
		racers.Wait()
		won := ""
		for i, a := range answers {
			if a.Code == http.StatusOK {
				require.Empty(t, won)
				won = []string{"countersign", "decline"}[i%2]
			}
		}
		require.NotEmpty(t, won)
		for _, a := range answers {
			if a.Code != http.StatusOK {
				require.Equal(t, http.StatusConflict, a.Code, a.Body)
				current := decode[api.Problem](t, a).Current
				require.Equal(t, won, *current.Action)
				require.Equal(t, "Neema admin", *current.Actor.Name)
				require.NotNil(t, current.DecidedAt)
			}
		}
		read := decode[api.DecisionAnswer](t, s.call(t, http.MethodGet, "/v1/decisions/"+waiting.ID.String(), s.tokens[actor.Support], nil)).Decision
		require.Equal(t, won, string(*read.SecondSignature.Kind))
		require.Equal(t, "Neema admin", read.SecondSignature.Staff.Name)
		held := decode[api.AccountAnswer](t, s.call(t, http.MethodGet, "/v1/accounts/"+u.id, admin, nil)).Account.Credits
		require.Equal(t, map[string]api.Credits{"countersign": {Held: 100_001}, "decline": {}}[won], held)
	})

	t.Run("are signed by a key once and may be taken back", func(t *testing.T) {
		u := s.active(t)
		waiting := decode[api.DecisionAnswer](t, s.topUp(t, u, admin, credits(200_000))).Decision
		a := s.sign(t, waiting.ID, "countersign", finance, "Idempotency-Key", "sign")
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		settled := decode[api.Settled](t, a)
		require.Equal(t, int64(200_000), settled.Account.Credits.Available)
		require.Equal(t, a.Body.String(), s.sign(t, waiting.ID, "countersign", finance, "Idempotency-Key", "sign").Body.String())
		a = s.topUp(t, u, admin, credits(60_000))
		require.Equal(t, http.StatusCreated, a.Code, "what a second person signed does not count")

		// 60,000 and 50,000 in one day are more than one person's.
		mine := decode[api.DecisionAnswer](t, s.topUp(t, u, admin, credits(50_000))).Decision
		require.Equal(t, api.DecisionStateAwaitingSignature, mine.State)
		a = s.sign(t, mine.ID, "decline", admin)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.Equal(t, "declined", *decode[api.Settled](t, a).Decision.OutcomeCode)
		require.Equal(t, http.StatusCreated, s.topUp(t, u, admin, credits(40_000)).Code)
		a = s.topUp(t, u, admin, map[string]any{"amount": -1, "reason": "adjustment"})
		require.Equal(t, http.StatusAccepted, a.Code, "what is taken away counts as well")
	})

	t.Run("keep what was available through a suspension", func(t *testing.T) {
		u := s.active(t)
		require.Equal(t, http.StatusCreated, s.topUp(t, u, finance, credits(300)).Code)
		require.Equal(t, http.StatusOK, s.decide(t, u, "suspend", admin, map[string]any{"reason_code": "terms", "reason": "Spam."}).Code)
		for _, amount := range []int64{20, 7} {
			require.Equal(t, http.StatusCreated, s.topUp(t, u, finance, credits(amount)).Code)
		}
		require.Equal(t, http.StatusCreated, s.topUp(t, u, finance, map[string]any{"amount": -5, "reason": "adjustment"}).Code)
		a := s.decide(t, u, "reactivate", admin, nil)
		require.Equal(t, api.Credits{Available: 322}, decode[api.Decided](t, a).Account.Credits)
		timeline := s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/timeline?limit=100", admin, nil)
		figures := map[string][2]any{}
		for _, item := range decode[api.TimelinePage](t, timeline).Items {
			if item.After != nil && (*item.After)["credits"] != nil {
				figures[item.Action] = [2]any{(*item.Before)["credits"], (*item.After)["credits"]}
			}
		}
		of := func(available, held float64) any { return map[string]any{"available": available, "held": held} }
		require.Equal(t, [2]any{of(300, 0), of(0, 300)}, figures["suspend"])
		require.Equal(t, [2]any{of(0, 322), of(322, 0)}, figures["reactivate"])
		var ended, requested *api.TimelineItem
		for _, item := range decode[api.TimelinePage](t, timeline).Items {
			switch item.Action {
			case "reactivate":
				ended = &item
			case "reactivate.requested":
				requested = &item
			}
		}
		require.Equal(t, &api.TimelineCredits{
			Before: api.Credits{Held: 322}, After: api.Credits{Available: 322},
			Suspension: &api.TimelineSuspension{AvailableBefore: 300, PostedToHeld: 22, AvailableAfter: 322},
		}, ended.Credits, "300 before + 20 + 7 - 5 posted to held = 322")
		require.Equal(t, api.Role("admin"), *ended.Role)
		require.Equal(t, "reactivate", requested.Decision.Kind)
		require.Equal(t, api.Outcome("applied"), *requested.Decision.Outcome, "what came of it")
		require.Equal(t, "suspension/"+u.id, ended.Workflow.ID)
		require.Equal(t, "https://temporal.example/namespaces/default/workflows/suspension%2F"+u.id, *ended.Workflow.URL)
	})

	t.Run("are exported with everything harmless", func(t *testing.T) {
		_, err := s.owner.Exec(t.Context(), `UPDATE staff SET name = '=HYPERLINK("http://evil")' WHERE role = 'finance'`)
		require.NoError(t, err)
		a := s.call(t, http.MethodGet, "/v1/ledger/export.csv?kind=top_up", finance, nil)
		require.Equal(t, http.StatusOK, a.Code, a.Body)
		require.Contains(t, a.Header().Get("Content-Disposition"), "attachment; filename=ledger-")
		lines, err := csv.NewReader(strings.NewReader(a.Body.String())).ReadAll()
		require.NoError(t, err)
		require.Equal(t, "amount", lines[0][4])
		seen := map[string]bool{}
		for _, line := range lines[1:] {
			require.Equal(t, "top_up", line[2])
			seen[line[4]+" "+line[8]] = true
		}
		require.Contains(t, seen, `-5 '=HYPERLINK("http://evil")`)
		require.Contains(t, seen, `60000 Neema admin`)
		require.Empty(t, s.call(t, http.MethodGet, "/v1/ledger?to=2020-01-01T00:00:00Z", finance, nil).fields(t))
		for query, field := range map[string]string{
			"kind=gift": "kind", "reason=x": "reason", "account_id=1": "account_id", "actor_id={x}": "actor_id", "from=today": "from", "to=1": "to", "limit=0": "limit",
		} {
			a := s.call(t, http.MethodGet, "/v1/ledger?"+query, finance, nil)
			require.Equal(t, http.StatusUnprocessableEntity, a.Code, query)
			require.Contains(t, a.fields(t), field)
		}
		require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, "/v1/ledger/export.csv?cursor=x", finance, nil).Code)
	})
}

func TestTopUps_without_a_worker(t *testing.T) {
	t.Parallel()
	s := setup(t)
	finance := s.tokens[actor.Finance]

	t.Run("are accepted and found under their address, many at a time", func(t *testing.T) {
		u := s.register(t)
		s.setStatus(t, u, account.Active)
		for range 3 {
			a := s.topUp(t, u, finance, credits(10))
			require.Equal(t, http.StatusAccepted, a.Code, a.Body)
			accepted := decode[api.DecisionAnswer](t, a).Decision
			require.Equal(t, api.DecisionStateOpen, accepted.State)
			require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, a.Header().Get("Location"), s.tokens[actor.Support], nil).Code)
		}
	})

	t.Run("are counted when they are asked for at once", func(t *testing.T) {
		u := s.register(t)
		s.setStatus(t, u, account.Active)
		answers := make([]answer, 6)
		var racers sync.WaitGroup
		for i := range answers {
			racers.Go(func() { answers[i] = s.topUp(t, u, s.tokens[actor.Admin], credits(40_000)) })
		}
		racers.Wait()
		states := map[api.DecisionState]int{}
		for _, a := range answers {
			states[decode[api.DecisionAnswer](t, a).Decision.State]++
		}
		require.Equal(t, map[api.DecisionState]int{api.DecisionStateOpen: 2, api.DecisionStateAwaitingSignature: 4}, states)
	})

	t.Run("take no bad amount, reason or key", func(t *testing.T) {
		u, pending, closed := s.register(t), s.register(t), s.register(t)
		s.setStatus(t, u, account.Active)
		s.setStatus(t, closed, account.Closed)
		for body, want := range map[string]struct {
			status int
			fields map[string]string
		}{
			`{"amount":0,"reason":"refund"}`:                                            {422, map[string]string{"amount": "not_positive"}},
			`{"amount":-0,"reason":"adjustment"}`:                                       {422, map[string]string{"amount": "zero"}},
			`{"amount":-1,"reason":"complimentary"}`:                                    {422, map[string]string{"amount": "not_positive"}},
			`{"amount":0.1,"reason":"refund"}`:                                          {400, map[string]string{"amount": "wrong_type"}},
			`{"amount":1.0,"reason":"refund"}`:                                          {400, map[string]string{"amount": "wrong_type"}},
			`{"amount":1e2,"reason":"refund"}`:                                          {400, map[string]string{"amount": "wrong_type"}},
			`{"amount":"100","reason":"refund"}`:                                        {400, map[string]string{"amount": "wrong_type"}},
			`{"amount":null,"reason":"refund"}`:                                         {400, map[string]string{"amount": "wrong_type"}},
			`{"amount":[1],"reason":"refund"}`:                                          {400, map[string]string{"amount": "wrong_type"}},
			`{"amount":NaN,"reason":"refund"}`:                                          {400, map[string]string{"amount": "invalid"}},
			`{"amount":9007199254740993,"reason":"refund"}`:                             {422, map[string]string{"amount": "too_large"}},
			`{"amount":9007199254740992,"reason":"refund"}`:                             {422, map[string]string{"amount": "too_large"}},
			`{"amount":9223372036854775808,"reason":"refund"}`:                          {400, map[string]string{"amount": "wrong_type"}},
			`{"amount":-9223372036854775808,"reason":"refund"}`:                         {422, map[string]string{"amount": "not_positive"}},
			`{"amount":-9007199254740992,"reason":"adjustment"}`:                        {422, map[string]string{"amount": "too_small"}},
			`{"amount":1,"reason":"gift"}`:                                              {422, map[string]string{"reason": "invalid"}},
			`{"amount":1}`:                                                              {422, map[string]string{"reason": "required"}},
			`{"reason":"refund"}`:                                                       {422, map[string]string{"amount": "required"}},
			`{"amount":1,"reason":"refund","Amount":2}`:                                 {400, map[string]string{"Amount": "unknown_field"}},
			`{"amount":1,"amount":2,"reason":"refund"}`:                                 {400, map[string]string{"amount": "duplicate_field"}},
			`{"amount":1,"reason":"refund","note":"` + strings.Repeat("x", 2001) + `"}`: {422, map[string]string{"note": "too_long"}},
		} {
			a := s.topUp(t, u, finance, body)
			require.Equal(t, want.status, a.Code, "%s: %s", body, a.Body)
			require.Equal(t, want.fields, a.fields(t), body)
		}
		a := s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/top-ups", finance, credits(1))
		require.Equal(t, http.StatusBadRequest, a.Code)
		require.Equal(t, map[string]string{"Idempotency-Key": "required"}, a.fields(t))
		a = s.topUp(t, u, finance, map[string]any{"amount": -1, "reason": "adjustment"})
		require.Equal(t, http.StatusPaymentRequired, a.Code)
		a = s.topUp(t, closed, finance, credits(1))
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, "closed", string(*decode[api.Problem](t, a).Current.Status))
		require.Equal(t, http.StatusAccepted, s.topUp(t, pending, finance, credits(1)).Code)
		require.Equal(t, http.StatusNotFound, s.topUp(t, user{id: uuid.NewString()}, finance, credits(1)).Code)
		_, err := s.owner.Exec(t.Context(), `UPDATE balances SET available = 9007199254740991 WHERE account_id = $1`, u.id)
		require.NoError(t, err)
		a = s.topUp(t, u, finance, credits(1))
		require.Equal(t, map[string]string{"amount": "too_large"}, a.fields(t))
		var n int
		require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT count(*) FROM decisions WHERE account_id = $1`, u.id).Scan(&n))
		require.Zero(t, n)
	})

	t.Run("are signed all the same, and not after their time", func(t *testing.T) {
		u := s.register(t)
		s.setStatus(t, u, account.Active)
		waiting := decode[api.DecisionAnswer](t, s.topUp(t, u, finance, credits(300_000))).Decision
		a := s.sign(t, waiting.ID, "countersign", s.tokens[actor.Admin])
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		a = s.sign(t, waiting.ID, "decline", finance)
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		current := decode[api.Problem](t, a).Current
		require.Equal(t, "countersign", *current.Action)
		require.True(t, *current.Pending)

		late := decode[api.DecisionAnswer](t, s.topUp(t, u, finance, credits(300_000))).Decision
		_, err := s.owner.Exec(t.Context(), `UPDATE decisions SET lapses_at = now() - interval '1 second' WHERE id = $1`, late.ID)
		require.NoError(t, err)
		a = s.sign(t, late.ID, "countersign", s.tokens[actor.Admin])
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		require.Equal(t, "lapse", *decode[api.Problem](t, a).Current.Action)

		approval := decode[api.DecisionAnswer](t, s.decide(t, s.register(t), "approve", s.tokens[actor.Reviewer], nil)).Decision
		require.Equal(t, http.StatusConflict, s.sign(t, approval.ID, "countersign", finance).Code)
	})
}
