// Package ledger is the double entry of credits: what a transfer is, the
// entries that it makes, and what an amount may be. It is pure; rows are the
// store's.
//
// A user's entry is the line of the billing history and the platform's entry
// the line of the admin ledger. Both are legs of one transfer, so they cannot
// disagree. A transfer that moves credits within one account, from available to
// held or back, has one entry, which is balanced in itself.
package ledger

import (
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
)

// Kind is what a transfer is for.
type Kind string

// The kinds of transfers.
const (
	TopUp        Kind = "top_up"        // by staff; an adjustment may take credits away
	Charge       Kind = "charge"        // the account used the platform
	ChargeRefund Kind = "charge_refund" // what was charged was not delivered
	Hold         Kind = "hold"          // a suspension began: available moves to held
	Release      Kind = "release"       // it ended: held moves back
	Reversal     Kind = "reversal"      // of a top-up or charge, once each
	Settlement   Kind = "settlement"    // the account was closed: what was left goes
)

// Kinds returns every kind, in the order in which they are documented.
func Kinds() []Kind {
	return []Kind{TopUp, Charge, ChargeRefund, Hold, Release, Reversal, Settlement}
}

// Reason is why staff have changed an account's credits.
type Reason string

// The reasons of top-ups. Other kinds of transfers have none.
const (
	Complimentary Reason = "complimentary"
	Adjustment    Reason = "adjustment" // may be negative, never below zero
	Refund        Reason = "refund"
)

// Reasons returns every reason, in the order in which they are documented.
func Reasons() []Reason { return []Reason{Complimentary, Adjustment, Refund} }

// The platform's own ledger accounts. They have no balance row: every posting
// has one of them, and a row that every transaction changes is what all of them
// would queue on. Their balance is a checkpoint and the entries since.
var (
	Funding = uuid.MustParse("00000000-0000-0000-0000-000000000001") // top-ups come from here
	Sales   = uuid.MustParse("00000000-0000-0000-0000-000000000002") // charges go here
	Settled = uuid.MustParse("00000000-0000-0000-0000-000000000003") // what closed accounts left
)

// PlatformAccounts returns the platform's ledger accounts.
func PlatformAccounts() []uuid.UUID { return []uuid.UUID{Funding, Sales, Settled} }

// Transfer is a movement of credits. It is never changed.
type Transfer struct {
	ID uuid.UUID
	// Position orders all transfers. It grows, with gaps.
	Position int64
	Kind     Kind
	// From and To are ledger accounts: an account's id, or one of the platform's.
	// They are the same for what moves within an account.
	From, To uuid.UUID
	Amount   int64 // above zero
	Reason   Reason
	// Reference is the caller's own name for a charge; empty where there is none.
	Reference  string
	DecisionID *uuid.UUID // of staff; nil where none was taken
	Reverses   *uuid.UUID // the transfer that this one takes back, in whole or in part
	ActorKind  actor.Kind
	ActorID    *uuid.UUID // nil for the system
	// CreatedAt grows from one transfer of an account to the next, or stays.
	CreatedAt time.Time
}

// AccountID returns the account of the user that the transfer is about.
func (t Transfer) AccountID() uuid.UUID {
	if IsPlatform(t.From) {
		return t.To
	}
	return t.From
}

// IsPlatform reports whether a ledger account is the platform's own.
func IsPlatform(account uuid.UUID) bool {
	return account == Funding || account == Sales || account == Settled
}

// Entry is one leg of a transfer on one ledger account. Amount is what it
// changes of the available credits and HeldAmount of the held ones; the
// platform's accounts have available credits only, which may be negative.
type Entry struct {
	Account uuid.UUID
	// Seq numbers the entries of an account from 1 without a gap. Of the
	// platform's accounts it is the transfer's position.
	Seq            int64
	TransferID     uuid.UUID
	Amount         int64
	HeldAmount     int64
	AvailableAfter int64 // zero for the platform's accounts
	HeldAfter      int64
}

// Balance is what an account has. Held credits cannot be spent.
type Balance struct {
	Available int64
	Held      int64
}

// Total is what the account has in all.
func (b Balance) Total() int64 { return b.Available + b.Held }

// Facts are the balance as audit events tell it.
func (b Balance) Facts() map[string]any {
	return map[string]any{"available": b.Available, "held": b.Held}
}

// Balanced reports whether entries are those of one transfer: what leaves one
// balance arrives on another.
func Balanced(entries []Entry) bool {
	var sum int64
	for _, e := range entries {
		if e.TransferID != entries[0].TransferID {
			return false
		}
		var ok bool
		if sum, ok = add(sum, e.Amount); !ok {
			return false
		}
		if sum, ok = add(sum, e.HeldAmount); !ok {
			return false
		}
	}
	return len(entries) > 0 && sum == 0
}

// add returns a + b, and false when that is not a number of 64 bits.
func add(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0) || b == 0
}
