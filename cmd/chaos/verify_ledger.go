package main

import (
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/ledger"
)

// balanced checks the ledger with a reading of its own: every transfer has its
// legs, what accounts have and what the platform's accounts gave and took sum to
// zero, and the entries of an account lead, one after the other, to what its
// balance says.
func (x *indexed) balanced() {
	legs := map[int64][]entryRow{}
	of := map[uuid.UUID][]entryRow{}
	var sum int64
	for _, e := range x.entries {
		legs[e.Position] = append(legs[e.Position], e)
		of[e.LedgerAccount] = append(of[e.LedgerAccount], e)
		if ledger.IsPlatform(e.LedgerAccount) {
			sum += e.Amount
		}
	}
	for _, b := range x.balances {
		sum += b.Available + b.Held
	}
	if sum != 0 {
		x.breach("P4", "ledger does not sum to zero", "%d", sum)
	}
	transfers := map[int64]transferRow{}
	for _, t := range x.transfers {
		transfers[t.Position] = t
		x.legsFit(t, legs[t.Position])
	}
	for _, b := range x.balances {
		x.leadsTo(b, of[b.AccountID], transfers)
	}
}

// legsFit checks that what leaves one ledger account arrives on the other.
func (x *indexed) legsFit(t transferRow, legs []entryRow) {
	moved := map[uuid.UUID]int64{}
	for _, e := range legs {
		moved[e.LedgerAccount] += e.Amount + e.HeldAmount
	}
	fits := len(legs) == 2 && len(moved) == 2 && moved[t.From] == -t.Amount && moved[t.To] == t.Amount
	if t.From == t.To {
		fits = len(legs) == 1 && len(moved) == 1 && moved[t.From] == 0 && max(legs[0].Amount, legs[0].HeldAmount) == t.Amount
	}
	if !fits {
		x.breach("P4", "legs of a transfer do not fit it", "%s %s of %d: %d legs", t.Kind, t.ID, t.Amount, len(legs))
	}
}

// leadsTo walks through the entries of an account. While a suspension holds its
// credits nothing is charged and everything that comes is held; what its end
// releases is what was held, so that what is available then is what was available
// before and all that was posted to held in between.
func (x *indexed) leadsTo(b balanceRow, entries []entryRow, transfers map[int64]transferRow) {
	var now ledger.Balance
	before, arrived, suspended := int64(0), int64(0), false
	for i, e := range entries {
		t := transfers[e.Position]
		now.Available += e.Amount
		now.Held += e.HeldAmount
		switch {
		case e.Seq != int64(i)+1:
			x.breach("P4", "entries have a gap", "account %s: entry %d is numbered %d", b.AccountID, i+1, e.Seq)
		case now.Available < 0 || now.Held < 0:
			x.breach("P4", "negative balance", "account %s: %+v after entry %d", b.AccountID, now, e.Seq)
		case e.AvailableAfter == nil || e.HeldAfter == nil || *e.AvailableAfter != now.Available || *e.HeldAfter != now.Held:
			x.breach("P4", "entry tells another balance", "account %s: entry %d, %+v", b.AccountID, e.Seq, now)
		}
		switch t.Kind {
		case ledger.Hold:
			before, arrived, suspended = -e.Amount, 0, true
		case ledger.Release:
			if e.Amount != before+arrived || now.Held != 0 {
				x.breach("P4", "released otherwise than held", "account %s: %d before and %d since, %d released", b.AccountID, before, arrived, e.Amount)
			}
			before, arrived, suspended = 0, 0, false
		case ledger.Charge:
			if suspended {
				x.breach("P6", "charged during a suspension", "account %s: charge %s", b.AccountID, t.ID)
			}
		default:
			arrived += e.HeldAmount
		}
	}
	if now.Available != b.Available || now.Held != b.Held || int64(len(entries)) != b.Seq {
		x.breach("P4", "balance is not what its entries say", "account %s has %d and %d, its %d entries lead to %+v", b.AccountID, b.Available, b.Held, len(entries), now)
	}
	a := x.account[b.AccountID]
	if account.Status(b.Status) != a.Status || (b.BlockedBy == nil) != (a.BlockedBy == nil) {
		x.breach("P6", "balance has another status than its account", "account %s is %s, its balance %s", b.AccountID, a.Status, b.Status)
	}
	if holds := a.Status == account.Suspended || a.Status == account.Closed; !holds && b.Held != 0 || a.Status == account.Suspended && b.Available != 0 {
		x.breach("P4", "credits on the wrong side", "account %s is %s and has %d available, %d held", b.AccountID, a.Status, b.Available, b.Held)
	}
}
