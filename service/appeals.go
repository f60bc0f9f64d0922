package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// appealTokenLife is how long a suspended user may take to write an appeal after
// the right password was given.
const appealTokenLife = 30 * time.Minute

// Appeal records what the user of a suspended account has to say against the
// suspension, and tells the case. It returns fault.Invalid naming "text", or
// fault.Conflict when the account is not suspended or an appeal is to be decided
// already. It succeeds without Temporal: the sweep tells the case then.
func (s *Service) Appeal(ctx context.Context, by actor.Actor, text string) (store.Appeal, error) {
	if err := itself(by); err != nil {
		return store.Appeal{}, err
	}
	text, field := account.ParseAppeal(text)
	if field != nil {
		return store.Appeal{}, fault.InvalidFields(*field)
	}
	now := s.now()
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return store.Appeal{}, err
	}
	remind, escalate, err := p.AppealDeadlines(now)
	if err != nil {
		return store.Appeal{}, err
	}
	appeal := store.Appeal{ID: newID(), AccountID: by.ID, Text: text, MadeAt: now, RemindAt: remind, EscalateAt: escalate}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, by.ID)
		if err != nil {
			return err
		}
		suspension, err := s.appealable(ctx, tx.Reader(), a)
		if err != nil {
			return err
		}
		appeal.DecisionID = suspension
		if err := tx.InsertAppeal(ctx, appeal); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "appeal.made", Subject: "appeal", SubjectID: appeal.ID.String(), AccountID: &a.ID,
			DecisionID: &suspension, WorkflowID: cases.SuspensionID(a.ID),
		})
	})
	if err != nil {
		return store.Appeal{}, err
	}
	if err := s.tellAppeal(ctx, appeal); err != nil {
		s.unreached(cases.SuspensionID(appeal.AccountID), err)
	}
	return appeal, nil
}

// appealable returns the decision to suspend that may be appealed against: the
// one in force, or one that is on its way.
func (s *Service) appealable(ctx context.Context, r *store.Reader, a account.Account) (uuid.UUID, error) {
	switch _, err := r.OpenAppeal(ctx, a.ID); {
	case err == nil:
		return uuid.Nil, s.withCurrent(ctx, r, a, fault.New(fault.Conflict, "An appeal is being looked at already."))
	case !isNotFound(err):
		return uuid.Nil, err
	}
	switch {
	case a.Status == account.Suspended && a.DecidedBy != nil:
		return *a.DecidedBy, nil
	case a.BlockedBy != nil:
		return *a.BlockedBy, nil
	}
	return uuid.Nil, s.withCurrent(ctx, r, a, fault.New(fault.Conflict, "An account that is not suspended has nothing to appeal against."))
}

// tellAppeal tells a case that an appeal waits to be taken up.
func (s *Service) tellAppeal(ctx context.Context, a store.Appeal) error {
	return s.signal(ctx, cases.SuspensionID(a.AccountID), a.AccountID, cases.AppealMade, cases.Appeal{AppealID: a.ID})
}

// GrantAppeal reactivates a suspended account because its appeal is granted. It
// returns fault.NotFound when the account has no such appeal; see decide for the
// other errors.
func (s *Service) GrantAppeal(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.access(ctx, by, ask, account.Reactivate)
}

// DismissAppeal dismisses the appeal of a suspended account, with a reason that
// the user is told. The suspension goes on. It returns what GrantAppeal returns.
func (s *Service) DismissAppeal(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.access(ctx, by, ask, account.DismissAppeal)
}

// answers returns fault.NotFound unless the ask answers an appeal of its
// account, and fault.Conflict when that appeal is settled.
func (s *Service) answers(ctx context.Context, r *store.Reader, a account.Account, ask Ask) error {
	if ask.AppealID == nil {
		return nil
	}
	appeal, err := r.Appeal(ctx, *ask.AppealID)
	if err != nil {
		return err
	}
	if appeal.AccountID != a.ID {
		return fault.New(fault.NotFound, "There is no such appeal.")
	}
	if appeal.Open() {
		return nil
	}
	refused := fault.New(fault.Conflict, "The appeal is settled.")
	if appeal.ClosedBy == nil {
		return s.withCurrent(ctx, r, a, refused)
	}
	d, err := r.Decision(ctx, *appeal.ClosedBy)
	if err != nil {
		return err
	}
	return refused.With("current", currentOf(a, d))
}

// withAppealToken adds to the refusal of a suspended user's login what the user
// may appeal with, and since when an appeal is being looked at.
func (s *Service) withAppealToken(ctx context.Context, by actor.Actor, accountID uuid.UUID, refused error) error {
	suspended := fault.As(refused)
	if suspended == nil || suspended.Code != fault.AccountSuspended {
		return refused
	}
	by.Kind, by.ID = actor.Account, accountID
	now := s.now()
	token, hash := identity.NewToken(identity.AppealToken)
	session := store.Session{
		ID: newID(), AccountID: accountID, Purpose: store.PurposeAppeal, Hash: hash, CreatedAt: now, Idle: appealTokenLife, ExpiresAt: now.Add(appealTokenLife),
	}
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertSession(ctx, session); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "appeal.permitted", Subject: "session", SubjectID: session.ID.String(), AccountID: &accountID,
		})
	})
	if err != nil {
		return err
	}
	suspended = suspended.With("appeal_token", token).With("appealed_at", nil)
	appeal, err := s.reader.OpenAppeal(ctx, accountID)
	if err == nil {
		suspended = suspended.With("appealed_at", appeal.MadeAt.UTC())
	}
	if err != nil && !isNotFound(err) {
		return err
	}
	return suspended
}
