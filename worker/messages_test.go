package worker_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/ledger"
	"kibali/domain/message"
	"kibali/domain/policy"
	"kibali/notify"
	"kibali/store"
)

// impatientToSettle waits for an unknown outcome for as short a time as there is.
func impatientToSettle(p *policy.Policy) { p.Messages.Settle = policy.Duration(time.Second) }

// lostAnswers is a provider that takes a message and hangs up.
func lostAnswers(t *testing.T) notify.SMSSender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(server.Close)
	sender, err := notify.SMSConfig{
		Provider: "africastalking", BaseURL: server.URL, Username: "kibali", Secret: "secret", Timeout: time.Second,
	}.Sender(nil)
	require.NoError(t, err)
	return sender
}

// writes has the user of an approved account send a message of one segment to
// two phones.
func (s *stand) writes(t *testing.T, a account.Account) store.Message {
	t.Helper()
	require.NoError(t, s.planter.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.TopUp(ctx, store.Posting{
			ID: uuid.New(), Request: store.Request{Scope: uuid.New(), Key: "k"}, AccountID: a.ID, Amount: 10,
			Reason: ledger.Complimentary, Actor: actor.Actor{Kind: actor.System}, At: time.Now(),
		})
		return err
	}))
	m, _, err := s.service.SendMessage(t.Context(), actor.Actor{Kind: actor.Account, ID: a.ID},
		message.Draft{To: []string{"0712 000 901", "0712 000 902"}, Text: "Habari " + canary}, uuid.NewString())
	require.NoError(t, err)
	s.appears(t, cases.MessageID(m.ID))
	return m
}

// appears waits until a case is there.
func (s *stand) appears(t *testing.T, caseID string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := s.temporal.DescribeWorkflowExecution(t.Context(), caseID, "")
		return err == nil
	}, time.Minute, 50*time.Millisecond)
}

func walkMessageSent(t *testing.T, s *stand) string {
	a := s.register(t)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	m := s.writes(t, a)
	s.closed(t, cases.MessageID(m.ID))
	require.Len(t, s.told("+255712000901"), 1)
	require.Equal(t, "Habari "+canary, s.told("+255712000902")[0].Text)
	return cases.MessageID(m.ID)
}

func walkMessageUnknown(t *testing.T, s *stand) string {
	a := s.register(t)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	m := s.writes(t, a)
	s.closed(t, cases.MessageID(m.ID))
	balance, err := s.reader.Balance(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, ledger.Balance{Available: 10}, balance)
	return cases.MessageID(m.ID)
}
