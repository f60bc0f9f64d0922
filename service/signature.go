package service

import (
	"context"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/store"
)

// Sign is what a second person says to a top-up.
type Sign struct {
	DecisionID uuid.UUID
	Note       string // kept inside
	// Key makes the request have one effect however often it is sent; nil
	// when the caller sent none.
	Key *store.IdempotencyKey
}

// Countersign puts the second signature under a top-up, which is posted then. It
// returns
//
//	fault.NotFound   there is no such decision
//	fault.Forbidden  the caller may not top up, asked for it themselves, or has the account's e-mail address
//	fault.Conflict   with what was decided, by whom and when: the decision waits for no signature, or no longer
//
// and what TopUp returns when the ledger does not permit it any more.
func (s *Service) Countersign(ctx context.Context, by actor.Actor, sign Sign) (Decided, error) {
	return s.sign(ctx, by, sign, account.Countersign)
}

// Decline refuses to sign a top-up, which ends refused then. Who asked for it may
// take it back that way. It returns what Countersign returns.
func (s *Service) Decline(ctx context.Context, by actor.Actor, sign Sign) (Decided, error) {
	return s.sign(ctx, by, sign, account.Decline)
}

func (s *Service) sign(ctx context.Context, by actor.Actor, sign Sign, kind account.Action) (Decided, error) {
	if err := permitted(by, actor.TopUp); err != nil {
		return Decided{}, err
	}
	note, field := account.ParseNote(sign.Note)
	if field != nil {
		return Decided{}, fault.InvalidFields(*field)
	}
	sign.Note = note
	d, replay, err := s.recordSignature(ctx, by, sign, kind)
	if err != nil || replay != nil {
		return Decided{Replay: replay}, err
	}
	if d.Open() {
		d = s.tellDecision(ctx, d)
	}
	if d.Outcome == cases.Refused && d.OutcomeCode == store.CodeDeclined && kind == account.Decline {
		return s.carriedOut(ctx, d)
	}
	return s.decided(ctx, d, sign.Key)
}

// recordSignature writes what a second person says into the decision's row, or
// finds what the same key has written before.
func (s *Service) recordSignature(ctx context.Context, by actor.Actor, sign Sign, kind account.Action) (d store.Decision, replay *store.Answer, err error) {
	now := s.now()
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if sign.Key != nil {
			claim, err := tx.ClaimKey(ctx, *sign.Key, now)
			if err != nil {
				return err
			}
			if claim != nil {
				replay = claim.Answer
				d, err = tx.Reader().Decision(ctx, claim.DecisionID)
				return err
			}
		}
		if _, err := tx.Reader().Staff(ctx, by.ID); isNotFound(err) {
			return fault.New(fault.Forbidden, "You are no longer a member of staff.")
		} else if err != nil {
			return err
		}
		if d, err = tx.LockDecision(ctx, sign.DecisionID); err != nil {
			return err
		}
		if kind == account.Countersign && d.Kind == account.TopUp {
			if d.StaffID == by.ID {
				return fault.New(fault.Forbidden, "Nobody signs their own top-up.")
			}
			if err := notOwnTopUp(ctx, tx.Reader(), by, d); err != nil {
				return err
			}
		}
		if !d.Unsigned() || !now.Before(*d.LapsesAt) {
			return s.settledTopUp(ctx, tx.Reader(), d)
		}
		return s.writeSignature(ctx, tx, by, store.Signature{DecisionID: d.ID, Kind: kind, StaffID: by.ID, Note: sign.Note, At: now}, &d, sign.Key)
	})
	return d, replay, err
}

// pastSignature is the audit event of each kind of signature.
var pastSignature = map[account.Action]string{
	account.Countersign: string(account.TopUp) + ".countersigned",
	account.Decline:     string(account.TopUp) + ".declined",
}

func (s *Service) writeSignature(ctx context.Context, tx *store.Tx, by actor.Actor, signature store.Signature, d *store.Decision, key *store.IdempotencyKey) error {
	if err := tx.SignDecision(ctx, signature); err != nil {
		return err
	}
	if key != nil {
		if err := tx.BindKey(ctx, *key, d.ID); err != nil {
			return err
		}
	}
	err := tx.AppendEvent(ctx, store.Event{
		At: signature.At, Actor: by, Action: pastSignature[signature.Kind], Subject: "decision", SubjectID: d.ID.String(),
		AccountID: orNone(d.AccountID), ReasonCode: d.ReasonCode, DecisionID: &d.ID, WorkflowID: d.CaseID,
	})
	if err != nil {
		return err
	}
	*d, err = tx.Reader().Decision(ctx, d.ID)
	return err
}

// settledTopUp is the answer to a signature that comes too late or is not asked
// for: what has become of the decision, by whom and when.
func (s *Service) settledTopUp(ctx context.Context, r *store.Reader, d store.Decision) error {
	refused := fault.New(fault.Conflict, "This decision waits for no second signature.")
	if d.Kind != account.TopUp {
		view, err := r.Account(ctx, d.AccountID)
		if err != nil {
			return err
		}
		return refused.With("current", currentOf(view.Account, d))
	}
	current := Current{Action: d.Kind, Pending: d.Open(), Actor: &CurrentActor{Kind: actor.Staff, ID: &d.StaffID, Name: d.StaffName}}
	at := d.RequestedAt
	switch {
	case d.Signature != "":
		refused.Message = "This top-up has been signed or declined already."
		current.Action, at = d.Signature, *d.SignedAt
		current.Actor = &CurrentActor{Kind: actor.Staff, ID: d.SignedBy, Name: d.SignedByName}
	case d.LapsesAt != nil:
		refused.Message = "The time for a second signature has passed."
		current.Action, at, current.Actor = "lapse", *d.LapsesAt, &CurrentActor{Kind: actor.System}
	}
	if d.Outcome == cases.Lapsed && d.OutcomeCode != store.CodeUnsigned {
		refused.Message = "The decision lapsed before it was carried out."
		current.Action, current.Actor = "lapse", &CurrentActor{Kind: actor.System}
	}
	if d.ClosedAt != nil {
		at = *d.ClosedAt
	}
	at = at.UTC()
	current.DecidedAt = &at
	if d.AccountID != uuid.Nil {
		view, err := r.Account(ctx, d.AccountID)
		if err != nil {
			return err
		}
		current.Status, current.Stage = view.Status, view.Stage
	}
	return refused.With("current", current)
}
