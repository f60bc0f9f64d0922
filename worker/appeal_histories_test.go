package worker_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/notify"
	"kibali/service"
	"kibali/store"
)

func appealPaths() []path {
	return []path{
		{name: "suspension-appeal-granted", walk: walkAppealGranted},
		{name: "suspension-appeal-dismissed", policy: soonDue, walk: walkAppealDismissed},
	}
}

func (s *stand) appeal(t *testing.T, id uuid.UUID) store.Appeal {
	t.Helper()
	made, err := s.service.Appeal(t.Context(), actor.Actor{Kind: actor.Account, ID: id}, "It was not us, says "+canary+".")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		appeal, err := s.reader.Appeal(t.Context(), made.ID)
		return err == nil && appeal.AcceptedAt != nil
	}, 20*time.Second, 20*time.Millisecond)
	return made
}

func walkAppealGranted(t *testing.T, s *stand) string {
	a := approved(t, s)
	mustDo(t)(s.service.Suspend(t.Context(), s.staff, s.reason(a.ID, "terms")))
	ask, made := s.ask(a.ID), s.appeal(t, a.ID)
	ask.AppealID = &made.ID
	granted := mustDo(t)(s.service.GrantAppeal(t.Context(), s.staff, ask))
	require.Equal(t, account.Active, granted.Account.Status)
	s.closed(t, cases.SuspensionID(a.ID))
	require.Equal(t, 5, s.received(a, notify.ChannelEmail), "received, approved, suspended, appeal received, granted")
	requireAttributes(t, s, cases.SuspensionID(a.ID), cases.StatusReactivated, s.staff.ID)
	return cases.SuspensionID(a.ID)
}

// soonDue makes appeals due at once.
func soonDue(p *policy.Policy) {
	strict(p)
	p.Appeals = policy.Review{Deadline: policy.Duration(time.Second), Escalate: policy.Duration(2 * time.Second)}
}

func walkAppealDismissed(t *testing.T, s *stand) string {
	a := approved(t, s)
	mustDo(t)(s.service.Suspend(t.Context(), s.staff, s.reason(a.ID, "terms")))
	made := s.appeal(t, a.ID)
	require.Eventually(t, func() bool { return len(s.told("admin@example.co.tz")) == 2 }, 20*time.Second, 20*time.Millisecond, "due, and overdue")
	dismissed := mustDo(t)(s.service.DismissAppeal(t.Context(), s.staff, service.Ask{
		AccountID: a.ID, AppealID: &made.ID, Reason: "Because of " + canary, Note: canary,
	}))
	require.Equal(t, account.Suspended, dismissed.Account.Status)
	mustDo(t)(s.service.Reactivate(t.Context(), s.staff, s.ask(a.ID)))
	s.closed(t, cases.SuspensionID(a.ID))
	require.Equal(t, 6, s.received(a, notify.ChannelSMS), "received, approved, suspended, appeal received, dismissed, reactivated")
	return cases.SuspensionID(a.ID)
}
