package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/store"
)

// opening is how a case is started: options, workflow and input. Everything in
// it comes from PostgreSQL, so a case can be opened again at any time; a case
// that is open already is left as it is.
type opening struct {
	options  client.StartWorkflowOptions
	workflow string
	input    any
}

// The search attributes that a case is opened with.
var (
	caseAccount = temporal.NewSearchAttributeKeyKeyword(cases.AttributeAccountID)
	caseStatus  = temporal.NewSearchAttributeKeyKeyword(cases.AttributeCaseStatus)
)

func newOpening(caseID, workflow, summary string, a account.Account, input any) opening {
	now := cases.AttributesOf(workflow, cases.EntryOf(a), "")
	attributes := append(accountAttributes(a), statusAttributes(now.CaseStatus, now.Deadline)...)
	return opening{options: startOptions(caseID, summary, attributes), workflow: workflow, input: input}
}

func startOptions(caseID, summary string, attributes []temporal.SearchAttributeUpdate) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: caseID, TaskQueue: cases.TaskQueue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		TypedSearchAttributes:    temporal.NewSearchAttributes(attributes...),
		StaticSummary:            summary,
	}
}

func accountAttributes(a account.Account) []temporal.SearchAttributeUpdate {
	return []temporal.SearchAttributeUpdate{
		caseAccount.ValueSet(a.ID.String()),
		temporal.NewSearchAttributeKeyKeyword(cases.AttributeIndustry).ValueSet(a.Company.Industry),
	}
}

func statusAttributes(status string, deadline time.Time) []temporal.SearchAttributeUpdate {
	attributes := []temporal.SearchAttributeUpdate{caseStatus.ValueSet(status)}
	if !deadline.IsZero() {
		attributes = append(attributes, temporal.NewSearchAttributeKeyTime(cases.AttributeDeadline).ValueSet(deadline))
	}
	return attributes
}

// openingOf returns how the case with the given id is opened, from the
// account's row and what the case still owes; that of a password reset from the
// request's row.
func (s *Service) openingOf(ctx context.Context, caseID string, accountID uuid.UUID) (opening, error) {
	if strings.HasPrefix(caseID, cases.TopUpPrefix) {
		return s.topUpOpening(ctx, caseID)
	}
	if resetID := cases.ResetOf(caseID); resetID != uuid.Nil {
		reset, err := s.reader.Reset(ctx, resetID)
		if err != nil {
			return opening{}, err
		}
		return s.openingOfReset(ctx, reset)
	}
	view, err := s.reader.Account(ctx, accountID)
	if err != nil {
		return opening{}, err
	}
	pending, err := s.reader.PendingNotices(ctx, accountID)
	if err != nil {
		return opening{}, err
	}
	return openingFor(caseID, view.Account, pending)
}

// owedBy returns those of an account's notices that the case with the given id
// sends.
func owedBy(caseID string, pending []store.Notice) []cases.Notice {
	var owed []cases.Notice
	for _, n := range pending {
		notice := cases.Notice{NoticeID: n.ID, Channel: n.Channel, Kind: n.Kind}
		if notice.BelongsTo(caseID, n.CaseID) {
			owed = append(owed, notice)
		}
	}
	return owed
}

func openingFor(caseID string, a account.Account, pending []store.Notice) (opening, error) {
	owed := owedBy(caseID, pending)
	kind, _, _ := strings.Cut(caseID, "/")
	switch kind + "/" {
	case cases.RegistrationPrefix:
		return newOpening(caseID, cases.Registration, "Registration of account "+a.ID.String(), a,
			cases.RegistrationInput{AccountID: a.ID, Entry: cases.EntryOf(a), Notices: owed}), nil
	case cases.SuspensionPrefix:
		return newOpening(caseID, cases.Suspension, "Suspension of account "+a.ID.String(), a,
			cases.SuspensionInput{AccountID: a.ID, Entry: cases.EntryOf(a), Notices: owed}), nil
	case cases.ClosurePrefix:
		return newOpening(caseID, cases.Closure, "Closing of account "+a.ID.String(), a,
			cases.ClosureInput{AccountID: a.ID, Notices: owed}), nil
	case cases.ErasurePrefix:
		return newOpening(caseID, cases.Erasure, "Erasure of account "+a.ID.String(), a, cases.ErasureInput{AccountID: a.ID}), nil
	case cases.NotificationPrefix:
		return newOpening(caseID, cases.Notification, "Notification of account "+a.ID.String(), a,
			cases.NotificationInput{AccountID: a.ID, Notices: owed}), nil
	default:
		return opening{}, fmt.Errorf("no case has the id %q", caseID)
	}
}

// openRegistration starts the case of a new account and records that it has
// taken the application up.
func (s *Service) openRegistration(ctx context.Context, a account.Account, application store.Application, owed []store.Notice) error {
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	o, err := openingFor(cases.RegistrationID(a.ID), a, owed)
	if err != nil {
		return err
	}
	if _, err := s.temporal.ExecuteWorkflow(ctx, o.options, o.workflow, o.input); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.AcceptApplication(ctx, application, s.now())
	})
}

// tellDecision sends a decision to its case and waits for the outcome. It
// returns the decision as it is then: open, when no worker answered in time.
func (s *Service) tellDecision(ctx context.Context, d store.Decision) store.Decision {
	message := messageOf(d)
	s.update(ctx, dispatch{
		caseID: d.CaseID, accountID: d.AccountID, name: cases.Decide, id: d.ID, message: message,
		updateID: updateID(d.ID, message.Kind),
	})
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	current, err := s.reader.Decision(ctx, d.ID)
	if err != nil {
		s.unreached(d.CaseID, err)
		return d
	}
	return current
}

// messageOf is what a case is told of a decision: of a top-up that was signed
// that it was.
func messageOf(d store.Decision) cases.Decision {
	m := cases.Decision{DecisionID: d.ID, Kind: d.Kind, ReasonCode: d.ReasonCode, ActorID: d.StaffID}
	if d.Signature != "" {
		m.Kind, m.ActorID = d.Signature, *d.SignedBy
	}
	return m
}

// updateID tells the update of a signature from the one of the decision that was
// signed.
func updateID(decisionID uuid.UUID, kind account.Action) string {
	if kind == account.Countersign || kind == account.Decline {
		return decisionID.String() + "/" + string(kind)
	}
	return decisionID.String()
}

// tellResubmission sends a corrected application to its case and reports
// whether the case has taken it up.
func (s *Service) tellResubmission(ctx context.Context, application store.Application) bool {
	s.update(ctx, dispatch{
		caseID: cases.RegistrationID(application.AccountID), accountID: application.AccountID, name: cases.Resubmit,
		id: application.ID, message: cases.Resubmission{ApplicationID: application.ID}, updateID: application.ID.String(),
	})
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	current, err := s.reader.Application(ctx, application.ID)
	if err != nil {
		s.unreached(cases.RegistrationID(application.AccountID), err)
		return false
	}
	return current.AcceptedAt != nil
}

// tellDocument tells a case that a document waits to be prepared.
func (s *Service) tellDocument(ctx context.Context, d store.Document) error {
	return s.signal(ctx, cases.RegistrationID(d.AccountID), d.AccountID, cases.DocumentReceived, cases.Document{DocumentID: d.ID})
}

// update sends a message to a case, which is opened when it is not, and waits
// for the answer. When none comes in time the same message is left for the
// case as a signal, which Temporal keeps: the case settles whichever arrives
// first and knows the other by its id.
func (s *Service) update(ctx context.Context, t dispatch) {
	waiting, cancel := detached(ctx, s.answer)
	defer cancel()
	o, err := s.openingOf(waiting, t.caseID, t.accountID)
	if err == nil {
		err = s.updateWithStart(waiting, o, t)
	}
	if err == nil {
		return
	}
	s.unreached(t.caseID, err)
	if settled, err := s.settled(ctx, t.name, t.id); err == nil && settled {
		return // it was carried out while the answer was on its way
	}
	if err := s.signal(ctx, t.caseID, t.accountID, t.name, t.message); err != nil {
		s.unreached(t.caseID, err)
	}
}

// dispatch is a message to a case.
type dispatch struct {
	caseID    string
	accountID uuid.UUID
	name      string
	id        uuid.UUID // of the row that the message is about
	message   any
	updateID  string
}

// settled reports whether the case has settled a message already.
func (s *Service) settled(ctx context.Context, name string, id uuid.UUID) (bool, error) {
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	if name == cases.Resubmit {
		application, err := s.reader.Application(ctx, id)
		return application.AcceptedAt != nil, err
	}
	d, err := s.reader.Decision(ctx, id)
	return !d.Open(), err
}

func (s *Service) updateWithStart(ctx context.Context, o opening, t dispatch) error {
	handle, err := s.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.temporal.NewWithStartWorkflowOperation(o.options, o.workflow, o.input),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: t.updateID, WorkflowID: o.options.ID, UpdateName: t.name, Args: []any{t.message},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// signal leaves a message for a case, which is opened when it is not.
func (s *Service) signal(ctx context.Context, caseID string, accountID uuid.UUID, name string, message any) error {
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	o, err := s.openingOf(ctx, caseID, accountID)
	if err != nil {
		return err
	}
	_, err = s.temporal.SignalWithStartWorkflow(ctx, caseID, name, message, o.options, o.workflow, o.input)
	return err
}

// unreached logs that a case could not be told; the row that was to be told of
// is the record, and the sweep tells it again.
func (s *Service) unreached(caseID string, err error) {
	s.log.Warn("case not reached", "case", caseID, "cause", fmt.Sprintf("%T", err))
}
