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

// ContactChange is that a user wants to be reached in another way.
type ContactChange struct {
	Contact  account.Contact
	Value    string    // the new address or number, in any notation
	Password string    // the user's own
	Session  uuid.UUID // of the request, which goes on
}

// ChangeContact has the link or the code sent to the new address or phone of the
// user who asks. Nothing changes until that is proved. It returns fault.Invalid,
// naming email or phone, or current_password; fault.Taken, as at a registration,
// when another account has it; fault.RateLimited when too many were asked for.
func (s *Service) ChangeContact(ctx context.Context, by actor.Actor, c ContactChange) (store.ContactProof, error) {
	if err := itself(by); err != nil {
		return store.ContactProof{}, err
	}
	value, field := c.Contact.Parse(c.Value)
	if field != nil {
		return store.ContactProof{}, fault.InvalidFields(*field)
	}
	login, err := s.provePassword(ctx, by, c.Password)
	if err != nil {
		return store.ContactProof{}, err
	}
	p := store.ContactProof{ID: newID(), AccountID: by.ID, Contact: c.Contact, Value: value, Change: true, RequestedAt: s.now()}
	if c.Session != uuid.Nil {
		p.SessionID = &c.Session
	}
	if err := s.limit(ctx, s.sendings(by, p)...); err != nil {
		return store.ContactProof{}, err
	}
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		a, err := tx.LockAccount(ctx, by.ID)
		if err != nil {
			return err
		}
		now, err := tx.LockLogin(ctx, by.ID)
		if err != nil {
			return err
		}
		taken, err := tx.Reader().ContactTaken(ctx, by.ID, c.Contact, value)
		switch {
		case err != nil:
			return err
		case now.PasswordHash != login.PasswordHash || now.ResetRequired:
			return errCurrentPassword // it was changed in this moment
		case a.Contact(c.Contact) == value:
			return unchangedContact(c.Contact)
		case taken:
			return store.ErrTaken(c.Contact)
		}
		return s.askFor(ctx, tx, by, p)
	})
	if err != nil {
		return store.ContactProof{}, err
	}
	s.openNotification(ctx, cases.NotificationID(p.ID), p.AccountID)
	return p, nil
}

func unchangedContact(contact account.Contact) error {
	return fault.InvalidFields(fault.Field{Field: string(contact), Code: "unchanged", Detail: "Is the present one."})
}

// prove ends a proof as proved: the contact is verified, or takes the place of
// the account's own, which p says then. Of many who use a link or code at once,
// one succeeds.
func (s *Service) prove(ctx context.Context, tx *store.Tx, by actor.Actor, a account.Account, p *store.ContactProof) error {
	now := s.now()
	if err := tx.RedeemProof(ctx, p.ID, now); err != nil {
		return err
	}
	barred := a.Status == account.Suspended || a.BlockedBy != nil
	if !a.HasLogin() || p.Change && barred || !p.Change && a.Contact(p.Contact) != p.Value {
		return errProofBarred
	}
	e := proofEvent(by, *p, verifiedEvents[p.Contact])
	e.At = now
	if !p.Change {
		if err := tx.VerifyContact(ctx, a.ID, p.Contact, now); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, e)
	}
	told := newID() // a case of its own: that of the link or code may not have ended
	p.Previous, p.ToldBy = a.Contact(p.Contact), &told
	switch p.Contact {
	case account.ContactEmail:
		a.Email = p.Value
	case account.ContactPhone:
		a.Phone = p.Value
	}
	replaced, err := tx.ChangeContact(ctx, a, *p, now)
	if err != nil {
		return err
	}
	e.Action, e.WorkflowID = changedEvents[p.Contact], cases.NotificationID(*p.ToldBy)
	if err := tx.InsertNotices(ctx, changedNotices(*p, e)...); err != nil {
		return err
	}
	events := []store.Event{e}
	for _, reset := range replaced {
		events = append(events, store.Event{
			At: now, Actor: by, Action: "password_reset.replaced", Subject: "password_reset", SubjectID: reset.ID.String(),
			AccountID: &a.ID, WorkflowID: cases.PasswordResetID(reset.ID),
		})
	}
	return tx.AppendEvents(ctx, events...)
}

// What proofs and changes are called in the audit trail.
var (
	verifiedEvents = map[account.Contact]string{account.ContactEmail: "email.verified", account.ContactPhone: "phone.verified"}
	changedEvents  = map[account.Contact]string{account.ContactEmail: "email.changed", account.ContactPhone: "phone.changed"}
)

// errProofBarred is that the account does not permit what is proved. Whoever
// tries is told what they are told of a link or code that is over.
var errProofBarred = fault.New(fault.NotFound, "The account does not permit it.")

func changedNotices(p store.ContactProof, e store.Event) []store.Notice {
	var notices []store.Notice
	kind := string(p.Contact) + "_changed"
	for _, channel := range []string{store.Email, store.SMS} {
		notices = append(notices, store.Notice{
			ID: newID(), Key: kind + "/" + p.ID.String() + "/" + channel, AccountID: p.AccountID, CaseID: e.WorkflowID,
			Kind: kind, Channel: channel, CreatedAt: e.At,
		})
	}
	return notices
}

// proved ends what prove has begun: the old contact is told, and a change to what
// is taken by now is given up. spent is what a link or code that
// is over is refused with.
func (s *Service) proved(ctx context.Context, by actor.Actor, p store.ContactProof, err, spent error) error {
	switch {
	case err == nil && p.Change:
		s.openNotification(ctx, cases.NotificationID(*p.ToldBy), p.AccountID)
		return nil
	case isNotFound(err):
		return spent
	case !fault.Is(err, fault.Taken):
		return err
	}
	giving := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CloseProof(ctx, p.ID, store.ProofVoid, s.now()); err != nil {
			return err
		}
		e := proofEvent(by, p, string(p.Contact)+"_proof.void")
		e.At, e.ReasonCode = s.now(), string(fault.Taken)
		return tx.AppendEvent(ctx, e)
	})
	if giving != nil {
		return giving
	}
	return err
}

// approvable returns fault.Conflict when the policy in force makes the approval
// of an account wait for a contact to be proved.
func approvable(ctx context.Context, r *store.Reader, a account.Account) error {
	p, _, err := r.Policy(ctx)
	if err != nil {
		return err
	}
	unproved := p.Contacts.Unproved(a)
	if len(unproved) == 0 {
		return nil
	}
	return unprovedContacts(unproved)
}

// unprovedContacts is what an approval is refused with.
func unprovedContacts(unproved []account.Contact) error {
	refused := fault.New(fault.Conflict, "Approval requires that the applicant has confirmed more: see errors.")
	for _, contact := range unproved {
		refused.Fields = append(refused.Fields, fault.Field{
			Field: string(contact), Code: "unverified", Detail: "The applicant has not confirmed this " + nameOf(contact) + " yet.",
		})
	}
	return refused
}
