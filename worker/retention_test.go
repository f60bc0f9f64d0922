package worker_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/service"
	"kibali/store"
)

const day = 24 * time.Hour

func TestRetention(t *testing.T) {
	t.Parallel()

	t.Run("deletes documents of applicants who were rejected long ago", func(t *testing.T) {
		t.Parallel()
		s := setup(t, func(p *policy.Policy) { p.Retention.RejectedDocuments = policy.Duration(90 * day) })
		s.work(t, buildID)
		rejected, again, recent, in := s.rejected(t), s.rejected(t), s.rejected(t), s.register(t)
		s.prepared(t, s.upload(t, in.ID, sample.JPEG(200, 140, 9)).ID)
		mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(in.ID)))
		for _, id := range []uuid.UUID{rejected.ID, again.ID, in.ID} {
			s.ages(t, id, 91*day)
		}
		s.resubmit(t, again.ID)
		require.Len(t, files(t, s), 8, "an original and a page each")

		require.NoError(t, s.service.Retain(t.Context()))
		require.Len(t, files(t, s), 6)
		require.NoError(t, s.service.Retain(t.Context()))
		require.Equal(t, 1, s.events(t, rejected.ID, "document.discarded"))
		documents, err := s.reader.Documents(t.Context(), rejected.ID)
		require.NoError(t, err)
		d := documents[0]
		require.False(t, d.Kept())
		require.Equal(t, store.ForRetention, d.DiscardedFor)
		require.NotEmpty(t, d.SHA256)
		require.NotZero(t, d.Size)
		for _, id := range []uuid.UUID{again.ID, recent.ID, in.ID} {
			kept, err := s.reader.Documents(t.Context(), id)
			require.NoError(t, err)
			require.True(t, kept[0].Kept())
		}
		_, _, err = s.service.OpenDocument(t.Context(), s.staff, rejected.ID, d.ID)
		require.ErrorContains(t, err, "deleted")
	})

	t.Run("deletes files whose discarding was interrupted", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.work(t, buildID)
		a := s.rejected(t)
		_, err := s.super(t).Exec(t.Context(), `
			UPDATE documents SET discarded_at = now() - interval '1 hour', discarded_for = 'retention' WHERE account_id = $1`, a.ID)
		require.NoError(t, err)
		require.NoError(t, s.service.Retain(t.Context()))
		require.Empty(t, files(t, s))
	})

	t.Run("erases accounts that were closed long ago, where the policy says so", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		s.work(t, buildID)
		caseID := closedLongAgo(t, s)
		require.NoError(t, s.service.Retain(t.Context()))
		_, err := s.temporal.DescribeWorkflowExecution(t.Context(), caseID, "")
		require.Error(t, err, "the policy keeps them")
	})
}

// walkErasureLapsed is an erasure that time orders.
func walkErasureLapsed(t *testing.T, s *stand) string {
	caseID := closedLongAgo(t, s)
	require.NoError(t, s.service.Retain(t.Context()))
	s.closed(t, caseID)
	id := uuid.MustParse(caseID[len(cases.ErasurePrefix):])
	require.True(t, s.account(t, id).Erased())
	require.Empty(t, files(t, s))
	require.Equal(t, 1, s.events(t, id, "erase"))
	require.NoError(t, s.service.Retain(t.Context()))
	return caseID
}

func forgetful(p *policy.Policy) { p.Retention.ClosedAccounts = policy.Duration(30 * day) }

// closedLongAgo returns the case that would erase an account which was closed 31
// days ago.
func closedLongAgo(t *testing.T, s *stand) string {
	t.Helper()
	a := s.rejected(t)
	mustDo(t)(s.service.Close(t.Context(), s.staff, service.Ask{AccountID: a.ID, Reason: "Asked for it."}))
	s.closed(t, cases.ClosureID(a.ID))
	s.ages(t, a.ID, 31*day)
	return cases.ErasureID(a.ID)
}

// rejected is an applicant with a document who was turned away.
func (s *stand) rejected(t *testing.T) account.Account {
	t.Helper()
	a := s.register(t)
	s.prepared(t, s.upload(t, a.ID, sample.JPEG(200, 140, 8)).ID)
	mustDo(t)(s.service.Reject(t.Context(), s.staff, s.reason(a.ID, "not_eligible")))
	s.closed(t, cases.RegistrationID(a.ID))
	return a
}

// ages makes what is known of an account's state older.
func (s *stand) ages(t *testing.T, id uuid.UUID, by time.Duration) {
	t.Helper()
	for _, sql := range []string{
		`UPDATE accounts SET stage_since = stage_since - $2::interval WHERE id = $1`,
		`UPDATE applications SET closed_at = closed_at - $2::interval WHERE account_id = $1`,
	} {
		_, err := s.super(t).Exec(t.Context(), sql, id, by)
		require.NoError(t, err)
	}
}
