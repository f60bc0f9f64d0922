package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
)

// Request is what makes a posting happen once: a key that the sender has used
// for nothing else. Scope is the sender: an account, a staff member, a service,
// or whatever else makes requests of its own. A sender with several routes puts
// the route in front of the key.
type Request struct {
	Scope uuid.UUID
	Key   string
}

// Posting is a transfer to be made between an account and the platform.
type Posting struct {
	ID      uuid.UUID // of the transfer, should this be the request that makes it
	Request Request
	// Kind is set by the method that posts.
	Kind      ledger.Kind
	AccountID uuid.UUID // not needed where Reverses names the transfer
	// KeyEpoch is that of the pass of the API key that a charge is made with. A
	// charge is refused with ErrKeyEpoch in a later one; a replay does not look at
	// it. Zero for another credential.
	KeyEpoch int32
	// Amount is above zero, but for an adjustment, which may take away. It is
	// zero for all of what Reverses names.
	Amount     int64
	Reason     ledger.Reason // of a top-up
	Reference  string        // the sender's own name for a charge
	DecisionID *uuid.UUID
	Reverses   *uuid.UUID
	Actor      actor.Actor
	// At is now. A transfer is never older than the account's transfers before
	// it, whatever the clocks of several machines say.
	At time.Time
}

// Posted is a transfer as it was posted, with the account's entry of it.
type Posted struct {
	ledger.Transfer
	Entry ledger.Entry
	// Replayed says that an earlier request made it.
	Replayed bool
}

// Balance is what the account had after the transfer.
func (p Posted) Balance() ledger.Balance {
	return ledger.Balance{Available: p.Entry.AvailableAfter, Held: p.Entry.HeldAfter}
}

// Charge takes p.Amount from an account's available credits: one statement, one
// round trip, a transaction of its own. The account's status and block are part
// of the statement, so that nothing is charged once a suspension was answered.
//
// The same request with the same account, amount and reference gives the first
// one's outcome again, Replayed. Charge returns
//
//	fault.Invalid              naming "amount": not from 1 to ledger.Most
//	fault.NotFound             there is no such account
//	fault.AccountSuspended     it is suspended, or blocked by an open decision
//	fault.Forbidden            it is pending, rejected or closed; detail "status"
//	fault.InsufficientCredits  details "available" and "held"
//	fault.KeyReused            the request posted something else before
//
// and has changed nothing then. Any other error, a cancelled context included,
// leaves the outcome unknown: the same request again tells it.
func (s *Store) Charge(ctx context.Context, p Posting) (Posted, error) {
	p.Kind = ledger.Charge
	return s.charges.post(ctx, p)
}

// Charge is Store.Charge as part of a transaction.
//
// A refusal leaves the transaction as it was; any other error makes it useless,
// and that includes the case of two transactions with the same request at once.
// Who repeats the transaction finds what the other one posted.
func (t *Tx) Charge(ctx context.Context, p Posting) (Posted, error) {
	p.Kind = ledger.Charge
	return within(t).post(ctx, p)
}

// RefundCharge gives back the charge that p.Reverses names, all of it when
// p.Amount is zero, or a part. A charge is refunded once. What is given back to
// an account that is suspended is held; what reaches one that is closed is settled
// in the same transaction, as was what it had left. p.AccountID is ignored.
//
// The same request with the same charge and amount gives the first one's
// outcome again. It returns
//
//	fault.NotFound   there is no such charge
//	fault.Invalid    naming "amount": below zero, more than was charged, or more than the account can have
//	fault.Conflict   the charge was refunded or reversed by another request; detail "refund" is its id
//	fault.KeyReused  the request posted something else before
func (s *Store) RefundCharge(ctx context.Context, p Posting) (Posted, error) {
	p.Kind = ledger.ChargeRefund
	posted, err := alone(s.pool).reverse(ctx, p)
	if errors.Is(err, errSettles) {
		err = s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
			posted, err = tx.RefundCharge(ctx, p)
			return err
		})
	}
	return posted, err
}

// RefundCharge is Store.RefundCharge as part of a transaction; see Tx.Charge.
func (t *Tx) RefundCharge(ctx context.Context, p Posting) (Posted, error) {
	p.Kind = ledger.ChargeRefund
	return t.settleClosed(ctx, p.At)(within(t).reverse(ctx, p))
}

// Reverse takes all of a top-up, charge or refund back, once: p.Reverses names
// it. p.Amount and p.AccountID are ignored. It returns what RefundCharge
// returns, and fault.InsufficientCredits when the account has spent what would
// be taken.
func (t *Tx) Reverse(ctx context.Context, p Posting) (Posted, error) {
	p.Kind, p.Amount = ledger.Reversal, 0
	return within(t).reverse(ctx, p)
}

// TopUp adds p.Amount to an account's credits, or takes it away when it is
// negative, which only the reason ledger.Adjustment permits. Of a suspended
// account it is the held credits that change. It returns
//
//	fault.Invalid              naming "amount": see ledger.CheckTopUp; or more than the account can have
//	fault.NotFound             there is no such account
//	fault.Conflict             it is rejected or closed; detail "status"
//	fault.InsufficientCredits  it would fall below zero
//	fault.KeyReused            the request posted something else before
//
// and the rest is as for Tx.Charge.
func (t *Tx) TopUp(ctx context.Context, p Posting) (Posted, error) {
	p.Kind = ledger.TopUp
	return within(t).post(ctx, p)
}

// check returns what is wrong with the posting itself.
func (p Posting) check() error {
	if p.Kind == ledger.TopUp {
		return fault.InvalidFields(ledger.CheckTopUp("amount", p.Amount, p.Reason)...)
	}
	return fault.InvalidFields(ledger.CheckAmount("amount", p.Amount)...)
}

// change is what the posting changes of the account's credits, given what it
// takes back.
func (p Posting) change() int64 {
	if p.Kind == ledger.Charge {
		return -p.Amount
	}
	return p.Amount
}

// statuses are those of accounts that permit transfers of a kind.
var statuses = func() map[ledger.Kind][]string {
	permit := map[ledger.Kind][]string{}
	for _, kind := range ledger.Kinds() {
		for _, status := range account.Statuses() {
			if kind.Permits(status) {
				permit[kind] = append(permit[kind], string(status))
			}
		}
	}
	return permit
}()
