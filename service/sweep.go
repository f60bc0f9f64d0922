package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/store"
)

// The sweep takes up what is older than sweepAge, every sweepEvery: what was
// recorded reaches its case within a minute after faults stop.
const (
	sweepAge   = 30 * time.Second
	sweepEvery = 10 * time.Second
	sweepBatch = 500
	// retellMost bounds how rarely a case that does not settle is told again.
	retellMost = 10 * time.Minute
	// A case that has not acted for idleAge is opened again, if it was lost; for
	// idleMost at the longest.
	idleAge  = 2 * time.Minute
	idleMost = 7 * 24 * time.Hour
	// unreachedMost is how many cases in a row may be out of reach before a
	// sweep takes it that all are.
	unreachedMost = 3
)

// Swept counts what a sweep has told its cases again.
type Swept struct {
	Decisions    int
	Lapsed       int
	Applications int
	Documents    int
	Resets       int
	Messages     int
	Appeals      int
	Idle         int
}

// RunSweeps sweeps every few seconds until ctx ends. Any number of processes
// may run it: one at a time does the work.
func (s *Service) RunSweeps(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		swept, err := s.Sweep(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Error("sweep failed", "cause", fmt.Sprintf("%T", err))
		case swept != Swept{}:
			s.log.Info("swept", "decisions", swept.Decisions, "lapsed", swept.Lapsed,
				"applications", swept.Applications, "documents", swept.Documents, "resets", swept.Resets,
				"messages", swept.Messages, "appeals", swept.Appeals, "idle", swept.Idle)
		}
	}
}

// Sweep tells cases again what PostgreSQL records and they have not settled:
// open decisions whose staff member is still entitled (others lapse),
// applications that no case has taken up, documents that wait to be prepared,
// password resets. And it opens cases that should have acted by now. It does nothing while
// another process sweeps.
func (s *Service) Sweep(ctx context.Context) (Swept, error) {
	var swept Swept
	_, err := s.store.Alone(ctx, store.SweepLock, func(ctx context.Context) error {
		before := s.now().Add(-sweepAge)
		var failures []error
		for _, pass := range []func(context.Context, time.Time, *Swept) error{
			s.sweepDecisions, s.sweepApplications, s.sweepDocuments, s.sweepResets, s.sweepMessages, s.sweepAppeals, s.sweepIdle,
		} {
			s.told.begin()
			failures = append(failures, pass(ctx, before, &swept))
		}
		s.told.forget(s.now())
		failures = append(failures, s.store.ForgetAnswers(ctx, s.now().Add(-answersKept)),
			s.store.ForgetResets(ctx, s.now().Add(-resetsKept)), s.store.DropRates(ctx, s.now()),
			s.store.ForgetProofs(ctx, s.now().Add(-proofsKept)),
			s.store.ForgetClaims(ctx, s.now().Add(-claimLife)), s.store.ForgetUploads(ctx, s.now().Add(-uploadLife)))
		return errors.Join(failures...)
	})
	return swept, err
}

// answersKept is how long the answer to an Idempotency-Key is replayed.
const answersKept = 7 * 24 * time.Hour

// resetsKept is how long a password reset that has ended is kept. What it did is
// in the audit trail.
const resetsKept = 30 * 24 * time.Hour

// proofsKept is how long it is kept what a user was to prove: longer than any
// link is good, and than a notice of it is tried to be sent. What it did is in the
// audit trail.
const proofsKept = 30 * 24 * time.Hour

func (s *Service) sweepDecisions(ctx context.Context, before time.Time, swept *Swept) error {
	open, err := s.reader.WaitingDecisions(ctx, before, sweepBatch)
	if err != nil {
		return err
	}
	for _, d := range open {
		entitled, err := s.entitled(ctx, d)
		if err != nil {
			return err
		}
		if !entitled {
			if err := s.lapse(ctx, d); err != nil {
				return err
			}
			swept.Lapsed++
			continue
		}
		if err := s.retell(d.ID, d.CaseID, &swept.Decisions, func() error {
			return s.signal(ctx, d.CaseID, d.AccountID, cases.Decide, messageOf(d))
		}); err != nil {
			return err
		}
	}
	return nil
}

// entitled reports whether who asked for a decision, and who signed it, may
// still do so.
func (s *Service) entitled(ctx context.Context, d store.Decision) (bool, error) {
	entitled, err := s.still(ctx, d.StaffID, permissionOf(d.Kind))
	if d.Signature == account.Countersign && entitled && err == nil {
		return s.still(ctx, *d.SignedBy, permissionOf(d.Kind))
	}
	return entitled, err
}

// permissionOf returns what a decision of a kind takes.
func permissionOf(kind account.Action) actor.Permission {
	switch kind {
	case account.Approve, account.Reject, account.RequestChanges:
		return actor.Review
	case account.TopUp:
		return actor.TopUp
	case account.ForceReset:
		return actor.ForceReset
	case account.Erase:
		return actor.ManageData
	default:
		return actor.ManageAccess
	}
}

// still reports whether a staff member has a permission now.
func (s *Service) still(ctx context.Context, staffID uuid.UUID, p actor.Permission) (bool, error) {
	staff, err := s.reader.Staff(ctx, staffID)
	if isNotFound(err) {
		return false, nil
	}
	by := actor.Actor{Kind: actor.Staff, ID: staff.ID, Role: staff.Role}
	return err == nil && by.May(p), err
}

// codeNotEntitled is why a decision lapses whose staff member lost the right to
// ask for it.
const codeNotEntitled = "not_entitled"

// lapse ends a decision that will not be carried out, and lifts its block.
func (s *Service) lapse(ctx context.Context, d store.Decision) error {
	lapsed := false
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		lapsed, err = s.lapseIn(ctx, tx, d)
		return err
	})
	if err == nil && lapsed {
		s.tellLapsed(ctx, d)
	}
	return err
}

// lapseIn is lapse within a transaction, after which tellLapsed is due. It
// reports whether the decision lapsed: its case may have settled it before it
// could be locked.
func (s *Service) lapseIn(ctx context.Context, tx *store.Tx, d store.Decision) (bool, error) {
	now := s.now()
	event := store.Event{
		At: now, Actor: actor.Actor{Kind: actor.System}, Action: string(d.Kind) + ".lapsed", Subject: "decision", SubjectID: d.ID.String(),
		AccountID: orNone(d.AccountID), DecisionID: &d.ID, WorkflowID: d.CaseID, After: map[string]any{"code": codeNotEntitled},
	}
	if d.Kind == account.TopUp {
		event.After["amount"] = d.Amount
		if current, err := tx.LockDecision(ctx, d.ID); err != nil || !current.Open() {
			return false, err
		}
	} else if free, err := s.lapseOnAccount(ctx, tx, d, now); err != nil || !free {
		return false, err
	}
	if err := tx.CloseDecision(ctx, d.ID, cases.Lapsed, codeNotEntitled, now); err != nil {
		return false, err
	}
	return true, tx.AppendEvent(ctx, event)
}

// lapseOnAccount locks the account of a decision and takes from it what the
// decision did when it was recorded. It reports whether the decision is open.
func (s *Service) lapseOnAccount(ctx context.Context, tx *store.Tx, d store.Decision, now time.Time) (bool, error) {
	a, err := tx.LockAccount(ctx, d.AccountID)
	if err != nil {
		return false, err
	}
	if current, err := tx.Reader().Decision(ctx, d.ID); err != nil || !current.Open() {
		return false, err
	}
	if a.BlockedBy != nil && *a.BlockedBy == d.ID {
		if err := tx.BlockAccount(ctx, a.ID, nil); err != nil {
			return false, err
		}
	}
	if err := tx.LapseReset(ctx, d.ID, now); err != nil {
		return false, err
	}
	return true, tx.EndAppealAgainst(ctx, d.ID, now)
}

// tellLapsed tells the case of a top-up that lapsed, which may be waiting for a
// signature, to look.
func (s *Service) tellLapsed(ctx context.Context, d store.Decision) {
	if d.Kind != account.TopUp {
		return
	}
	if err := s.signal(ctx, d.CaseID, d.AccountID, cases.Decide, cases.Decision{DecisionID: d.ID, Kind: account.Decline}); err != nil {
		s.unreached(d.CaseID, err)
	}
}

func (s *Service) sweepApplications(ctx context.Context, before time.Time, swept *Swept) error {
	waiting, err := s.reader.WaitingApplications(ctx, before, sweepBatch)
	if err != nil {
		return err
	}
	for _, application := range waiting {
		caseID := cases.RegistrationID(application.AccountID)
		if err := s.retell(application.ID, caseID, &swept.Applications, func() error {
			if application.Resubmission {
				return s.signal(ctx, caseID, application.AccountID, cases.Resubmit, cases.Resubmission{ApplicationID: application.ID})
			}
			return s.reopenRegistration(ctx, application.Application)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) reopenRegistration(ctx context.Context, application store.Application) error {
	view, err := s.reader.Account(ctx, application.AccountID)
	if err != nil {
		return err
	}
	owed, err := s.reader.PendingNotices(ctx, application.AccountID)
	if err != nil {
		return err
	}
	return s.openRegistration(ctx, view.Account, application, owed)
}

func (s *Service) sweepDocuments(ctx context.Context, before time.Time, swept *Swept) error {
	waiting, err := s.reader.WaitingDocuments(ctx, before, sweepBatch)
	if err != nil {
		return err
	}
	for _, d := range waiting {
		if err := s.retell(d.ID, cases.RegistrationID(d.AccountID), &swept.Documents, func() error {
			return s.tellDocument(ctx, d)
		}); err != nil {
			return err
		}
	}
	return nil
}

// sweepResets opens the cases of requests for another password that no case has
// taken up, or that should have ended.
func (s *Service) sweepResets(ctx context.Context, before time.Time, swept *Swept) error {
	waiting, err := s.reader.WaitingResets(ctx, before, s.now().Add(-idleAge), sweepBatch)
	if err != nil {
		return err
	}
	for _, reset := range waiting {
		if err := s.retell(reset.ID, cases.PasswordResetID(reset.ID), &swept.Resets, func() error {
			return s.openReset(ctx, reset)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sweepAppeals(ctx context.Context, before time.Time, swept *Swept) error {
	waiting, err := s.reader.WaitingAppeals(ctx, before, sweepBatch)
	if err != nil {
		return err
	}
	for _, a := range waiting {
		if err := s.retell(a.ID, a.CaseID, &swept.Appeals, func() error { return s.tellAppeal(ctx, a) }); err != nil {
			return err
		}
	}
	return nil
}

// sweepIdle opens cases that let a deadline pass or owe a notice: such a case is
// there and busy, or was lost with Temporal's data.
func (s *Service) sweepIdle(ctx context.Context, _ time.Time, swept *Swept) error {
	now := s.now()
	idle, err := s.reader.IdleCases(ctx, now.Add(-idleMost), now.Add(-idleAge), sweepBatch)
	if err != nil {
		return err
	}
	for _, c := range idle {
		if err := s.retell(c.AccountID, c.CaseID, &swept.Idle, func() error {
			o, err := s.openingOf(ctx, c.CaseID, c.AccountID)
			if err != nil {
				return err
			}
			reaching, cancel := context.WithTimeout(ctx, s.reach)
			defer cancel()
			_, err = s.temporal.ExecuteWorkflow(reaching, o.options, o.workflow, o.input)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// retell tells a case of a row, if the row is due, and counts it. A row that
// cannot be told is due again at the next sweep and does not keep the others
// waiting, unless several in a row are out of reach: then the pass ends.
func (s *Service) retell(id uuid.UUID, caseID string, count *int, tell func() error) error {
	if !s.told.due(id, s.now()) {
		return nil
	}
	err := tell()
	if err == nil {
		s.told.note(id, s.now())
		*count++
		return nil
	}
	if unreachable(err) && s.told.unreached() >= unreachedMost {
		return err
	}
	s.unreached(caseID, err)
	return nil
}

// unreachable reports whether err says that Temporal cannot be reached, rather
// than that it refused.
func unreachable(err error) bool {
	var away *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &away) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
}
