package api_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/store"
)

// customer returns an active user with credits and an API key.
func (s *stand) customer(t *testing.T, credits int64) (user, string) {
	t.Helper()
	u := s.activeUser(t)
	if credits > 0 {
		s.credit(t, u, credits)
	}
	return u, s.apiKey(t, u)
}

// credit gives credits by hand, for what depends on them and not on how they
// came.
func (s *stand) credit(t *testing.T, u user, credits int64) {
	t.Helper()
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.TopUp(ctx, store.Posting{
			ID: uuid.Must(uuid.NewV7()), Request: store.Request{Scope: uuid.New(), Key: "test"}, AccountID: uuid.MustParse(u.id),
			Amount: credits, Reason: ledger.Complimentary, Actor: actor.Actor{Kind: actor.System}, At: time.Now(),
		})
		return err
	}))
}

func (s *stand) balance(t *testing.T, u user) ledger.Balance {
	t.Helper()
	b, err := s.reader.Balance(t.Context(), uuid.MustParse(u.id))
	require.NoError(t, err)
	return b
}

func (s *stand) charge(t *testing.T, token, key string, body any) answer {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/gate/charges", token, body, "Idempotency-Key", key)
}

func TestCharges(t *testing.T) {
	t.Parallel()
	s := setup(t)
	gateway := s.service(t, actor.Scopes()...)

	t.Run("take credits, once for each key", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		body := map[string]any{"amount": 3, "reference": "batch 1"}
		first := s.charge(t, key, "k1", body)
		require.Equal(t, http.StatusCreated, first.Code, first.Body)
		charged := decode[api.Charged](t, first)
		require.Equal(t, api.Credits{Available: 7}, charged.Credits)
		require.Equal(t, "batch 1", charged.Charge.Reference)
		require.Equal(t, u.id, charged.Charge.AccountID.String())
		require.Equal(t, http.StatusCreated, s.charge(t, key, "k2", body).Code)

		again := s.charge(t, key, "k1", `{"reference":  "batch 1", "amount": 3}`)
		require.Equal(t, http.StatusCreated, again.Code)
		require.Equal(t, first.Body.String(), again.Body.String(), "the credits as they were then")
		require.Equal(t, first.Body.String(), s.charge(t, s.apiKey(t, u), "k1", body).Body.String(), "a key of another credential of the account")
		for _, other := range []any{map[string]any{"amount": 4, "reference": "batch 1"}, map[string]any{"amount": 3, "reference": "batch 2"}} {
			a := s.charge(t, key, "k1", other)
			require.Equal(t, http.StatusConflict, a.Code)
			require.Equal(t, "idempotency_key_reused", a.code(t))
		}
		require.Equal(t, ledger.Balance{Available: 4}, s.balance(t, u))

		other, otherKey := s.customer(t, 10)
		require.Equal(t, http.StatusCreated, s.charge(t, otherKey, "k1", body).Code, "keys belong to their sender")
		require.Equal(t, int64(7), s.balance(t, other).Available)
	})
	t.Run("of a service name the account", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		a := s.charge(t, gateway, "s-"+u.id, map[string]any{"amount": 3, "reference": "r", "account_id": u.id})
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		require.Equal(t, u.id, decode[api.Charged](t, a).Charge.AccountID.String())
		for _, c := range []struct {
			token  string
			body   map[string]any
			status int
			fields map[string]string
		}{
			{gateway, map[string]any{"amount": 3, "reference": "r"}, 422, map[string]string{"account_id": "required"}},
			{gateway, map[string]any{"amount": 3, "reference": "r", "account_id": uuid.NewString()}, 404, map[string]string{"account_id": "unknown"}},
			{gateway, map[string]any{"amount": 3, "reference": "r", "account_id": "me"}, 422, map[string]string{"account_id": "invalid"}},
			{key, map[string]any{"amount": 3, "reference": "r", "account_id": u.id}, 422, map[string]string{"account_id": "not_permitted"}},
		} {
			a := s.charge(t, c.token, uuid.NewString(), c.body)
			require.Equal(t, c.status, a.Code, "%v: %s", c.body, a.Body)
			require.Equal(t, c.fields, a.fields(t))
		}
		require.Equal(t, int64(7), s.balance(t, u).Available)
	})
	t.Run("refuse what is no amount, and name it", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		for amount, want := range map[string]struct {
			status int
			code   string
		}{
			"0": {422, "not_positive"}, "-1": {422, "not_positive"}, "-9223372036854775808": {422, "not_positive"},
			"9007199254740992": {422, "too_large"}, "9007199254740993": {422, "too_large"}, "9223372036854775807": {422, "too_large"},
			"9223372036854775808": {400, "wrong_type"}, "1e400": {400, "wrong_type"}, "0.1": {400, "wrong_type"}, "1.0": {400, "wrong_type"},
			"1e2": {400, "wrong_type"}, `"100"`: {400, "wrong_type"}, "null": {400, "wrong_type"}, "true": {400, "wrong_type"}, "[1]": {400, "wrong_type"},
			`{"a":1}`: {400, "wrong_type"}, "NaN": {400, "invalid"}, "Infinity": {400, "invalid"}, "+1": {400, "invalid"}, "01": {400, "invalid"}, "0x1": {400, "invalid"},
		} {
			for _, body := range []string{`{"reference": "r", "amount": ` + amount + `}`, `{"amount": ` + amount + `, "reference": "r"}`} {
				a := s.charge(t, key, "bad", body)
				require.Equal(t, want.status, a.Code, "%s: %s", body, a.Body)
				require.Equal(t, want.code, a.fields(t)["amount"], body)
			}
		}
		require.Equal(t, ledger.Balance{Available: 10}, s.balance(t, u))
		require.Equal(t, http.StatusCreated, s.charge(t, key, "bad", map[string]any{"amount": 1, "reference": "r"}).Code, "refusals are not remembered")
	})
	t.Run("refuse what is no request", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		for body, field := range map[string]string{
			`{"amount": 1}`: "reference", `{"amount": 1, "reference": ""}`: "reference", `{"amount": 1, "reference": "a\nb"}`: "reference",
			`{"amount": 1, "reference": 7}`: "reference", `{"amount": 1, "reference": "a\u0000"}`: "reference", `{"reference": "r"}`: "amount",
			`{"amount": 1, "amount": 1, "reference": "r"}`: "amount", `{"Amount": 1, "reference": "r"}`: "Amount", `{"amount": 1, "reference": "r", "x": 1}`: "x",
		} {
			a := s.charge(t, key, "bad", body)
			require.Contains(t, []int{400, 422}, a.Code, body)
			require.Contains(t, a.fields(t), field, body)
		}
		for _, headers := range [][]string{nil, {"Idempotency-Key", ""}, {"Idempotency-Key", "a b"}, {"Idempotency-Key", "ä"}, {"Idempotency-Key", fmt.Sprintf("%0256d", 1)}} {
			a := s.call(t, http.MethodPost, "/v1/gate/charges", key, map[string]any{"amount": 1, "reference": "r"}, headers...)
			require.Equal(t, http.StatusBadRequest, a.Code, headers)
			require.Contains(t, a.fields(t), "Idempotency-Key")
		}
		require.Equal(t, ledger.Balance{Available: 10}, s.balance(t, u))
	})
	t.Run("end where the credits do", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		a := s.charge(t, key, "k", map[string]any{"amount": 11, "reference": "r"})
		require.Equal(t, http.StatusPaymentRequired, a.Code)
		p := decode[api.Problem](t, a)
		require.Equal(t, api.ProblemCode("insufficient_credits"), p.Code)
		require.Equal(t, int64(10), *p.Available)
		require.Equal(t, http.StatusCreated, s.charge(t, key, "k", map[string]any{"amount": 10, "reference": "r"}).Code)
		require.Equal(t, http.StatusPaymentRequired, s.charge(t, key, "l", map[string]any{"amount": 1, "reference": "r"}).Code)
		require.Equal(t, ledger.Balance{}, s.balance(t, u))
	})
	t.Run("stop with a suspension that is recorded, with the reason", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 10)
		body := map[string]any{"amount": 1, "reference": "r"}
		require.Equal(t, http.StatusCreated, s.charge(t, key, "before", body).Code)
		a := s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/suspend", s.tokens[actor.Admin],
			map[string]any{"reason_code": "fraud", "reason": "Reported by recipients.", "until": time.Now().Add(time.Hour)})
		require.Equal(t, http.StatusAccepted, a.Code, "there is no worker: %s", a.Body)
		forAccount := map[string]any{"amount": 1, "reference": "r", "account_id": u.id}
		for _, a := range []answer{s.charge(t, key, "after", body), s.charge(t, key, "before", body), s.charge(t, gateway, "g"+u.id, forAccount)} {
			require.Equal(t, http.StatusForbidden, a.Code, a.Body)
			p := decode[api.Problem](t, a)
			require.Equal(t, api.ProblemCode("account_suspended"), p.Code)
			require.Equal(t, "Reported by recipients.", *p.Reason)
			require.Equal(t, "fraud", *p.ReasonCode)
			require.NotNil(t, p.SuspendedAt)
			require.NotNil(t, p.Until)
		}
		require.Equal(t, int64(9), s.balance(t, u).Available)
	})
	t.Run("are for active accounts", func(t *testing.T) {
		t.Parallel()
		for status, code := range map[account.Status]string{
			account.Pending: "account_pending", account.Rejected: "account_rejected", account.Closed: "account_closed", account.Suspended: "account_suspended",
		} {
			u, key := s.customer(t, 10)
			s.setStatus(t, u, status)
			for _, a := range []answer{
				s.charge(t, key, "k", map[string]any{"amount": 1, "reference": "r"}),
				s.charge(t, gateway, u.id, map[string]any{"amount": 1, "reference": "r", "account_id": u.id}),
			} {
				require.Equal(t, http.StatusForbidden, a.Code, status)
				require.Equal(t, code, a.code(t))
			}
			require.Equal(t, int64(10), s.balance(t, u).Available)
		}
	})
	t.Run("let one of many racers have the last credit", func(t *testing.T) {
		t.Parallel()
		for range 20 {
			u, key := s.customer(t, 1)
			won := s.race(t, func(i int) int {
				token, body := key, map[string]any{"amount": 1, "reference": "r"}
				if i%2 == 0 {
					token, body["account_id"] = gateway, u.id
				}
				return s.charge(t, token, u.id+fmt.Sprint(i), body).Code
			})
			require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusPaymentRequired: 63}, won)
			require.Equal(t, ledger.Balance{}, s.balance(t, u))
		}
	})
	t.Run("are one when racers have one key", func(t *testing.T) {
		t.Parallel()
		u, key := s.customer(t, 100)
		won := s.race(t, func(int) int { return s.charge(t, key, "same", map[string]any{"amount": 7, "reference": "r"}).Code })
		require.Equal(t, map[int]int{http.StatusCreated: 64}, won)
		require.Equal(t, int64(93), s.balance(t, u).Available)
	})
}

// race has 64 callers do the same at once and counts what they were answered.
func (s *stand) race(t *testing.T, do func(i int) int) map[int]int {
	t.Helper()
	var codes [64]int
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range codes {
		group.Go(func() {
			<-start
			codes[i] = do(i)
		})
	}
	close(start)
	group.Wait()
	counts := map[int]int{}
	for _, code := range codes {
		counts[code]++
	}
	return counts
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	s := setup(t)
	gateway := s.service(t, actor.Scopes()...)
	charged := func(t *testing.T) (user, string) {
		t.Helper()
		u, key := s.customer(t, 10)
		a := s.charge(t, key, "k", map[string]any{"amount": 6, "reference": "r"})
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		return u, "/v1/gate/charges/" + decode[api.Charged](t, a).Charge.ID.String() + "/refund"
	}
	refund := func(t *testing.T, path, token, key string, body any) answer {
		return s.call(t, http.MethodPost, path, token, body, "Idempotency-Key", key)
	}

	t.Run("give a charge back, all of it or a part, once", func(t *testing.T) {
		t.Parallel()
		u, path := charged(t)
		first := refund(t, path, gateway, path, map[string]any{"amount": 2})
		require.Equal(t, http.StatusCreated, first.Code, first.Body)
		require.Equal(t, api.Credits{Available: 6}, decode[api.Refunded](t, first).Credits)
		again := refund(t, path, gateway, path, map[string]any{"amount": 2})
		require.Equal(t, http.StatusCreated, again.Code)
		require.Equal(t, first.Body.String(), again.Body.String())
		require.Equal(t, "idempotency_key_reused", refund(t, path, gateway, path, map[string]any{"amount": 3}).code(t))
		a := refund(t, path, gateway, path+"2", nil)
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, decode[api.Refunded](t, first).Refund.ID, *decode[api.Problem](t, a).Refund)
		require.Equal(t, int64(6), s.balance(t, u).Available)

		u, path = charged(t)
		require.Equal(t, http.StatusCreated, refund(t, path, gateway, path, nil).Code)
		require.Equal(t, int64(10), s.balance(t, u).Available)
	})
	t.Run("are once also when racers ask", func(t *testing.T) {
		t.Parallel()
		u, path := charged(t)
		won := s.race(t, func(i int) int { return refund(t, path, gateway, path+fmt.Sprint(i), nil).Code })
		require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 63}, won)
		require.Equal(t, int64(10), s.balance(t, u).Available)
	})
	t.Run("are at most the charge", func(t *testing.T) {
		t.Parallel()
		u, path := charged(t)
		for amount, want := range map[string]string{"0": "not_positive", "-1": "not_positive", "7": "too_large", "9223372036854775807": "too_large", "0.5": "wrong_type", `"1"`: "wrong_type"} {
			a := refund(t, path, gateway, path, `{"amount": `+amount+`}`)
			require.Contains(t, []int{400, 422}, a.Code)
			require.Equal(t, map[string]string{"amount": want}, a.fields(t), amount)
		}
		require.Equal(t, http.StatusNotFound, refund(t, "/v1/gate/charges/"+uuid.NewString()+"/refund", gateway, path, nil).Code)
		require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodPost, path, gateway, nil).Code, "without a key")
		require.Equal(t, int64(4), s.balance(t, u).Available)
	})
	t.Run("land in held while the account is suspended", func(t *testing.T) {
		t.Parallel()
		u, path := charged(t)
		s.setStatus(t, u, account.Suspended)
		a := refund(t, path, gateway, path, nil)
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		require.Equal(t, int64(6), decode[api.Refunded](t, a).Credits.Held)
	})
	t.Run("are for services alone", func(t *testing.T) {
		t.Parallel()
		u, path := charged(t)
		require.Equal(t, http.StatusForbidden, refund(t, path, s.apiKey(t, u), path, nil).Code)
		require.Equal(t, http.StatusForbidden, refund(t, path, s.service(t, actor.ScopeCharges), path, nil).Code)
	})
}
