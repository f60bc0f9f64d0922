package service

import (
	"context"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/store"
)

// ChargeAsk is what an account or a service says with a charge.
type ChargeAsk struct {
	// AccountID is nil when the account charges itself.
	AccountID *uuid.UUID
	Amount    int64
	Reference string // the sender's own name for the charge
	Key       string // makes the charge once, however often it is asked for
	// KeyEpoch is that of the account's API key; zero for another credential.
	KeyEpoch int32
}

// Charge takes credits from an account: in one statement, which looks at the
// account's status and block too, and at the epoch of its API keys. The same ask again gives the outcome of the
// first one. It returns
//
//	fault.Invalid              naming what is wrong: amount, reference, account_id
//	fault.Forbidden            the caller may not charge
//	fault.NotFound             naming account_id: there is no such account
//	fault.InsufficientCredits  with available and held
//	fault.AccountSuspended     and the other codes of an account that is not active
//	fault.KeyReused            the key was used with something else
//	store.ErrKeyEpoch          whether the API key is in force is to be asked anew
//
// and has changed nothing then.
func (s *Service) Charge(ctx context.Context, by actor.Actor, ask ChargeAsk) (store.Posted, error) {
	if by.Kind != actor.Account && !by.Can(actor.ScopeCharges) {
		return store.Posted{}, fault.New(fault.Forbidden, "This credential does not permit that.")
	}
	accountID, err := ask.check(by)
	if err != nil {
		return store.Posted{}, err
	}
	posted, err := s.store.Charge(ctx, store.Posting{
		ID: newID(), Request: store.Request{Scope: by.ID, Key: "charge:" + ask.Key},
		AccountID: accountID, KeyEpoch: ask.KeyEpoch, Amount: ask.Amount, Reference: ask.Reference, Actor: by, At: s.now(),
	})
	if err != nil {
		return store.Posted{}, s.uncharged(ctx, accountID, err)
	}
	return posted, nil
}

// check returns the account that is to be charged, or fault.Invalid.
func (a *ChargeAsk) check(by actor.Actor) (uuid.UUID, error) {
	bad := ledger.CheckAmount("amount", a.Amount)
	var field *fault.Field
	if a.Reference, field = account.ParseReference(a.Reference); field != nil {
		bad = append(bad, *field)
	}
	accountID := by.ID
	switch {
	case by.Kind == actor.Account && a.AccountID != nil:
		bad = append(bad, fault.Field{Field: "account_id", Code: "not_permitted", Detail: "Is for services; an account charges itself."})
	case by.Kind == actor.Service && a.AccountID == nil:
		bad = append(bad, fault.Field{Field: "account_id", Code: "required", Detail: "Must be given by a service."})
	case by.Kind == actor.Service:
		accountID = *a.AccountID
	}
	return accountID, fault.InvalidFields(bad...)
}

// uncharged is why an account was not charged, in the words of the API.
func (s *Service) uncharged(ctx context.Context, accountID uuid.UUID, err error) error {
	switch refusal := fault.As(err); {
	case refusal == nil:
		return err
	case refusal.Code == fault.NotFound:
		refusal.Fields = []fault.Field{{Field: "account_id", Code: "unknown", Detail: "There is no such account."}}
		return refusal
	case refusal.Code == fault.AccountSuspended:
		return s.explained(ctx, accountID, err)
	case refusal.Code == fault.Forbidden:
		status, _ := refusal.Details["status"].(account.Status)
		return usable(account.Account{Status: status})
	default:
		return err
	}
}

// explained adds to the refusal of a suspended account why it is suspended,
// since when and until when.
func (s *Service) explained(ctx context.Context, accountID uuid.UUID, refusal error) error {
	why, err := s.reader.Suspension(ctx, accountID)
	if err != nil {
		return refusal // it is refused, whatever can be said of it
	}
	return why.Fault()
}

// RefundAsk is what a service says with the refund of a charge.
type RefundAsk struct {
	ChargeID uuid.UUID
	Amount   *int64 // nil is all of it
	Key      string
}

// RefundCharge gives back what was charged and not delivered, all of it or a
// part, once. It lands in held while the account is suspended. It returns
//
//	fault.Forbidden  the caller may not refund
//	fault.NotFound   there is no such charge
//	fault.Invalid    naming amount: not above zero, or more than was charged
//	fault.Conflict   the charge was refunded before; detail "refund" is its id
//	fault.KeyReused  the key was used with something else
func (s *Service) RefundCharge(ctx context.Context, by actor.Actor, ask RefundAsk) (store.Posted, error) {
	if !by.Can(actor.ScopeRefunds) {
		return store.Posted{}, fault.New(fault.Forbidden, "This credential does not permit that.")
	}
	var amount int64
	if ask.Amount != nil {
		amount = *ask.Amount
		if err := fault.InvalidFields(ledger.CheckAmount("amount", amount)...); err != nil {
			return store.Posted{}, err
		}
	}
	if err := s.chargesMessage(ctx, ask.ChargeID); err != nil {
		return store.Posted{}, err
	}
	return s.store.RefundCharge(ctx, store.Posting{
		ID: newID(), Request: store.Request{Scope: by.ID, Key: "refund:" + ask.Key},
		Amount: amount, Reverses: &ask.ChargeID, Actor: by, At: s.now(),
	})
}
