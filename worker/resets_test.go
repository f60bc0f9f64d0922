package worker_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/notify"
	"kibali/store"
)

const (
	firstPassword = "mlima-kilimanjaro-9"
	nextPassword  = "ziwa-tanganyika-kina-4"
)

func hasty(p *policy.Policy) { p.ResetLink = policy.Duration(5 * time.Second) }

// askReset asks for another password and returns the id of the case.
func (s *stand) askReset(t *testing.T, email string) string {
	t.Helper()
	require.NoError(t, s.service.AskReset(t.Context(), actor.Actor{}, email))
	waiting, err := s.reader.WaitingResets(t.Context(), time.Now().Add(time.Minute), time.Now().Add(48*time.Hour), 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	return cases.PasswordResetID(waiting[0].ID)
}

var resetLink = regexp.MustCompile(`(?m)^https://ujumbe\.example\.co\.tz/reset-password/(kbr_\S+)$`)

// mailedToken waits for the link that is mailed to an address and returns its
// token.
func (s *stand) mailedToken(t *testing.T, email string) string {
	t.Helper()
	var token string
	require.Eventually(t, func() bool {
		for _, item := range s.told(email) {
			if match := resetLink.FindStringSubmatch(item.Text); match != nil {
				token = match[1]
				return true
			}
		}
		return false
	}, 20*time.Second, 20*time.Millisecond)
	return token
}

func walkResetUsed(t *testing.T, s *stand) string {
	a := s.register(t)
	caseID := s.askReset(t, a.Email)
	token := s.mailedToken(t, a.Email)
	require.NoError(t, s.service.CompleteReset(t.Context(), actor.Actor{}, token, nextPassword))
	text := string(requireKeepable(t, s.closed(t, caseID)))
	require.NotContains(t, text, token)
	require.NotContains(t, s.log.String(), token)
	_, err := s.service.Login(t.Context(), actor.Actor{}, a.Email, nextPassword)
	require.NoError(t, err)
	require.Equal(t, 3, s.received(a, notify.ChannelEmail), "received, link, changed")
	require.Equal(t, 2, s.received(a, notify.ChannelSMS), "received, changed")
	requireResetAttributes(t, s, caseID, cases.StatusUsed)
	return caseID
}

func walkResetExpired(t *testing.T, s *stand) string {
	a := s.register(t)
	caseID := s.askReset(t, a.Email)
	s.closed(t, caseID)
	require.Equal(t, 3, s.received(a, notify.ChannelEmail), "received, link, expired")
	err := s.service.CompleteReset(t.Context(), actor.Actor{}, s.mailedToken(t, a.Email), nextPassword)
	require.True(t, fault.Is(err, fault.Invalid))
	requireResetAttributes(t, s, caseID, cases.StatusExpired)
	return caseID
}

func walkResetUnknown(t *testing.T, s *stand) string {
	caseID := s.askReset(t, "nobody."+canary+"@example.co.tz")
	s.closed(t, caseID)
	require.Empty(t, s.inbox.List())
	requireResetAttributes(t, s, caseID, cases.StatusExpired)
	return caseID
}

func walkResetForced(t *testing.T, s *stand) string {
	a := approved(t, s)
	in, err := s.service.Login(t.Context(), actor.Actor{}, a.Email, firstPassword)
	require.NoError(t, err)
	forced := mustDo(t)(s.service.ForceReset(t.Context(), s.staff, s.ask(a.ID)))
	require.Equal(t, cases.Applied, forced.Decision.Outcome)
	require.Equal(t, account.Active, forced.Account.Status)
	require.NotEmpty(t, in.Token)
	_, err = s.service.Login(t.Context(), actor.Actor{}, a.Email, firstPassword)
	require.True(t, fault.Is(err, fault.ResetRequired))
	require.NoError(t, s.service.CompleteReset(t.Context(), actor.Actor{}, s.mailedToken(t, a.Email), nextPassword))
	caseID := forced.Decision.CaseID
	s.closed(t, caseID)
	_, err = s.service.Login(t.Context(), actor.Actor{}, a.Email, nextPassword)
	require.NoError(t, err)
	return caseID
}

// walkNotification tells of something that no other case is about.
func walkNotification(t *testing.T, s *stand) string {
	a := approved(t, s)
	caseID := cases.NotificationID(uuid.New())
	var owed []cases.Notice
	for _, channel := range []string{store.Email, store.SMS} {
		owed = append(owed, cases.Notice{NoticeID: s.owe(t, a, caseID, channel), Channel: channel, Kind: string(notify.PasswordChanged)})
	}
	_, err := s.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: caseID, TaskQueue: cases.TaskQueue},
		cases.Notification, cases.NotificationInput{AccountID: a.ID, Notices: owed})
	require.NoError(t, err)
	s.closed(t, caseID)
	require.Equal(t, 3, s.received(a, notify.ChannelEmail), "received, approved, changed")
	return caseID
}

// owe records a notice that a case is to send.
func (s *stand) owe(t *testing.T, a account.Account, caseID, channel string) uuid.UUID {
	t.Helper()
	id := uuid.New()
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertNotices(ctx, store.Notice{
			ID: id, Key: id.String(), AccountID: a.ID, CaseID: caseID, Kind: string(notify.PasswordChanged), Channel: channel, CreatedAt: time.Now(),
		})
	}))
	return id
}

// requireResetAttributes checks what a search for the closed case of a request
// by anyone finds: how it ended, and not whose it was.
func requireResetAttributes(t *testing.T, s *stand, caseID, status string) {
	t.Helper()
	described, err := s.temporal.DescribeWorkflowExecution(t.Context(), caseID, "")
	require.NoError(t, err)
	fields := described.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	require.Equal(t, `"`+status+`"`, string(fields[cases.AttributeCaseStatus].GetData()))
	require.NotContains(t, fields, cases.AttributeAccountID)
}
