package service_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

const another = "chai ya tangawizi 4"

func (b testBundle) resets(t *testing.T) []store.PasswordReset {
	t.Helper()
	found, err := b.reader.WaitingResets(t.Context(), time.Now().Add(time.Hour), time.Now().Add(time.Hour), 100)
	require.NoError(t, err)
	return found
}

// mail issues a link for an account, as its case would, and returns the token.
func (b testBundle) mail(t *testing.T, accountID uuid.UUID, changes ...func(*store.PasswordReset)) string {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	expires := now.Add(time.Hour)
	token, hash := identity.NewToken(identity.ResetToken)
	r := store.PasswordReset{ID: uuid.Must(uuid.NewV7()), AccountID: &accountID, RequestedAt: now, IssuedAt: &now, ExpiresAt: &expires}
	for _, change := range changes {
		change(&r)
	}
	require.NoError(t, b.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertReset(ctx, store.PasswordReset{ID: r.ID, DecisionID: r.DecisionID, RequestedAt: now}); err != nil {
			return err
		}
		return tx.IssueReset(ctx, r, hash[:])
	}))
	return token
}

func (b testBundle) login(t *testing.T, email, pass string) (service.LoggedIn, error) {
	t.Helper()
	return b.service.Login(t.Context(), actor.Actor{RequestID: "test"}, email, pass)
}

func (b testBundle) lives(t *testing.T, token string) bool {
	t.Helper()
	_, err := b.reader.SessionByToken(t.Context(), identity.HashToken(token), time.Now())
	require.True(t, err == nil || fault.Is(err, fault.NotFound))
	return err == nil
}

func TestAskReset(t *testing.T) {
	t.Parallel()

	t.Run("does the same for every address", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a := b.register(t)
		for _, email := range []string{a.Email, "Nobody@Example.co.tz "} {
			require.NoError(t, b.service.AskReset(t.Context(), actor.Actor{RequestID: "test"}, email))
		}
		found := b.resets(t)
		require.Len(t, found, 2)
		for _, r := range found {
			require.Nil(t, r.AccountID, "whose it is, its case finds out")
			described, err := b.temporal.DescribeWorkflowExecution(t.Context(), cases.PasswordResetID(r.ID), "")
			require.NoError(t, err)
			require.Len(t, described.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields(), 1, "and the case says nothing of it")
		}
		require.Equal(t, "nobody@example.co.tz", found[1].Email)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM audit_events WHERE action = 'password_reset.asked' AND account_id IS NULL AND actor_id IS NULL`))
	})
	t.Run("works without Temporal, and the sweep opens the case later", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withoutTemporal(t))
		require.NoError(t, b.service.AskReset(t.Context(), actor.Actor{}, "nobody@example.co.tz"))
		b.ahead.Store(int64(time.Minute))
		swept, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, swept.Resets)
		require.Len(t, b.resets(t), 1)
	})
	t.Run("is told of again when its case was lost", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.service.AskReset(t.Context(), actor.Actor{}, "nobody@example.co.tz"))
		id := cases.PasswordResetID(b.resets(t)[0].ID)
		require.NoError(t, b.temporal.TerminateWorkflow(t.Context(), id, "", "lost"))
		b.ahead.Store(int64(time.Minute))
		swept, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, swept.Resets)
		described, err := b.temporal.DescribeWorkflowExecution(t.Context(), id, "")
		require.NoError(t, err)
		require.Equal(t, "Running", described.GetWorkflowExecutionInfo().GetStatus().String())
	})
	t.Run("refuses what is no address", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, email := range []string{"", "asha", "asha@", "a@b@c"} {
			requireFault(t, b.service.AskReset(t.Context(), actor.Actor{}, email), fault.Invalid, "email")
		}
		require.Empty(t, b.resets(t))
	})
}

func TestCompleteReset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	complete := func(token, pass string) error {
		return b.service.CompleteReset(t.Context(), actor.Actor{RequestID: "test"}, token, pass)
	}

	t.Run("sets the password once, ends every session and owes a word about it", func(t *testing.T) {
		t.Parallel()
		r, err := b.service.Register(t.Context(), actor.Actor{}, application(), password)
		require.NoError(t, err)
		a := r.Account
		one, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		two, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		token := b.mail(t, a.ID)
		require.NoError(t, complete(token, another))
		requireFault(t, complete(token, another), fault.Invalid, "token")
		for _, ended := range []string{one.Token, two.Token, r.UploadToken} {
			require.False(t, b.lives(t, ended))
		}
		_, err = b.login(t, a.Email, password)
		requireFault(t, err, fault.Unauthenticated)
		_, err = b.login(t, a.Email, another)
		require.NoError(t, err)
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM notices WHERE account_id = $1 AND kind = 'password_changed' AND case_id LIKE 'password-reset/%'`, a.ID))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM audit_events WHERE account_id = $1 AND action = 'password_reset.used'`, a.ID))
	})
	t.Run("succeeds for one of fifty at once", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		token := b.mail(t, a.ID)
		var used atomic.Int64
		race(50, func(int) {
			switch err := complete(token, another); {
			case err == nil:
				used.Add(1)
			case !fault.Is(err, fault.Invalid):
				t.Errorf("unexpected error: %v", err)
			}
		})
		require.EqualValues(t, 1, used.Load())
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM notices WHERE account_id = $1 AND kind = 'password_changed'`, a.ID))
	})
	t.Run("refuses a bad password, names why and leaves the link good", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		token := b.mail(t, a.ID)
		for bad, code := range map[string]string{"": "required", "short": "too_short", "qwerty123456": "common", a.Email: "personal"} {
			refused := requireFault(t, complete(token, bad), fault.Invalid, "password")
			require.Equal(t, code, refused.Fields[0].Code)
		}
		require.NoError(t, complete(token, password), "the present one is as good as any, when nobody forces another")
	})
	t.Run("refuses every link that is not good, and says of none which it is", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		past := time.Now().Add(-time.Second).UTC()
		closed := b.register(t)
		ofClosed := b.mail(t, closed.ID)
		b.put(t, closed, account.Closed, account.NoStage)
		var said []string
		for _, token := range []string{
			"", "kbr_nonsense", password, ofClosed,
			b.mail(t, a.ID, func(r *store.PasswordReset) { r.ExpiresAt = &past }),
		} {
			err := complete(token, another)
			requireFault(t, err, fault.Invalid, "token")
			said = append(said, err.Error())
		}
		for _, text := range said {
			require.Equal(t, said[0], text)
		}
		_, err := b.login(t, a.Email, password)
		require.NoError(t, err)
	})
	t.Run("lifts no suspension", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Suspended, account.NoStage)
		require.NoError(t, complete(b.mail(t, a.ID), another))
		_, err := b.login(t, a.Email, another)
		requireFault(t, err, fault.AccountSuspended)
		view, err := b.reader.Account(t.Context(), a.ID)
		require.NoError(t, err)
		require.Equal(t, account.Suspended, view.Status)
	})
}

func TestForceReset(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("ends sessions with its recording and asks for another password after the right one", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Active, account.NoStage)
		in, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		decided, err := b.service.ForceReset(t.Context(), b.staff(t, actor.Support), ask(a))
		require.NoError(t, err)
		require.False(t, decided.Done, "no worker runs")
		require.Equal(t, account.ForceReset, decided.Decision.Kind)
		require.False(t, b.lives(t, in.Token))
		_, err = b.login(t, a.Email, password)
		requireFault(t, err, fault.ResetRequired)
		_, err = b.login(t, a.Email, "wrong")
		requireFault(t, err, fault.Unauthenticated)

		token := b.mail(t, a.ID, func(r *store.PasswordReset) { r.DecisionID = &decided.Decision.ID })
		refused := requireFault(t, b.service.CompleteReset(t.Context(), actor.Actor{}, token, password), fault.Invalid, "password")
		require.Equal(t, "unchanged", refused.Fields[0].Code)
		require.NoError(t, b.service.CompleteReset(t.Context(), actor.Actor{}, token, another))
		_, err = b.login(t, a.Email, another)
		require.NoError(t, err)
	})
	t.Run("comes before the suspension of an account, whose reason is not for who has an old password", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Suspended, account.NoStage)
		_, err := b.service.ForceReset(t.Context(), b.admin, ask(a))
		require.NoError(t, err)
		_, err = b.login(t, a.Email, password)
		requireFault(t, err, fault.ResetRequired)
	})
	t.Run("leaves no session that begins at the same time", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			a := b.register(t)
			tokens := make(chan string, 8)
			race(9, func(i int) {
				if i == 0 {
					_, err := b.service.ForceReset(t.Context(), b.admin, ask(a))
					if err != nil {
						t.Errorf("unexpected error: %v", err)
					}
					return
				}
				in, err := b.login(t, a.Email, password)
				if err == nil {
					tokens <- in.Token
				} else if !fault.Is(err, fault.ResetRequired) && !fault.Is(err, fault.Unauthenticated) {
					t.Errorf("unexpected error: %v", err)
				}
			})
			close(tokens)
			for token := range tokens {
				require.False(t, b.lives(t, token))
			}
		}
	})
	t.Run("is for admins and support, and for accounts that have a login", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		for _, role := range []actor.Role{actor.Reviewer, actor.Finance, actor.Auditor} {
			_, err := b.service.ForceReset(t.Context(), b.staff(t, role), ask(a))
			requireFault(t, err, fault.Forbidden)
		}
		closed := b.put(t, b.register(t), account.Closed, account.NoStage)
		_, err := b.service.ForceReset(t.Context(), b.admin, ask(closed))
		require.Equal(t, account.Closed, currentOf(t, err).Status)
		_, err = b.service.ForceReset(t.Context(), b.admin, service.Ask{AccountID: uuid.New()})
		requireFault(t, err, fault.NotFound)
	})
	t.Run("lapses with the rights of who asked for it, and the old password opens again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a := b.register(t)
		support := b.staff(t, actor.Support)
		decided, err := b.service.ForceReset(t.Context(), support, ask(a))
		require.NoError(t, err)
		_, err = b.owner.Exec(t.Context(), `UPDATE staff SET disabled_at = now() WHERE id = $1`, support.ID)
		require.NoError(t, err)
		b.ahead.Store(int64(time.Minute))
		swept, err := b.service.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, swept.Lapsed)
		r, err := b.reader.Reset(t.Context(), cases.ResetOf(decided.Decision.CaseID))
		require.NoError(t, err)
		require.Equal(t, store.ResetLapsed, r.Outcome)
		_, err = b.login(t, a.Email, password)
		require.NoError(t, err)
	})
	t.Run("is recorded without Temporal", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withoutTemporal(t))
		a := b.register(t)
		decided, err := b.service.ForceReset(t.Context(), b.admin, ask(a))
		require.NoError(t, err)
		require.True(t, decided.Decision.Open())
		_, err = b.login(t, a.Email, password)
		requireFault(t, err, fault.ResetRequired)
	})
}
