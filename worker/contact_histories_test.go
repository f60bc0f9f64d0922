package worker_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/notify"
	"kibali/service"
)

// walkContactProof sends a code, which is in the SMS and nowhere else.
func walkContactProof(t *testing.T, s *stand) string {
	a := approved(t, s)
	by := actor.Actor{Kind: actor.Account, ID: a.ID}
	p, err := s.service.AskProof(t.Context(), by, account.ContactPhone)
	require.NoError(t, err)
	caseID := cases.NotificationID(p.ID)
	history := s.closed(t, caseID)
	code := regexp.MustCompile(`\b[0-9]{6}\b`).FindString(s.told(a.Phone)[0].Text)
	require.NotEmpty(t, code)
	alone := regexp.MustCompile(`\b` + code + `\b`)
	require.NotRegexp(t, alone, history.String())
	require.NotRegexp(t, alone, s.log.String())
	view, err := s.service.ConfirmPhone(t.Context(), by, code)
	require.NoError(t, err)
	require.True(t, view.PhoneVerified)
	return caseID
}

// walkContactChanged mails a link to another address, which is used, and tells
// the old one.
func walkContactChanged(t *testing.T, s *stand) string {
	a := approved(t, s)
	by := actor.Actor{Kind: actor.Account, ID: a.ID}
	next := "next." + a.Email
	p, err := s.service.ChangeContact(t.Context(), by, service.ContactChange{Contact: account.ContactEmail, Value: next, Password: "mlima-kilimanjaro-9"})
	require.NoError(t, err)
	caseID := cases.NotificationID(p.ID)
	history := s.closed(t, caseID)
	token := regexp.MustCompile(`kbe_[\w-]+`).FindString(s.told(next)[0].Text)
	require.NotEmpty(t, token)
	require.NotContains(t, history.String(), "kbe_")
	require.NotContains(t, s.log.String(), "kbe_")
	require.NoError(t, s.service.CompleteEmailProof(t.Context(), actor.Actor{}, token))
	changed, err := s.reader.ContactProof(t.Context(), p.ID)
	require.NoError(t, err)
	caseID = cases.NotificationID(*changed.ToldBy)
	s.closed(t, caseID)
	require.Equal(t, next, s.account(t, a.ID).Email)
	require.Equal(t, 3, s.received(a, notify.ChannelEmail), "received, approved, changed: the old address is told")
	require.Len(t, s.told(next), 1, "and the new one has the link alone")
	require.Equal(t, 3, s.received(a, notify.ChannelSMS))
	return caseID
}
