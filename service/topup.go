package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/domain/policy"
	"kibali/store"
)

// TopUp is what a staff member asks for with a top-up.
type TopUp struct {
	AccountID uuid.UUID
	Amount    int64 // credits; below zero only for an adjustment
	Reason    string
	Note      string // kept inside
	// Key makes the request have one effect however often it is sent. Required.
	Key *store.IdempotencyKey
}

// TopUp asks for credits to be added to an account, or taken away. More than the
// policy permits one person, in one top-up or in a day, waits for Countersign:
// it is not Done then. It returns
//
//	fault.Invalid              naming "amount", "reason" or "note"; "amount" also when the account could not hold it
//	fault.NotFound             there is no such account
//	fault.Forbidden            the account has the caller's own e-mail address
//	fault.Conflict             the account's status does not permit it
//	fault.InsufficientCredits  it would fall below zero
func (s *Service) TopUp(ctx context.Context, by actor.Actor, t TopUp) (Decided, error) {
	if err := permitted(by, actor.TopUp); err != nil {
		return Decided{}, err
	}
	if err := t.normalise(); err != nil {
		return Decided{}, err
	}
	d, replay, err := s.recordTopUp(ctx, by, t)
	if err != nil || replay != nil {
		return Decided{Replay: replay}, err
	}
	if d.Open() {
		d = s.tellDecision(ctx, d)
	}
	return s.decided(ctx, d, t.Key)
}

func (t *TopUp) normalise() error {
	bad := ledger.CheckTopUp("amount", t.Amount, ledger.Reason(t.Reason))
	if field := checkTopUpReason(t.Reason); field != nil {
		bad = append(bad, *field)
	}
	note, field := account.ParseNote(t.Note)
	if field != nil {
		bad = append(bad, *field)
	}
	t.Note = note
	return fault.InvalidFields(bad...)
}

func checkTopUpReason(reason string) *fault.Field {
	if slices.Contains(ledger.Reasons(), ledger.Reason(reason)) {
		return nil
	}
	return &fault.Field{Field: "reason", Code: "invalid", Detail: "Must be one of: complimentary, adjustment, refund."}
}

// recordTopUp writes the decision's row, or finds the one that the same key has
// written before.
func (s *Service) recordTopUp(ctx context.Context, by actor.Actor, t TopUp) (d store.Decision, replay *store.Answer, err error) {
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		claim, err := tx.ClaimKey(ctx, *t.Key, s.now())
		if err != nil {
			return err
		}
		if claim != nil {
			replay = claim.Answer
			d, err = tx.Reader().Decision(ctx, claim.DecisionID)
			return err
		}
		if d, err = s.newTopUp(ctx, tx, by, t.Amount, t.Reason, t.Note); err != nil {
			return err
		}
		d.AccountID = t.AccountID
		if err := s.mayBeToppedUp(ctx, tx, t); err != nil {
			return err
		}
		if err := notOwn(ctx, tx.Reader(), by, t.AccountID); err != nil {
			return err
		}
		return s.insertTopUp(ctx, tx, by, d, t.Key)
	})
	return d, replay, err
}

// mayBeToppedUp looks at the account ahead of the case: what cannot be carried
// out now is refused now.
func (s *Service) mayBeToppedUp(ctx context.Context, tx *store.Tx, t TopUp) error {
	view, err := tx.Reader().Account(ctx, t.AccountID)
	if err != nil {
		return err
	}
	if !ledger.TopUp.Permits(view.Status) {
		return s.notPermitted(ctx, tx.Reader(), view.Account)
	}
	usable := view.Balance.Available
	if ledger.Keeps(view.Status) {
		usable = view.Balance.Held
	}
	switch {
	case t.Amount < 0 && usable < -t.Amount:
		return insufficient(view.Balance)
	case t.Amount > ledger.Most-view.Balance.Total():
		return ledger.TooLarge("amount")
	}
	return nil
}

// notPermitted is the refusal of a top-up that the account's status does not
// permit.
func (s *Service) notPermitted(ctx context.Context, r *store.Reader, a account.Account) error {
	return s.withCurrent(ctx, r, a, fault.New(fault.Conflict, "An account that is %s does not permit %s.", a.State(), account.TopUp))
}

func insufficient(b ledger.Balance) error {
	return fault.New(fault.InsufficientCredits, "The account has too few credits.").With("available", b.Available).With("held", b.Held)
}

// newTopUp returns the decision of a top-up by a staff member, who is locked: of
// several that they ask for at once each counts those before it.
func (s *Service) newTopUp(ctx context.Context, tx *store.Tx, by actor.Actor, amount int64, reason, note string) (store.Decision, error) {
	staff, err := tx.LockStaff(ctx, by.ID)
	if isNotFound(err) || err == nil && staff.Role != by.Role {
		return store.Decision{}, fault.New(fault.Forbidden, "You are no longer a member of staff who may do this.")
	}
	if err != nil {
		return store.Decision{}, err
	}
	id, now := newID(), s.now()
	d := store.Decision{
		ID: id, CaseID: cases.TopUpID(id), Kind: account.TopUp, ReasonCode: reason, Note: note, Amount: amount,
		StaffID: staff.ID, StaffName: staff.Name, RequestID: by.RequestID, RequestedAt: now,
	}
	p, _, err := tx.Reader().Policy(ctx)
	if err != nil {
		return store.Decision{}, err
	}
	alone, err := tx.Reader().ToppedUpAlone(ctx, staff.ID, now)
	if err != nil {
		return store.Decision{}, err
	}
	if needsSignature(p.TopUps, alone, amount) {
		lapses := now.Add(time.Duration(p.TopUps.Signature))
		d.LapsesAt = &lapses
	}
	return d, nil
}

// needsSignature reports whether a top-up takes a second signature, of a staff
// member who has topped up so much alone.
func needsSignature(p policy.TopUps, alone, amount int64) bool {
	size := max(amount, -amount)
	return size > p.Alone || alone > p.Alone-size
}

func (s *Service) insertTopUp(ctx context.Context, tx *store.Tx, by actor.Actor, d store.Decision, key *store.IdempotencyKey) error {
	if err := tx.InsertDecision(ctx, d); err != nil {
		return err
	}
	if err := tx.BindKey(ctx, *key, d.ID); err != nil {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		At: d.RequestedAt, Actor: by, Action: string(account.TopUp) + ".requested", Subject: "decision", SubjectID: d.ID.String(),
		AccountID: orNone(d.AccountID), After: map[string]any{"amount": d.Amount, "second_signature": d.LapsesAt != nil},
		ReasonCode: d.ReasonCode, DecisionID: &d.ID, WorkflowID: d.CaseID,
	})
}

func orNone(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// decided is the answer about a top-up: how it ended, or that it waits.
func (s *Service) decided(ctx context.Context, d store.Decision, key *store.IdempotencyKey) (Decided, error) {
	if d.Open() {
		return Decided{Decision: d}, nil
	}
	if d.Outcome != cases.Applied {
		return Decided{}, s.refusedTopUp(ctx, d, key)
	}
	return s.carriedOut(ctx, d)
}

func (s *Service) carriedOut(ctx context.Context, d store.Decision) (Decided, error) {
	decided := Decided{Decision: d, Done: true}
	if d.AccountID == uuid.Nil {
		return decided, nil
	}
	var err error
	decided.Account, err = s.reader.Account(ctx, d.AccountID)
	return decided, err
}

// refusedTopUp is the answer to a top-up that was not posted. The key may be
// used anew.
func (s *Service) refusedTopUp(ctx context.Context, d store.Decision, key *store.IdempotencyKey) error {
	if key != nil {
		if err := s.store.ForgetKey(ctx, *key, d.ID); err != nil {
			return err
		}
	}
	switch d.OutcomeCode {
	case string(fault.InsufficientCredits):
		b, err := s.reader.Balance(ctx, d.AccountID)
		if err != nil {
			return err
		}
		return insufficient(b)
	case ledger.CodeTooLarge:
		return ledger.TooLarge("amount")
	case string(fault.Conflict):
		return s.unpostable(ctx, d)
	}
	return s.settledTopUp(ctx, s.reader, d)
}

// unpostable is the answer to a top-up whose account did not permit it any more
// when it was carried out, or to one of many of which that is so of every line.
func (s *Service) unpostable(ctx context.Context, d store.Decision) error {
	if d.AccountID == uuid.Nil {
		at := d.ClosedAt.UTC()
		return fault.New(fault.Conflict, "No line could be posted; see its report.").
			With("current", Current{Actor: &CurrentActor{Kind: actor.System}, DecidedAt: &at})
	}
	view, err := s.reader.Account(ctx, d.AccountID)
	if err != nil {
		return err
	}
	if ledger.TopUp.Permits(view.Status) {
		return s.withCurrent(ctx, s.reader, view.Account, fault.New(fault.Conflict, "The account did not permit %s when it was carried out.", account.TopUp))
	}
	return s.notPermitted(ctx, s.reader, view.Account)
}

// topUpOpening returns how the case of a top-up is opened.
func (s *Service) topUpOpening(ctx context.Context, caseID string) (opening, error) {
	id, err := uuid.Parse(strings.TrimPrefix(caseID, cases.TopUpPrefix))
	if err != nil {
		return opening{}, err
	}
	d, err := s.reader.Decision(ctx, id)
	if err != nil {
		return opening{}, err
	}
	pending, err := s.reader.NoticesOfDecision(ctx, d.ID)
	if err != nil {
		return opening{}, err
	}
	in := cases.TopUpInput{DecisionID: d.ID, Notices: owedBy(caseID, pending)}
	deadline := time.Time{}
	if d.Unsigned() {
		deadline = *d.LapsesAt
	}
	attributes := statusAttributes(cases.StatusOfTopUp(d.Outcome, deadline), deadline)
	if d.AccountID != uuid.Nil {
		view, err := s.reader.Account(ctx, d.AccountID)
		if err != nil {
			return opening{}, err
		}
		attributes = append(attributes, accountAttributes(view.Account)...)
	}
	return opening{options: startOptions(caseID, "Top-up "+d.ID.String(), attributes), workflow: cases.TopUp, input: in}, nil
}
