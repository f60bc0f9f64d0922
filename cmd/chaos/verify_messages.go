package main

import (
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/ledger"
	"kibali/domain/message"
)

// sent checks that every message was charged once, that what was charged was
// handed to the provider once or refunded, and that an unknown outcome was not
// tried again.
func (x *indexed) sent() {
	transfer := map[uuid.UUID]transferRow{}
	back := map[uuid.UUID]int64{} // refunded credits, by message
	for _, t := range x.transfers {
		transfer[t.ID] = t
		if t.Kind == ledger.ChargeRefund {
			back[t.Scope] += t.Amount
		}
	}
	recipients := map[uuid.UUID][]recipientRow{}
	for _, r := range x.recipients {
		recipients[r.MessageID] = append(recipients[r.MessageID], r)
	}
	for _, m := range x.messages {
		if t := transfer[m.ChargeID]; t.Kind != ledger.Charge || t.From != m.AccountID || t.Amount != int64(m.Segments*m.Recipients) || len(recipients[m.ID]) != m.Recipients {
			x.breach("P2", "message was not charged for", "message %s: %d of %d to %d", m.ID, t.Amount, m.Segments, m.Recipients)
		}
		if m.SettledAt == nil {
			x.breach("P7", "message waits", "message %s of account %s", m.ID, m.AccountID)
		}
		owed := int64(0)
		for _, r := range recipients[m.ID] {
			if r.RefundedAt != nil {
				owed += int64(m.Segments)
			}
			x.fate(m, r)
		}
		if back[m.ID] != owed {
			x.breach("P2", "message was refunded otherwise than it says", "message %s: %d, not %d", m.ID, back[m.ID], owed)
		}
	}
}

// fate compares what we say of a recipient with what the provider knows.
func (x *indexed) fate(m messageRow, r recipientRow) {
	d := x.deliveries[message.RecipientID(m.ID, r.Position)]
	id := message.RecipientID(m.ID, r.Position)
	switch {
	case d.accepted > 1 || d.again > 0:
		x.breach("P2", "message was sent again", "%s: taken %d times, asked %d times after an unclear answer", id, d.accepted, d.again)
	case d.accepted == 1 && r.RefundedAt != nil:
		x.breach("P2", "message was sent and refunded", "%s is %s (%s)", id, r.Status, r.Failure)
	case d.accepted == 0 && r.RefundedAt == nil && m.SettledAt != nil:
		x.breach("P2", "message was paid for and not sent", "%s is %s", id, r.Status)
	case r.RefundedAt == nil && m.SettledAt != nil && r.Status != message.Sent && r.Status != message.Delivered:
		x.breach("P7", "message waits", "%s is %s", id, r.Status)
	}
}

// creditCasesAgree compares the cases of top-ups and messages with their rows.
func (x *indexed) creditCasesAgree() {
	for _, d := range x.decisions {
		if d.Kind != account.TopUp {
			continue
		}
		id := cases.TopUpID(d.ID)
		state, known := x.cases[id]
		var lapses time.Time
		if d.LapsesAt != nil {
			lapses = *d.LapsesAt
		}
		switch want := cases.StatusOfTopUp(cases.Result(d.Outcome), lapses); {
		case !known:
			x.breach("P7", "top-up without a case", "%s", id)
		case state.running != (d.Outcome == ""):
			x.breach("P7", "case and top-up disagree", "%s: decision is %q, case is %s", id, d.Outcome, state.ended)
		case !state.running && state.failed():
			x.breach("P7", "case failed", "%s: %s", id, state.ended)
		case state.status != want:
			x.breach("P7", "CaseStatus is wrong", "%s: decision is %q, CaseStatus is %q and not %q", id, d.Outcome, state.status, want)
		}
	}
	for _, m := range x.messages {
		id := cases.MessageID(m.ID)
		state, known := x.cases[id]
		switch {
		case !known:
			x.breach("P7", "message without a case", "%s", id)
		case m.SettledAt != nil && state.running:
			x.breach("P7", "case and message disagree", "%s is settled, its case runs", id)
		case !state.running && (state.failed() || m.SettledAt == nil):
			x.breach("P7", "case failed", "%s: %s", id, state.ended)
		}
	}
}
