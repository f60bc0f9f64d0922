package service

import (
	"context"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// AskReset records that somebody wants another password for an e-mail, and
// opens the case that mails the link. It does the same whether or not anybody
// has the e-mail. It returns fault.Invalid for what is no e-mail. It succeeds
// without Temporal: the case is then opened by the sweep.
func (s *Service) AskReset(ctx context.Context, by actor.Actor, email string) error {
	address, field := account.ParseEmail(email)
	if field != nil {
		return fault.InvalidFields(*field)
	}
	if err := s.limit(ctx, use{s.limits.ResetAddress, whatReset, []string{from(by)}}); err != nil {
		return err
	}
	reset := store.PasswordReset{ID: newID(), Email: address, RequestedAt: s.now()}
	by.Kind, by.ID = actor.Account, uuid.Nil
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertReset(ctx, reset); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: reset.RequestedAt, Actor: by, Action: "password_reset.asked", Subject: "password_reset", SubjectID: reset.ID.String(),
			WorkflowID: cases.PasswordResetID(reset.ID),
		})
	})
	if err != nil {
		return err
	}
	if err := s.openReset(ctx, reset); err != nil {
		s.unreached(cases.PasswordResetID(reset.ID), err)
	}
	return nil
}

// openReset starts the case of a request, unless it is there.
func (s *Service) openReset(ctx context.Context, reset store.PasswordReset) error {
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	o, err := s.openingOfReset(ctx, reset)
	if err == nil {
		_, err = s.temporal.ExecuteWorkflow(ctx, o.options, o.workflow, o.input)
	}
	return err
}

// openingOfReset returns how the case of a request is opened. A request that was
// forced says whose it is; of another one nobody knows yet.
func (s *Service) openingOfReset(ctx context.Context, reset store.PasswordReset) (opening, error) {
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return opening{}, err
	}
	input := cases.PasswordResetInput{ResetID: reset.ID, Patience: time.Duration(p.ResetLink)}
	attributes := []temporal.SearchAttributeUpdate{caseStatus.ValueSet(cases.StatusPending)}
	if reset.DecisionID != nil {
		input.DecisionID = *reset.DecisionID
		attributes = append(attributes, caseAccount.ValueSet(reset.AccountID.String()))
	}
	return opening{
		options:  startOptions(cases.PasswordResetID(reset.ID), "Password reset "+reset.ID.String(), attributes),
		workflow: cases.PasswordReset, input: input,
	}, nil
}

// CompleteReset gives a login the password that its owner has chosen, with the
// token of the link that was mailed. The token is used up; every session and the
// right to add documents end. It returns fault.Invalid, naming token, when the
// link is not good (unknown, expired, used, replaced by a newer one: nobody is
// told which), and naming password when that cannot be taken, which leaves the
// link good.
func (s *Service) CompleteReset(ctx context.Context, by actor.Actor, token, password string) error {
	if err := s.limit(ctx, use{s.limits.ResetAddress, whatResetUse, []string{from(by)}}); err != nil {
		return err
	}
	reset, err := s.reader.ResetByToken(ctx, identity.HashToken(token), s.now())
	if isNotFound(err) {
		return errLinkSpent
	}
	if err != nil {
		return err
	}
	hash, err := s.newPassword(ctx, *reset.AccountID, password, reset.DecisionID != nil)
	if err != nil {
		return err
	}
	by.Kind, by.ID = actor.Account, *reset.AccountID
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return s.redeem(ctx, tx, by, reset, hash)
	})
	if err != nil {
		return err
	}
	s.forgiveAccount(ctx, *reset.AccountID)
	if err := s.signal(ctx, cases.PasswordResetID(reset.ID), *reset.AccountID, cases.Redeemed, nil); err != nil {
		s.unreached(cases.PasswordResetID(reset.ID), err)
	}
	return nil
}

var errLinkSpent = fault.InvalidFields(fault.Field{
	Field: "token", Code: "invalid", Detail: "This link has expired, was used already, or there is a newer one. Ask for another.",
})

// newPassword returns the hash of a password that the user of an account
// chooses, or fault.Invalid. another says that it must not be the present one.
func (s *Service) newPassword(ctx context.Context, accountID uuid.UUID, password string, another bool) (string, error) {
	view, err := s.reader.Account(ctx, accountID)
	if err != nil {
		return "", err
	}
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return "", err
	}
	if field := identity.CheckPassword(password, p.Passwords.User, ownData(view.Name, view.Email, view.Phone, view.Company)...); field != nil {
		return "", fault.InvalidFields(*field)
	}
	if another {
		login, err := s.reader.LoginOf(ctx, accountID)
		if err != nil {
			return "", err
		}
		same, _, err := s.hasher.Verify(ctx, password, login.PasswordHash)
		if err != nil {
			return "", err
		}
		if same {
			return "", errUnchanged
		}
	}
	return s.hasher.Hash(ctx, password)
}

var errUnchanged = fault.InvalidFields(fault.Field{Field: "password", Code: "unchanged", Detail: "Must be another one than the present password."})

// redeem uses a link up. Of many who do so at once, one succeeds.
func (s *Service) redeem(ctx context.Context, tx *store.Tx, by actor.Actor, reset store.PasswordReset, hash string) error {
	now := s.now()
	a, err := tx.LockAccount(ctx, *reset.AccountID)
	if err != nil {
		return err
	}
	err = tx.RedeemReset(ctx, reset.ID, now)
	if isNotFound(err) || err == nil && !a.HasLogin() {
		return errLinkSpent
	}
	if err != nil {
		return err
	}
	return s.setPassword(ctx, tx, passwordChange{
		Event: store.Event{
			At: now, Actor: by, Action: "password_reset.used", Subject: "password_reset", SubjectID: reset.ID.String(),
			AccountID: &a.ID, DecisionID: reset.DecisionID, WorkflowID: cases.PasswordResetID(reset.ID),
		},
		key: reset.ID, hash: hash,
	})
}

// ForceReset asks for the password of an account to be replaced: its sessions
// end with the recording of the decision, the old password opens nothing from
// then on, and its owner is mailed a link. See decide for the errors.
func (s *Service) ForceReset(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	if err := permitted(by, actor.ForceReset); err != nil {
		return Decided{}, err
	}
	if err := ask.normalise(account.ForceReset); err != nil {
		return Decided{}, err
	}
	return s.decide(ctx, by, order{Ask: ask, kind: account.ForceReset})
}

// caseFor returns the case that a decision on an account belongs to, or
// fault.Conflict when the account's state does not permit it.
func caseFor(a account.Account, kind account.Action) (caseID string, err error) {
	if kind == account.ForceReset {
		if !a.HasLogin() {
			err = fault.New(fault.Conflict, "An account that is %s has no password.", a.State())
		}
		return cases.PasswordResetID(newID()), err
	}
	_, _, err = account.Next(a.Status, a.Stage, kind)
	return cases.IDFor(a.ID, a.State(), kind), err
}

// begin records what a decision does at once: a suspension blocks the account,
// and a forced reset ends its sessions.
func begin(ctx context.Context, tx *store.Tx, d store.Decision) error {
	switch d.Kind {
	case account.Suspend:
		return tx.BlockAccount(ctx, d.AccountID, &d.ID)
	case account.ForceReset:
		err := tx.InsertReset(ctx, store.PasswordReset{
			ID: cases.ResetOf(d.CaseID), AccountID: &d.AccountID, DecisionID: &d.ID, RequestedAt: d.RequestedAt,
		})
		if err != nil {
			return err
		}
		return tx.RequireReset(ctx, d.AccountID, d.ID, d.RequestedAt)
	}
	return nil
}
