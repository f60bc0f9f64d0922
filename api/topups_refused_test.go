package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/domain/actor"
)

// TestTopUps_that_the_accounts_do_not_permit_any_more tops up accounts that are
// closed before the second signature.
func TestTopUps_that_the_accounts_do_not_permit_any_more(t *testing.T) {
	t.Parallel()
	s := setupWithCases(t)
	admin, finance := s.tokens[actor.Admin], s.tokens[actor.Finance]
	shut := func(t *testing.T, u user) {
		t.Helper()
		require.Equal(t, http.StatusOK, s.decide(t, u, "close", admin, map[string]any{"reason": "At their request."}).Code)
	}

	t.Run("are refused with what the account is", func(t *testing.T) {
		u := s.active(t)
		a := s.topUp(t, u, finance, credits(150_000))
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		waiting := decode[api.DecisionAnswer](t, a).Decision
		shut(t, u)
		a = s.sign(t, waiting.ID, "countersign", admin)
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		problem := decode[api.Problem](t, a)
		require.Equal(t, "An account that is closed does not permit top_up.", problem.Detail)
		require.Equal(t, "closed", string(*problem.Current.Status))
		require.Equal(t, "close", *problem.Current.Action)
		require.Equal(t, "Neema admin", *problem.Current.Actor.Name)
		require.NotNil(t, problem.Current.DecidedAt)

		a = s.sign(t, waiting.ID, "countersign", admin)
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		problem = decode[api.Problem](t, a)
		require.Equal(t, "This top-up has been signed or declined already.", problem.Detail)
		require.Equal(t, "countersign", *problem.Current.Action)
	})

	t.Run("are refused with a report when it is so of every line", func(t *testing.T) {
		one, two := s.active(t), s.active(t)
		a := s.topUpMany(t, finance, one.id+",80000\n"+two.id+",80000\n")
		require.Equal(t, http.StatusAccepted, a.Code, a.Body)
		waiting := decode[api.DecisionAnswer](t, a).Decision
		shut(t, one)
		shut(t, two)
		a = s.sign(t, waiting.ID, "countersign", admin)
		require.Equal(t, http.StatusConflict, a.Code, a.Body)
		problem := decode[api.Problem](t, a)
		require.Equal(t, "No line could be posted; see its report.", problem.Detail)
		require.Nil(t, problem.Current.Status)
		require.Nil(t, problem.Current.Action)
		require.NotNil(t, problem.Current.DecidedAt)
		for _, line := range s.report(t, waiting.ID, "").Items {
			require.Equal(t, "conflict", *line.Refusal)
		}
	})
}
