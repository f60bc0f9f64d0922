package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

// Ask is what a staff member says with a decision.
type Ask struct {
	AccountID  uuid.UUID
	ReasonCode string
	Reason     string // shown to the user
	Note       string // kept inside
	Until      *time.Time
	// AppealID is the appeal that is answered; nil for what answers none.
	AppealID *uuid.UUID
	// Key makes the request have one effect however often it is sent; nil
	// when the caller sent none.
	Key *store.IdempotencyKey
}

// Decided is a decision that is recorded.
type Decided struct {
	Decision store.Decision
	// Account is the account after the decision; meaningful when Done.
	Account store.AccountView
	// Done says that the decision was carried out. If not, it waits for a
	// worker, and will be carried out or visibly refused.
	Done bool
	// Replay is the answer that an earlier request with the same key was
	// given. The other fields are empty then.
	Replay *store.Answer
}

// order is an Ask for one kind of decision.
type order struct {
	Ask
	kind account.Action
}

// decide records a decision and waits for its case to carry it out. It returns
// fault.Conflict, with what was decided, by whom and when, if the account's
// state does not permit it, if another decision of the case is open, or if the
// case refused it.
func (s *Service) decide(ctx context.Context, by actor.Actor, o order) (Decided, error) {
	decision, replay, err := s.record(ctx, by, o)
	if err != nil || replay != nil {
		return Decided{Replay: replay}, err
	}
	if decision.Open() {
		decision = s.tellDecision(ctx, decision)
	}
	if decision.Open() {
		return Decided{Decision: decision}, nil
	}
	view, err := s.reader.Account(ctx, o.AccountID)
	if err != nil {
		return Decided{}, err
	}
	if decision.Outcome != cases.Applied {
		return Decided{}, s.refused(ctx, o, view.Account, decision)
	}
	return Decided{Decision: decision, Account: view, Done: true}, nil
}

// record writes the decision's row, or finds the one that the same key has
// written before.
func (s *Service) record(ctx context.Context, by actor.Actor, o order) (d store.Decision, replay *store.Answer, err error) {
	now := s.now()
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if o.Key != nil {
			claim, err := tx.ClaimKey(ctx, *o.Key, now)
			if err != nil {
				return err
			}
			if claim != nil {
				replay = claim.Answer
				d, err = tx.Reader().Decision(ctx, claim.DecisionID)
				return err
			}
		}
		// Whoever disables them waits until the decision is recorded, and finds it.
		staff, err := tx.HoldStaff(ctx, by.ID)
		if isNotFound(err) || err == nil && staff.Role != by.Role {
			return fault.New(fault.Forbidden, "You are no longer a member of staff who may do this.")
		}
		if err != nil {
			return err
		}
		if o.Until != nil && !o.Until.After(now) {
			return fault.InvalidFields(fault.Field{Field: "until", Code: "not_future", Detail: "Must be in the future."})
		}
		a, err := tx.LockAccount(ctx, o.AccountID)
		if err != nil {
			return err
		}
		if err := s.answers(ctx, tx.Reader(), a, o.Ask); err != nil {
			return err
		}
		if o.kind == account.Approve || o.kind == account.Reactivate {
			if err := notOwn(ctx, tx.Reader(), by, a.ID); err != nil {
				return err
			}
		}
		if o.kind == account.Erase {
			if err := erasable(ctx, tx.Reader(), a); err != nil {
				return s.withCurrent(ctx, tx.Reader(), a, err)
			}
		}
		caseID, notNow := caseFor(a, o.kind)
		if err := s.free(ctx, tx, a, caseID); err != nil {
			return err
		}
		if notNow == nil && o.kind == account.Approve {
			notNow = approvable(ctx, tx.Reader(), a)
		}
		if notNow != nil {
			return s.withCurrent(ctx, tx.Reader(), a, notNow)
		}
		d = store.Decision{
			ID: newID(), AccountID: a.ID, CaseID: caseID, Kind: o.kind, ReasonCode: o.ReasonCode, Reason: o.Reason,
			Note: o.Note, Until: o.Until, StaffID: staff.ID, StaffName: staff.Name, RequestID: by.RequestID, RequestedAt: now,
			AppealID: o.AppealID,
		}
		return s.insert(ctx, tx, by, a, d, o.Key)
	})
	return d, replay, err
}

// free returns fault.Conflict when the case has an open decision. With the
// account locked, nobody records one meanwhile.
func (s *Service) free(ctx context.Context, tx *store.Tx, a account.Account, caseID string) error {
	open, err := tx.Reader().OpenDecision(ctx, caseID)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return conflict(a, open, "Another decision on this account is being carried out.")
}

func (s *Service) insert(ctx context.Context, tx *store.Tx, by actor.Actor, a account.Account, d store.Decision, key *store.IdempotencyKey) error {
	if err := tx.InsertDecision(ctx, d); err != nil {
		return err
	}
	if err := begin(ctx, tx, d); err != nil {
		return err
	}
	if key != nil {
		if err := tx.BindKey(ctx, *key, d.ID); err != nil {
			return err
		}
	}
	return tx.AppendEvent(ctx, store.Event{
		At: d.RequestedAt, Actor: by, Action: string(d.Kind) + ".requested", Subject: "decision", SubjectID: d.ID.String(),
		AccountID: &a.ID, Before: map[string]any{"status": a.Status, "stage": a.Stage},
		ReasonCode: d.ReasonCode, DecisionID: &d.ID, WorkflowID: d.CaseID,
	})
}

// refused is the answer to a decision that its case did not carry out. The
// key, if any, may be used anew.
func (s *Service) refused(ctx context.Context, o order, a account.Account, d store.Decision) error {
	if o.Key != nil {
		if err := s.store.ForgetKey(ctx, *o.Key, d.ID); err != nil {
			return err
		}
	}
	if d.Outcome == cases.Lapsed {
		return conflict(a, d, "The decision lapsed before it was carried out.")
	}
	if d.OutcomeCode == cases.CodeUnproved {
		if err := approvable(ctx, s.reader, a); err != nil {
			return s.withCurrent(ctx, s.reader, a, err)
		}
	}
	return s.withCurrent(ctx, s.reader, a, fault.New(fault.Conflict, "An account that is %s does not permit %s.", a.State(), o.kind))
}

// Remember keeps the answer to the request with a key that has recorded the
// decision, so that a replay is given the same, and returns the answer to give:
// another request with the key may have been quicker. An answer that could not
// be kept must not be given. It returns the decision's refusal when the case
// has refused it since.
func (s *Service) Remember(ctx context.Context, key store.IdempotencyKey, decisionID uuid.UUID, answer store.Answer) (store.Answer, error) {
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	kept, err := s.store.Remember(ctx, key, decisionID, answer)
	if !isNotFound(err) {
		return kept, err
	}
	d, err := s.reader.Decision(ctx, decisionID)
	if err != nil {
		return store.Answer{}, err
	}
	if d.Kind == account.TopUp {
		return store.Answer{}, s.refusedTopUp(ctx, d, nil)
	}
	view, err := s.reader.Account(ctx, d.AccountID)
	if err != nil {
		return store.Answer{}, err
	}
	return store.Answer{}, s.refused(ctx, order{kind: d.Kind}, view.Account, d)
}
