package api_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/ledger"
)

// TestChargesWithAKnownKey tells of keys with which a charge was made before: no
// query looks at them but the statement of the charge.
func TestChargesWithAKnownKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	good := map[string]any{"amount": 1, "reference": "r"}
	known := func(t *testing.T) (user, string) {
		t.Helper()
		u, key := s.customer(t, 10)
		require.Equal(t, http.StatusCreated, s.charge(t, key, "first", good).Code)
		require.Equal(t, http.StatusCreated, s.charge(t, key, "second", good).Code)
		return u, key
	}
	revoke := func(t *testing.T, u user) {
		t.Helper()
		for _, k := range s.keys(t, u) {
			a := s.call(t, http.MethodDelete, "/v1/me/api-keys/"+k.ID.String(), u.session, nil)
			require.Equal(t, http.StatusNoContent, a.Code, a.Body)
		}
	}
	// asks are what may be asked for: whoever may not charge is told that, and not
	// what is wrong with it.
	asks := map[string]struct {
		key  string
		body any
	}{
		"something new": {"third", good}, "the same again": {"first", good}, "another with its key": {"first", map[string]any{"amount": 2, "reference": "r"}},
		"more than there is": {"third", map[string]any{"amount": 1000, "reference": "r"}}, "an amount of nothing": {"third", map[string]any{"amount": 0, "reference": "r"}},
		"what is no JSON": {"third", `{`}, "something without a key": {"", good},
	}
	for name, ask := range asks {
		t.Run("a revoked one, asking for "+name, func(t *testing.T) {
			t.Parallel()
			u, key := known(t)
			revoke(t, u)
			for range 2 {
				a := s.charge(t, key, ask.key, ask.body)
				require.Equal(t, http.StatusUnauthorized, a.Code, a.Body)
				require.Equal(t, "unauthenticated", a.code(t))
			}
			require.Equal(t, ledger.Balance{Available: 8}, s.balance(t, u))
		})
		for status, code := range map[account.Status]string{account.Suspended: "account_suspended", account.Closed: "account_closed"} {
			t.Run("of an account that is "+string(status)+", asking for "+name, func(t *testing.T) {
				t.Parallel()
				u, key := known(t)
				s.setStatus(t, u, status)
				a := s.charge(t, key, ask.key, ask.body)
				require.Equal(t, http.StatusForbidden, a.Code, a.Body)
				require.Equal(t, code, a.code(t))
				require.Equal(t, ledger.Balance{Available: 8}, s.balance(t, u))
			})
		}
	}

	t.Run("a good one is told what is wrong with what it asks for", func(t *testing.T) {
		t.Parallel()
		u, key := known(t)
		for name, status := range map[string]int{
			"the same again": http.StatusCreated, "another with its key": http.StatusConflict, "more than there is": http.StatusPaymentRequired,
			"an amount of nothing": http.StatusUnprocessableEntity, "what is no JSON": http.StatusBadRequest, "something without a key": http.StatusBadRequest,
		} {
			a := s.charge(t, key, asks[name].key, asks[name].body)
			require.Equal(t, status, a.Code, "%s: %s", name, a.Body)
		}
		require.Equal(t, ledger.Balance{Available: 8}, s.balance(t, u))
	})
	t.Run("revoked while another one of the account asks for the same", func(t *testing.T) {
		t.Parallel()
		u, revoked := known(t)
		revoke(t, u)
		other := s.apiKey(t, u)
		for range 20 {
			name := uuid.NewString()
			answers := make([]answer, 8)
			var asked sync.WaitGroup
			for i := range answers {
				asked.Go(func() {
					key := revoked
					if i == 0 {
						key = other
					}
					answers[i] = s.charge(t, key, name, map[string]any{"amount": 1, "reference": name})
				})
			}
			asked.Wait()
			for i, a := range answers {
				if i > 0 {
					require.Equal(t, http.StatusUnauthorized, a.Code, a.Body)
				}
			}
			if answers[0].Code == http.StatusPaymentRequired {
				break
			}
			require.Equal(t, http.StatusCreated, answers[0].Code, answers[0].Body)
		}
		require.Equal(t, ledger.Balance{}, s.balance(t, u))
	})
	t.Run("revoked while a charge waits for its account", func(t *testing.T) {
		t.Parallel()
		u, key := known(t)
		tx, err := s.owner.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
		_, err = tx.Exec(t.Context(), `UPDATE api_keys SET revoked_at = now() WHERE account_id = $1`, u.id)
		require.NoError(t, err)
		var holder int
		require.NoError(t, tx.QueryRow(t.Context(), `SELECT pg_backend_pid()`).Scan(&holder))
		var a answer
		var charging sync.WaitGroup
		charging.Go(func() { a = s.charge(t, key, "third", good) })
		require.Eventually(t, func() bool {
			var waits bool
			err := s.owner.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))`, holder).Scan(&waits)
			return err == nil && waits
		}, time.Minute, 20*time.Millisecond)
		require.NoError(t, tx.Commit(t.Context()))
		charging.Wait()
		require.Equal(t, http.StatusUnauthorized, a.Code, a.Body)
		require.Equal(t, ledger.Balance{Available: 8}, s.balance(t, u))
	})
	t.Run("charge on when another one of the account is revoked", func(t *testing.T) {
		t.Parallel()
		u, _ := known(t)
		other := s.apiKey(t, u)
		require.Equal(t, http.StatusCreated, s.charge(t, other, "third", good).Code)
		for _, k := range s.keys(t, u)[1:] {
			a := s.call(t, http.MethodDelete, "/v1/me/api-keys/"+k.ID.String(), u.session, nil)
			require.Equal(t, http.StatusNoContent, a.Code, a.Body)
		}
		for _, name := range []string{"fourth", "fifth"} {
			require.Equal(t, http.StatusCreated, s.charge(t, other, name, good).Code)
		}
		require.Equal(t, ledger.Balance{Available: 5}, s.balance(t, u))
	})
	t.Run("charge nothing after the answer of their revocation", func(t *testing.T) {
		t.Parallel()
		u, key := known(t)
		s.credit(t, u, 1_000_000)
		var revoked atomic.Bool
		var late, before atomic.Int64
		var charging sync.WaitGroup
		for range 16 {
			charging.Go(func() {
				for {
					after := revoked.Load()
					a := s.charge(t, key, uuid.NewString(), good)
					switch {
					case a.Code == http.StatusCreated && after:
						late.Add(1)
					case a.Code == http.StatusCreated:
						before.Add(1)
					}
					if after {
						return
					}
				}
			})
		}
		require.Eventually(t, func() bool { return before.Load() > 200 }, time.Minute, 20*time.Millisecond)
		revoke(t, u)
		revoked.Store(true)
		charging.Wait()
		require.Zero(t, late.Load())
	})
}
