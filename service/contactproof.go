package service

import (
	"context"
	"crypto/subtle"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// AskProof has the link or the code sent that proves an e-mail address or phone
// of the user who asks: the one that a change waits for, or else the account's
// own. It takes the place of what was sent before, and returns what is to be
// proved; fault.Conflict when there is nothing to prove, fault.RateLimited when
// too many were asked for. It succeeds without Temporal: the sweep opens the case.
func (s *Service) AskProof(ctx context.Context, by actor.Actor, contact account.Contact) (store.ContactProof, error) {
	if err := itself(by); err != nil {
		return store.ContactProof{}, err
	}
	p, err := s.toProve(ctx, by.ID, contact)
	if err != nil {
		return p, err
	}
	if err := s.limit(ctx, s.sendings(by, p)...); err != nil {
		return p, err
	}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, by.ID)
		if err != nil {
			return err
		}
		if err := stillToProve(ctx, tx.Reader(), a, p); err != nil {
			return err
		}
		return s.askFor(ctx, tx, by, p)
	})
	if err != nil {
		return p, err
	}
	s.openNotification(ctx, cases.NotificationID(p.ID), p.AccountID)
	return p, nil
}

var errProofGone = fault.New(fault.Conflict, "Something else is to be proved by now. Look again.")

// stillToProve returns errProofGone when what was read before the account was
// locked is to be proved no more: it was proved or given up, or is to become
// another one since. That change is not replaced by what was meant for the other.
func stillToProve(ctx context.Context, r *store.Reader, a account.Account, p store.ContactProof) error {
	open, err := r.OpenProof(ctx, a.ID, p.Contact)
	if err != nil && !isNotFound(err) {
		return err
	}
	still := open.Change == p.Change
	if p.Change {
		still = still && open.Value == p.Value
	} else {
		still = still && a.Contact(p.Contact) == p.Value && !a.Verified(p.Contact)
	}
	if !still {
		return errProofGone
	}
	return nil
}

// toProve returns what the user of an account has to prove of a contact.
func (s *Service) toProve(ctx context.Context, accountID uuid.UUID, contact account.Contact) (store.ContactProof, error) {
	p := store.ContactProof{ID: newID(), AccountID: accountID, Contact: contact, RequestedAt: s.now()}
	open, err := s.reader.OpenProof(ctx, accountID, contact)
	if err == nil && open.Change {
		p.Change, p.Value, p.SessionID = true, open.Value, open.SessionID
		return p, nil
	}
	if err != nil && !isNotFound(err) {
		return p, err
	}
	view, err := s.reader.Account(ctx, accountID)
	if err == nil && view.Verified(contact) {
		err = fault.New(fault.Conflict, "This %s is confirmed already.", nameOf(contact))
	}
	p.Value = view.Contact(contact)
	return p, err
}

func nameOf(contact account.Contact) string {
	if contact == account.ContactPhone {
		return "phone"
	}
	return "e-mail address"
}

// askFor records that a contact is to be proved, and owes what proves it.
func (s *Service) askFor(ctx context.Context, tx *store.Tx, by actor.Actor, p store.ContactProof) error {
	if err := tx.InsertProof(ctx, p); err != nil {
		return err
	}
	kind, channel := "email_proof", store.Email
	if p.Contact == account.ContactPhone {
		kind, channel = "phone_proof", store.SMS
	}
	err := tx.InsertNotices(ctx, store.Notice{
		ID: newID(), Key: kind + "/" + p.ID.String(), AccountID: p.AccountID, CaseID: cases.NotificationID(p.ID),
		Kind: kind, Channel: channel, CreatedAt: p.RequestedAt,
	})
	if err != nil {
		return err
	}
	e := proofEvent(by, p, kind+".requested")
	e.At, e.After = p.RequestedAt, map[string]any{"change": p.Change}
	return tx.AppendEvent(ctx, e)
}

// proofEvent is something that happened to a proof.
func proofEvent(by actor.Actor, p store.ContactProof, action string) store.Event {
	return store.Event{
		Actor: by, Action: action, Subject: "contact_proof", SubjectID: p.ID.String(), AccountID: &p.AccountID,
		WorkflowID: cases.NotificationID(p.ID),
	}
}

// CompleteEmailProof uses the link up that proves an e-mail address: it is
// verified from then on, or takes the place of the account's own, which is told.
// It returns fault.Invalid, naming token, when the link is not good (unknown,
// expired, used, replaced: nobody is told which), and fault.Taken when another
// account has the address by now.
func (s *Service) CompleteEmailProof(ctx context.Context, by actor.Actor, token string) error {
	if err := s.limit(ctx, use{s.limits.ProofAddress, whatProofUse, []string{from(by)}}); err != nil {
		return err
	}
	p, err := s.reader.ProofByToken(ctx, identity.HashToken(token))
	if isNotFound(err) {
		return errLinkSpent
	}
	if err != nil {
		return err
	}
	by.Kind, by.ID = actor.Account, p.AccountID
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, p.AccountID)
		if err != nil {
			return err
		}
		return s.prove(ctx, tx, by, a, &p)
	})
	return s.proved(ctx, by, p, err, errLinkSpent)
}

// ConfirmPhone tries the code that was sent to the phone of the user who asks, or
// to the one that takes its place. It returns fault.Invalid, naming code, when it
// is not right, when it is over, or when too many were tried: another one must be
// asked for then. A try counts on every replica, whatever comes of it.
func (s *Service) ConfirmPhone(ctx context.Context, by actor.Actor, code string) (store.AccountView, error) {
	if err := itself(by); err != nil {
		return store.AccountView{}, err
	}
	digits, field := account.ParseCode(code)
	if field != nil {
		return store.AccountView{}, fault.InvalidFields(*field)
	}
	if err := s.limit(ctx, use{s.limits.ProofAddress, whatProofUse, []string{from(by)}}); err != nil {
		return store.AccountView{}, err
	}
	p, err := s.reader.OpenProof(ctx, by.ID, account.ContactPhone)
	if isNotFound(err) {
		return store.AccountView{}, errCodeSpent
	}
	if err != nil {
		return store.AccountView{}, err
	}
	var wrong error
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, by.ID)
		if err != nil {
			return err
		}
		hash, tries, err := tx.TryCode(ctx, p.ID, s.now())
		if isNotFound(err) {
			return errCodeSpent
		}
		if err != nil {
			return err
		}
		tried := s.links.HashCode(p.ID, digits)
		if subtle.ConstantTimeCompare(hash[:], tried[:]) == 1 {
			return s.prove(ctx, tx, by, a, &p)
		}
		// The try is committed: it counts.
		wrong = wrongDigits(account.CodeTries - tries)
		return s.countWrong(ctx, tx, by, p, tries)
	})
	if err == nil && wrong != nil {
		return store.AccountView{}, wrong
	}
	if err := s.proved(ctx, by, p, err, errCodeSpent); err != nil {
		return store.AccountView{}, err
	}
	return s.reader.Account(ctx, by.ID)
}

var errCodeSpent = fault.InvalidFields(fault.Field{
	Field: "code", Code: "expired", Detail: "There is no code that is good any more. Ask for another.",
})

func wrongDigits(left int) error {
	if left == 0 {
		return fault.InvalidFields(fault.Field{Field: "code", Code: "exhausted", Detail: "Is not the code, and was the last try. Ask for another code."})
	}
	return fault.InvalidFields(fault.Field{Field: "code", Code: "wrong", Detail: "Is not the code of the newest SMS.", Limit: left})
}

// countWrong records that a wrong code was tried, and ends the proof with the
// last try.
func (s *Service) countWrong(ctx context.Context, tx *store.Tx, by actor.Actor, p store.ContactProof, tries int) error {
	e := proofEvent(by, p, "phone_proof.refused")
	e.At, e.After = s.now(), map[string]any{"tries": tries}
	if err := tx.AppendEvent(ctx, e); err != nil || tries < account.CodeTries {
		return err
	}
	return tx.CloseProof(ctx, p.ID, store.ProofExhausted, s.now())
}
