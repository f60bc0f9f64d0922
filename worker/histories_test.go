package worker_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/calendar"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/notify"
	"kibali/service"
	"kibali/store"
)

// path is one way through a case, from the first application to the end.
type path struct {
	name   string // of the file
	policy func(*policy.Policy)
	// sms takes the place of the inbox as the provider of SMS.
	sms func(*testing.T) notify.SMSSender
	// walk drives the case to its end and returns its id.
	walk func(t *testing.T, s *stand) (caseID string)
	// most is how many events the history may have; 0 is any number.
	most int
}

// TestHistories walks each path on a real server and database, and checks that
// its history holds no personal data, replays, and is no longer than promised.
// With -record it keeps the histories of new paths for the replay test in
// workflows; those that are kept already stay as they are.
func TestHistories(t *testing.T) {
	t.Parallel()
	for _, p := range append(paths(), append(topUpPaths(), appealPaths()...)...) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			changes := []func(*policy.Policy){}
			if p.policy != nil {
				changes = append(changes, p.policy)
			}
			s := setup(t, changes...)
			if p.sms != nil {
				s.sms = p.sms(t)
			}
			s.work(t, buildID)
			caseID := p.walk(t, s)
			history := s.closed(t, caseID)
			text := requireKeepable(t, history)
			t.Logf("%s: %d events, %d Temporal Cloud actions", p.name, len(history.GetEvents()), actions(history.GetEvents()))
			if p.most > 0 {
				require.LessOrEqual(t, len(history.GetEvents()), p.most)
			}
			require.NotContains(t, s.log.String(), canary)
			if *record {
				keep(t, p.name, text)
			}
		})
	}
}

func keep(t *testing.T, name string, history []byte) {
	t.Helper()
	file := filepath.Join("..", "workflows", "testdata", "histories", name+".json")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	if _, err := os.Stat(file); err == nil {
		return
	}
	// The names of sticky queues tell which machine it was.
	history = regexp.MustCompile(`"name": "[^"]*:[0-9a-f-]{36}"`).ReplaceAll(history, []byte(`"name": "sticky"`))
	require.NoError(t, os.WriteFile(file, append(history, '\n'), 0o644))
}

func paths() []path {
	return []path{
		{name: "registration-approved", most: 45, walk: walkApproved},
		{name: "registration-rejected", most: 45, walk: walkRejected},
		{name: "registration-with-document", most: 60, walk: walkDocument},
		{name: "registration-changes-resubmitted", walk: walkChanges},
		{name: "registration-expired", policy: impatient, walk: walkExpired},
		{name: "registration-overdue", policy: strict, walk: walkOverdue},
		{name: "registration-overdue-reopened", policy: strict, walk: walkOverdueReopened},
		{name: "registration-changes-after-documents", walk: walkChangesAfterDocuments},
		{name: "registration-after-rejection", walk: walkAfterRejection},
		{name: "registration-late-duplicate", most: 15, walk: walkLateDuplicate},
		{name: "suspension-until", walk: walkSuspensionUntil},
		{name: "suspension-lifted", walk: walkSuspensionLifted},
		{name: "suspension-end-moved", walk: walkSuspensionEndMoved},
		{name: "closure", walk: walkClosure},
		{name: "erasure", walk: walkErasure},
		{name: "erasure-lapsed", policy: forgetful, walk: walkErasureLapsed},
		{name: "message-sent", most: 20, walk: walkMessageSent},
		{name: "message-unknown", policy: impatientToSettle, sms: lostAnswers, walk: walkMessageUnknown},
		{name: "password-reset-used", most: 40, walk: walkResetUsed},
		{name: "password-reset-expired", policy: hasty, walk: walkResetExpired},
		{name: "password-reset-unknown", policy: hasty, most: 30, walk: walkResetUnknown},
		{name: "password-reset-forced", walk: walkResetForced},
		{name: "notification", most: 20, walk: walkNotification},
		{name: "contact-proof", most: 15, walk: walkContactProof},
		{name: "contact-changed", most: 20, walk: walkContactChanged},
	}
}

func walkApproved(t *testing.T, s *stand) string {
	a := s.register(t)
	decided := mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	require.Equal(t, cases.Applied, decided.Decision.Outcome)
	require.Equal(t, account.Active, decided.Account.Status)
	s.closed(t, cases.RegistrationID(a.ID))
	require.Equal(t, 2, s.received(a, notify.ChannelEmail), "received and approved")
	require.Equal(t, 2, s.received(a, notify.ChannelSMS), "received and approved")
	application, err := s.reader.CurrentApplication(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, store.ApplicationApproved, application.Outcome)
	requireAttributes(t, s, cases.RegistrationID(a.ID), cases.StatusApproved, s.staff.ID)
	changes := 0
	for _, event := range s.history(t, cases.RegistrationID(a.ID)).GetEvents() {
		if event.GetEventType() == enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES {
			changes++
		}
	}
	require.Equal(t, 1, changes, "one change of attributes for one transition")
	return cases.RegistrationID(a.ID)
}

func walkRejected(t *testing.T, s *stand) string {
	a := s.register(t)
	mustDo(t)(s.service.Reject(t.Context(), s.staff, s.reason(a.ID, "not_eligible")))
	s.closed(t, cases.RegistrationID(a.ID))
	rejected := s.account(t, a.ID)
	require.Equal(t, account.Rejected, rejected.Status)
	require.NotNil(t, rejected.DecidedBy)
	require.Contains(t, s.inbox.List()[0].Text+s.inbox.List()[1].Text, "Because of "+canary)
	requireAttributes(t, s, cases.RegistrationID(a.ID), cases.StatusRejected, s.staff.ID)
	return cases.RegistrationID(a.ID)
}

func walkDocument(t *testing.T, s *stand) string {
	a := s.register(t)
	d := s.upload(t, a.ID, sample.JPEG(400, 300, 1))
	require.Eventually(t, func() bool { return s.account(t, a.ID).Stage == account.InReview }, 20*time.Second, 20*time.Millisecond)
	prepared, err := s.reader.Document(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, store.DocumentReady, prepared.Status)
	require.Equal(t, 1, prepared.Pages)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	return cases.RegistrationID(a.ID)
}

func walkChanges(t *testing.T, s *stand) string {
	a := s.register(t)
	mustDo(t)(s.service.RequestChanges(t.Context(), s.staff, s.reason(a.ID, "details_mismatch")))
	asked := s.account(t, a.ID)
	require.Equal(t, account.ChangesRequested, asked.Stage)
	require.NotZero(t, asked.DeadlineAt)
	corrected := s.resubmit(t, a.ID)
	require.Equal(t, account.InReview, corrected.Stage)
	require.Equal(t, "Neema "+canary, corrected.Name)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	return cases.RegistrationID(a.ID)
}

func impatient(p *policy.Policy) {
	p.Documents = policy.Patience{Remind: policy.Duration(time.Second), Expire: policy.Duration(2 * time.Second)}
}

func walkExpired(t *testing.T, s *stand) string {
	a := s.register(t)
	s.closed(t, cases.RegistrationID(a.ID))
	expired := s.account(t, a.ID)
	require.Equal(t, account.Rejected, expired.Status)
	require.Nil(t, expired.DecidedBy)
	require.True(t, expired.ContactReleased)
	require.Equal(t, 3, s.received(a, notify.ChannelEmail), "received, reminded, expired")
	_, err := s.reader.LoginByEmail(t.Context(), a.Email)
	require.Error(t, err, "the login is released with the contact")
	requireAttributes(t, s, cases.RegistrationID(a.ID), cases.StatusExpired, uuid.Nil)
	return cases.RegistrationID(a.ID)
}

func strict(p *policy.Policy) {
	p.Review = policy.Review{Deadline: policy.Duration(time.Second), Escalate: policy.Duration(2 * time.Second)}
	// Staff work at any hour, so that working time passes now.
	p.Calendar.Holidays, p.Calendar.Hours = nil, map[string]calendar.Hours{}
	for weekday := range time.Saturday + 1 {
		p.Calendar.Hours[strings.ToLower(weekday.String())] = calendar.Hours{From: "00:00", To: "24:00"}
	}
}

func walkOverdue(t *testing.T, s *stand) string {
	a := s.register(t)
	s.upload(t, a.ID, sample.JPEG(400, 300, 2))
	require.Eventually(t, func() bool {
		return len(s.told("admin@example.co.tz")) == 2 // reminded, for want of reviewers, and escalated
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, account.InReview, s.account(t, a.ID).Stage, "staff's delay rejects nobody")
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	return cases.RegistrationID(a.ID)
}

// walkOverdueReopened is what a case does that was lost, with Temporal's data,
// before its deadlines, and is opened again after them.
func walkOverdueReopened(t *testing.T, s *stand) string {
	a := s.register(t)
	caseID := cases.RegistrationID(a.ID)
	s.upload(t, a.ID, sample.JPEG(400, 300, 3))
	require.Eventually(t, func() bool { return s.account(t, a.ID).Stage == account.InReview }, 20*time.Second, 20*time.Millisecond)
	waiting := s.account(t, a.ID)
	for range 2 { // lost, and lost again
		require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), caseID, "", "lost"))
		require.Eventually(t, func() bool { return time.Now().After(waiting.DeadlineAt) }, 20*time.Second, 20*time.Millisecond)
		_, err := s.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: caseID, TaskQueue: cases.TaskQueue},
			cases.Registration, cases.RegistrationInput{AccountID: a.ID, Entry: cases.EntryOf(waiting)})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			owed, err := s.reader.PendingNotices(t.Context(), a.ID)
			return err == nil && len(owed) == 0 && len(s.told("admin@example.co.tz")) >= 2
		}, 20*time.Second, 20*time.Millisecond)
	}
	require.Equal(t, account.InReview, s.account(t, a.ID).Stage)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	s.closed(t, caseID)
	require.Len(t, s.told("admin@example.co.tz"), 2, "reminded once, for want of reviewers, and escalated to once")
	return caseID
}

func walkChangesAfterDocuments(t *testing.T, s *stand) string {
	a := s.register(t)
	mustDo(t)(s.service.RequestChanges(t.Context(), s.staff, s.reason(a.ID, "details_mismatch")))
	s.upload(t, a.ID, sample.JPEG(400, 300, 4))
	require.Eventually(t, func() bool { return s.account(t, a.ID).Stage == account.InReview }, 20*time.Second, 20*time.Millisecond)
	require.True(t, s.account(t, a.ID).ChangesAsked())
	corrected := s.resubmit(t, a.ID)
	require.Equal(t, "Neema "+canary, corrected.Name)
	require.False(t, corrected.ChangesAsked())
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	return cases.RegistrationID(a.ID)
}

func walkAfterRejection(t *testing.T, s *stand) string {
	a := s.register(t)
	mustDo(t)(s.service.Reject(t.Context(), s.staff, s.reason(a.ID, "documents_missing")))
	s.closed(t, cases.RegistrationID(a.ID))
	require.Equal(t, account.InReview, s.resubmit(t, a.ID).Stage)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	return cases.RegistrationID(a.ID)
}

func walkLateDuplicate(t *testing.T, s *stand) string {
	a := s.register(t)
	decided := mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	caseID := cases.RegistrationID(a.ID)
	s.closed(t, caseID)
	before := s.account(t, a.ID)
	message := cases.Decision{DecisionID: decided.Decision.ID, Kind: account.Approve, ActorID: s.staff.ID}
	options := client.StartWorkflowOptions{ID: caseID, TaskQueue: cases.TaskQueue, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING}
	input := cases.RegistrationInput{AccountID: a.ID, Entry: cases.EntryOf(before)}

	handle, err := s.temporal.UpdateWithStartWorkflow(t.Context(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.temporal.NewWithStartWorkflowOperation(options, cases.Registration, input),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: uuid.NewString(), UpdateName: cases.Decide, Args: []any{message}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	require.NoError(t, err)
	var outcome cases.Outcome
	require.NoError(t, handle.Get(t.Context(), &outcome))
	require.Equal(t, cases.Applied, outcome.Result, "what was decided, again")
	require.Empty(t, outcome.Notices)
	s.closed(t, caseID)

	_, err = s.temporal.SignalWithStartWorkflow(t.Context(), caseID, cases.Decide, message, options, cases.Registration, input)
	require.NoError(t, err)
	s.closed(t, caseID)
	require.Equal(t, before, s.account(t, a.ID), "a late duplicate changes nothing")
	require.Equal(t, 2, s.received(a, notify.ChannelEmail), "and sends nothing")
	return caseID
}

func walkSuspensionUntil(t *testing.T, s *stand) string {
	a := approved(t, s)
	until := time.Now().Add(3 * time.Second)
	ask := s.reason(a.ID, "fraud")
	ask.Until = &until
	suspended := mustDo(t)(s.service.Suspend(t.Context(), s.staff, ask))
	require.Equal(t, account.Suspended, suspended.Account.Status)
	require.Nil(t, suspended.Account.BlockedBy)
	s.closed(t, cases.SuspensionID(a.ID))
	reactivated := s.account(t, a.ID)
	require.Equal(t, account.Active, reactivated.Status)
	require.Zero(t, reactivated.SuspendedUntil)
	requireAttributes(t, s, cases.SuspensionID(a.ID), cases.StatusReactivated, s.staff.ID)
	return cases.SuspensionID(a.ID)
}

func walkSuspensionLifted(t *testing.T, s *stand) string {
	a := approved(t, s)
	mustDo(t)(s.service.Suspend(t.Context(), s.staff, s.reason(a.ID, "terms")))
	mustDo(t)(s.service.Reactivate(t.Context(), s.staff, s.ask(a.ID)))
	return cases.SuspensionID(a.ID)
}

func walkSuspensionEndMoved(t *testing.T, s *stand) string {
	a := approved(t, s)
	later, sooner := time.Now().Add(time.Hour), time.Now().Add(4*time.Second)
	ask := s.reason(a.ID, "fraud")
	ask.Until = &later
	mustDo(t)(s.service.Suspend(t.Context(), s.staff, ask))
	for _, until := range []*time.Time{nil, &sooner} {
		ask := s.ask(a.ID)
		ask.Until = until
		moved := mustDo(t)(s.service.ChangeUntil(t.Context(), s.staff, ask))
		require.Equal(t, until == nil, moved.Account.SuspendedUntil.IsZero())
	}
	s.closed(t, cases.SuspensionID(a.ID))
	require.Equal(t, account.Active, s.account(t, a.ID).Status)
	require.Equal(t, 6, s.received(a, notify.ChannelSMS), "received, approved, suspended, changed twice, reactivated")
	return cases.SuspensionID(a.ID)
}

func walkClosure(t *testing.T, s *stand) string {
	a := approved(t, s)
	mustDo(t)(s.service.Close(t.Context(), s.staff, service.Ask{AccountID: a.ID, Reason: "Asked by " + canary}))
	s.closed(t, cases.ClosureID(a.ID))
	require.Equal(t, account.Closed, s.account(t, a.ID).Status)
	require.Equal(t, 3, s.received(a, notify.ChannelEmail), "received, approved, closed")
	return cases.ClosureID(a.ID)
}

func approved(t *testing.T, s *stand) account.Account {
	t.Helper()
	a := s.register(t)
	mustDo(t)(s.service.Approve(t.Context(), s.staff, s.ask(a.ID)))
	s.closed(t, cases.RegistrationID(a.ID))
	return a
}

// requireAttributes checks what a search for the closed case finds.
func requireAttributes(t *testing.T, s *stand, caseID, status string, reviewer uuid.UUID) {
	t.Helper()
	described, err := s.temporal.DescribeWorkflow(t.Context(), caseID, "")
	require.NoError(t, err)
	found := described.TypedSearchAttributes
	got, _ := found.GetKeyword(temporal.NewSearchAttributeKeyKeyword(cases.AttributeCaseStatus))
	require.Equal(t, status, got)
	by, ok := found.GetKeyword(temporal.NewSearchAttributeKeyKeyword(cases.AttributeReviewer))
	require.Equal(t, reviewer != uuid.Nil, ok)
	if ok {
		require.Equal(t, reviewer.String(), by)
	}
	_, due := found.GetTime(temporal.NewSearchAttributeKeyTime(cases.AttributeDeadline))
	require.False(t, due, "nothing is due in a closed case")
}

// actions counts what Temporal Cloud bills of a history: starts, messages,
// timers, attribute changes and activities.
func actions(events []*historypb.HistoryEvent) int {
	n := 0
	for _, event := range events {
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enums.EVENT_TYPE_TIMER_STARTED,
			enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			n++
		}
	}
	return n
}
