package activities

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/letters"
	"kibali/notify"
	"kibali/store"
)

// SettleTopUp takes a top-up as far as its decision's row permits, and says how
// far that is. It posts one that needs no second signature or has it, closes one
// that was declined, lets one lapse whose time is over, and leaves one that
// waits for a signature waiting. A top-up that is settled already is left as it
// is. What the ledger does not permit is refused, with a code that says why. It
// returns fault.NotFound when there is no such decision.
func (a *Activities) SettleTopUp(ctx context.Context, step cases.TopUpStep) (cases.TopUpOutcome, error) {
	var o cases.TopUpOutcome
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		settling := topUpSettling{Activities: a, tx: tx}
		if err := settling.lock(ctx, step.DecisionID); err != nil {
			return err
		}
		if settling.decision.Open() {
			if err := settling.settle(ctx, step.Over); err != nil {
				return err
			}
		}
		var err error
		o, err = settling.outcome(ctx)
		return err
	})
	return o, err
}

// lock takes the rows in hand: the accounts before the decision.
func (s *topUpSettling) lock(ctx context.Context, id uuid.UUID) error {
	d, err := s.tx.Reader().Decision(ctx, id)
	if err != nil {
		return err
	}
	ids := []uuid.UUID{d.AccountID}
	if d.AccountID == uuid.Nil {
		if s.lines, err = s.tx.Reader().TopUpLines(ctx, id, 0, 0); err != nil {
			return err
		}
		ids = ids[:0]
		for _, line := range s.lines {
			ids = append(ids, line.AccountID)
		}
	}
	if err := s.tx.HoldAccounts(ctx, ids); err != nil {
		return err
	}
	s.decision, err = s.tx.LockDecision(ctx, id)
	return err
}

// topUpSettling is a top-up in hand: its rows are locked.
type topUpSettling struct {
	*Activities
	tx       *store.Tx
	decision store.Decision
	lines    []store.TopUpLine // of a bulk
}

func (s *topUpSettling) settle(ctx context.Context, over bool) error {
	switch d := s.decision; {
	case d.Signature == account.Decline:
		return s.end(ctx, cases.Refused, store.CodeDeclined, *d.SignedBy)
	case d.LapsesAt != nil && d.Signature == "" && over:
		return s.end(ctx, cases.Lapsed, store.CodeUnsigned, uuid.Nil)
	case d.LapsesAt != nil && d.Signature == "":
		return s.await(ctx)
	case d.AccountID == uuid.Nil:
		return s.postAll(ctx)
	default:
		return s.post(ctx)
	}
}

// post moves the credits, and writes everything that belongs to it.
func (s *topUpSettling) post(ctx context.Context) error {
	d, now := s.decision, s.now()
	role, err := s.tx.Reader().DecisionRole(ctx, d)
	if err != nil {
		return err
	}
	by := actor.Actor{Kind: actor.Staff, ID: d.StaffID, Role: role, RequestID: d.RequestID}
	posted, err := s.tx.TopUp(ctx, store.Posting{
		ID: newID(), Request: store.TopUpRequest(d.ID, d.AccountID), AccountID: d.AccountID, Amount: d.Amount,
		Reason: ledger.Reason(d.ReasonCode), DecisionID: &d.ID, Actor: by, At: now,
	})
	if refused := fault.As(err); refused != nil {
		return s.end(ctx, cases.Refused, refusalCode(refused), uuid.Nil)
	}
	if err != nil {
		return err
	}
	if err := s.tx.CloseDecision(ctx, d.ID, cases.Applied, "", now); err != nil {
		return err
	}
	if err := s.tx.AppendEvent(ctx, s.posted(by, store.TopUpLine{AccountID: d.AccountID, Amount: d.Amount}, posted)); err != nil {
		return err
	}
	return s.owe(ctx, letters.KindOfTopUp(d.Amount))
}

// refusalCode is what the decision keeps of the ledger's refusal.
func refusalCode(refused *fault.Error) string {
	if len(refused.Fields) > 0 {
		return refused.Fields[0].Code
	}
	return string(refused.Code)
}

// owe records that the user is told, in every channel.
func (s *topUpSettling) owe(ctx context.Context, kind notify.Kind) error {
	var notices []store.Notice
	for _, channel := range []string{store.Email, store.SMS} {
		notices = append(notices, store.Notice{
			ID: newID(), Key: strings.Join([]string{string(kind), s.decision.ID.String(), channel}, "/"), AccountID: s.decision.AccountID,
			DecisionID: &s.decision.ID, Kind: string(kind), Channel: channel, CreatedAt: s.now(),
		})
	}
	return s.tx.InsertNotices(ctx, notices...)
}

// await leaves the top-up waiting, and tells those who may sign it, once.
func (s *topUpSettling) await(ctx context.Context) error {
	d := s.decision
	if d.AwaitingSince != nil {
		return nil
	}
	about := d.AccountID
	if len(s.lines) > 0 {
		about = s.lines[0].AccountID // a notice is about an account; it does not name this one
	}
	var notices []store.Notice
	for _, role := range []actor.Role{actor.Finance, actor.Admin} {
		staff, err := s.tx.Reader().StaffOfRole(ctx, role)
		if err != nil {
			return err
		}
		for _, member := range staff {
			if member.ID == d.StaffID {
				continue
			}
			notices = append(notices, store.Notice{
				ID: newID(), Key: strings.Join([]string{string(notify.TopUpUnsigned), d.ID.String(), member.ID.String()}, "/"),
				AccountID: about, StaffID: &member.ID, DecisionID: &d.ID, Kind: string(notify.TopUpUnsigned), Channel: store.Email,
				CreatedAt: s.now(),
			})
		}
	}
	if err := s.tx.InsertNotices(ctx, notices...); err != nil {
		return err
	}
	return s.tx.AwaitSignature(ctx, d.ID, s.now())
}

// end closes a top-up that is not posted. by is who said so, or nil.
func (s *topUpSettling) end(ctx context.Context, result cases.Result, code string, by uuid.UUID) error {
	d, now := s.decision, s.now()
	if err := s.tx.CloseDecision(ctx, d.ID, result, code, now); err != nil {
		return err
	}
	who := actor.Actor{Kind: actor.System}
	if by != uuid.Nil {
		signer, err := s.tx.Reader().Staff(ctx, by)
		if err != nil {
			return err
		}
		who = actor.Actor{Kind: actor.Staff, ID: by, Role: signer.Role}
	}
	return s.tx.AppendEvent(ctx, store.Event{
		At: now, Actor: who, Action: string(account.TopUp) + "." + string(result), Subject: "decision", SubjectID: d.ID.String(),
		AccountID: orNone(d.AccountID), After: map[string]any{"code": code, "amount": d.Amount}, ReasonCode: d.ReasonCode,
		DecisionID: &d.ID, WorkflowID: d.CaseID,
	})
}

// outcome is what the case is told: how far the top-up is, and everything that
// is owed because of it.
func (s *topUpSettling) outcome(ctx context.Context) (cases.TopUpOutcome, error) {
	d, err := s.tx.Reader().Decision(ctx, s.decision.ID)
	if err != nil {
		return cases.TopUpOutcome{}, err
	}
	o := cases.TopUpOutcome{Result: d.Outcome, Code: d.OutcomeCode}
	switch {
	case d.Open():
		o.Result, o.LapsesAt = cases.Waiting, toInstant(*d.LapsesAt)
	case d.SignedBy != nil:
		o.ActorID = *d.SignedBy
	case d.Outcome == cases.Applied:
		o.ActorID = d.StaffID
	}
	pending, err := s.tx.Reader().NoticesOfDecision(ctx, d.ID)
	if err != nil {
		return cases.TopUpOutcome{}, err
	}
	for _, n := range pending {
		o.Notices = append(o.Notices, cases.Notice{NoticeID: n.ID, Channel: n.Channel, Kind: n.Kind})
	}
	return o, nil
}

func orNone(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
