package service_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
)

func TestChangePassword(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("ends every session but the new one and opens a case that tells", func(t *testing.T) {
		t.Parallel()
		r, err := b.service.Register(t.Context(), actor.Actor{}, application(), password)
		require.NoError(t, err)
		a := r.Account
		one, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		two, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		changed, err := b.service.ChangePassword(t.Context(), self(a), password, another)
		require.NoError(t, err)
		for _, token := range []string{one.Token, two.Token, r.UploadToken} {
			require.False(t, b.lives(t, token))
		}
		require.True(t, b.lives(t, changed.Token))
		_, err = b.login(t, a.Email, another)
		require.NoError(t, err)
		var caseID string
		require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT DISTINCT case_id FROM notices WHERE account_id = $1 AND kind = 'password_changed'`, a.ID).Scan(&caseID))
		described, err := b.temporal.DescribeWorkflowExecution(t.Context(), caseID, "")
		require.NoError(t, err)
		require.Equal(t, cases.Notification, described.GetWorkflowExecutionInfo().GetType().GetName())
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM audit_events WHERE account_id = $1 AND action = 'password.changed'`, a.ID))
	})
	t.Run("refuses a wrong present password and a bad new one, and changes nothing", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		in, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		change := func(current, next string) error {
			_, err := b.service.ChangePassword(t.Context(), self(a), current, next)
			return err
		}
		requireFault(t, change("wrong", another), fault.Invalid, "current_password")
		requireFault(t, change(password, password), fault.Invalid, "password")
		requireFault(t, change(password, "short"), fault.Invalid, "password")
		_, err = b.service.ChangePassword(t.Context(), b.admin, password, another)
		requireFault(t, err, fault.Forbidden)
		require.True(t, b.lives(t, in.Token))
	})
	t.Run("happens once of several at once", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		var changed atomic.Int64
		race(8, func(i int) {
			_, err := b.service.ChangePassword(t.Context(), self(a), password, another+string(rune('a'+i)))
			if err == nil {
				changed.Add(1)
			} else if !fault.Is(err, fault.Invalid) {
				t.Errorf("unexpected error: %v", err)
			}
		})
		require.EqualValues(t, 1, changed.Load())
	})
	t.Run("is told later when Temporal is away", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withoutTemporal(t))
		a := b.register(t)
		_, err := b.service.ChangePassword(t.Context(), self(a), password, another)
		require.NoError(t, err)
		idle, err := b.reader.IdleCases(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), 10)
		require.NoError(t, err)
		var kinds []string
		for _, c := range idle {
			kinds = append(kinds, c.CaseID[:len(cases.NotificationPrefix)])
		}
		require.Contains(t, kinds, cases.NotificationPrefix)
	})
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mine, yours := b.register(t), b.register(t)
	one, err := b.login(t, mine.Email, password)
	require.NoError(t, err)
	two, err := b.login(t, mine.Email, password)
	require.NoError(t, err)
	list, err := b.reader.Sessions(t.Context(), mine.ID, time.Now())
	require.NoError(t, err)
	require.Len(t, list, 2)
	requireFault(t, b.service.EndSession(t.Context(), self(yours), list[1].ID), fault.NotFound)
	require.True(t, b.lives(t, one.Token))
	require.NoError(t, b.service.EndSession(t.Context(), self(mine), list[1].ID))
	require.False(t, b.lives(t, one.Token))
	require.True(t, b.lives(t, two.Token))

	b.put(t, mine, account.Suspended, account.NoStage)
	require.True(t, b.lives(t, two.Token), "a suspension refuses sessions and does not delete them")
}
