package activities

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

// proofLetter makes the letter of a link or a code one, to where that is to be
// proved, or one that will never be sent when it is good no more. The token or
// code leaves this activity in the letter only; a repetition makes the same one.
func (a *Activities) proofLetter(ctx context.Context, l letter, notice store.Notice) (letter, error) {
	p, good, err := a.issueProof(ctx, cases.NotificationOf(notice.CaseID), notice.CaseID)
	if err != nil {
		return letter{}, err
	}
	if !good {
		return letter{failure: failureObsolete}, nil
	}
	l.data.Deadline, l.data.Link = p.ExpiresAt, ""
	if p.Contact == account.ContactPhone {
		l.phone, l.data.Code = p.Value, a.links.Code(p.ID)
		return l, nil
	}
	l.email, l.data.Link = p.Value, a.proofLink(p)
	return l, nil
}

// receivedLetter makes the e-mail that an application has arrived prove the
// address that it goes to, unless that was proved meanwhile.
func (a *Activities) receivedLetter(ctx context.Context, l letter, notice store.Notice) (letter, error) {
	open, err := a.reader.OpenProof(ctx, notice.AccountID, account.ContactEmail)
	if fault.Is(err, fault.NotFound) || err == nil && open.Change {
		return l, nil
	}
	if err != nil {
		return letter{}, err
	}
	p, good, err := a.issueProof(ctx, open.ID, cases.RegistrationID(notice.AccountID))
	if err != nil || !good {
		return l, err
	}
	if link := a.proofLink(p); link != "" {
		l.data.Link, l.data.Proves = link, true
	}
	return l, nil
}

func (a *Activities) proofLink(p store.ContactProof) string {
	return a.sender.Link("/verify-email/" + a.links.Token(identity.EmailToken, p.ID))
}

// issueProof takes up that a contact is to be proved: it makes the link's token
// or the code and keeps its hash. The time that it is good for begins with the
// first attempt to send it, in a letter of the case that is named. It reports
// false when it is good no more.
func (a *Activities) issueProof(ctx context.Context, id uuid.UUID, caseID string) (p store.ContactProof, good bool, err error) {
	found, err := a.reader.ContactProof(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return p, false, nil // it was forgotten
	}
	if err != nil {
		return p, false, err
	}
	err = a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		acc, err := tx.LockAccount(ctx, found.AccountID)
		if err != nil {
			return err
		}
		if p, err = tx.LockProof(ctx, id); err != nil {
			return err
		}
		now := a.now()
		if good = acc.HasLogin() && !p.Over(now); !good {
			return nil
		}
		return a.issueIn(ctx, tx, &p, caseID, now)
	})
	return p, good && err == nil, err
}

// issueIn writes what is sent. Of what was sent before, it renews the hash: the
// key may have been changed before it arrived.
func (a *Activities) issueIn(ctx context.Context, tx *store.Tx, p *store.ContactProof, caseID string, now time.Time) error {
	hash, life := a.links.HashCode(p.ID, a.links.Code(p.ID)), account.CodeLife
	if p.Contact == account.ContactEmail {
		policy, _, err := tx.Reader().Policy(ctx)
		if err != nil {
			return err
		}
		hash, life = identity.HashToken(a.links.Token(identity.EmailToken, p.ID)), time.Duration(policy.Contacts.EmailLink)
	}
	first := p.IssuedAt == nil
	if first {
		expires := now.Add(life)
		p.IssuedAt, p.ExpiresAt = &now, &expires
	}
	if err := tx.IssueProof(ctx, *p, hash); err != nil || !first {
		return err
	}
	return tx.AppendEvent(ctx, store.Event{
		At: now, Actor: actor.Actor{Kind: actor.System}, Action: string(p.Contact) + "_proof.issued",
		Subject: "contact_proof", SubjectID: p.ID.String(), AccountID: &p.AccountID, WorkflowID: caseID,
		After: map[string]any{"change": p.Change, "expires_at": p.ExpiresAt.UTC()},
	})
}

// changedLetter makes the letter that tells of another address or number one to
// the old one, and by the other contact as well.
func (a *Activities) changedLetter(ctx context.Context, l letter, notice store.Notice) (letter, error) {
	p, err := a.reader.ProofToldBy(ctx, cases.NotificationOf(notice.CaseID))
	if fault.Is(err, fault.NotFound) {
		return letter{failure: failureObsolete}, nil
	}
	if err != nil {
		return letter{}, err
	}
	switch p.Contact {
	case account.ContactEmail:
		l.email = p.Previous
	case account.ContactPhone:
		l.phone, l.data.Link = p.Previous, a.sender.Link("/forgot-password")
	}
	return l, nil
}
