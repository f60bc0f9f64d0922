package main

import (
	"net/http"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/ledger"
)

// posted checks that what was asked for under one key had one effect at most,
// exactly one when it was acknowledged, none when it was refused or asked for
// after a suspension's answer; and that nothing was posted that nobody asked for.
func (x *indexed) posted() {
	charges, refunds := map[string][]transferRow{}, map[string][]transferRow{}
	messages := map[string][]messageRow{}
	ours := map[uuid.UUID]bool{} // the charges and scopes of messages
	for _, m := range x.messages {
		messages[m.Text] = append(messages[m.Text], m)
		ours[m.ChargeID], ours[m.ID] = true, true
	}
	for _, t := range x.transfers {
		switch {
		case t.Kind == ledger.Charge && !ours[t.ID]:
			charges[t.Reference] = append(charges[t.Reference], t)
		case t.Kind == ledger.ChargeRefund && !ours[t.Scope] && t.Reverses != nil: // those of messages name none
			refunds[t.Reverses.String()] = append(refunds[t.Reverses.String()], t)
		}
	}
	known := map[string]bool{}
	for _, p := range x.journal.postings {
		known[p.mark] = true
		switch {
		case p.message:
			found := messages[p.mark]
			x.effects(p, len(found), len(found) > 0 && (found[0].ID == p.id || p.id == uuid.Nil) && found[0].AccountID == p.account && found[0].Recipients == p.recipients)
		case p.kind == ledger.ChargeRefund:
			x.effects(p, len(refunds[p.mark]), x.isPosting(p, refunds[p.mark]))
		default:
			x.effects(p, len(charges[p.mark]), x.isPosting(p, charges[p.mark]))
		}
	}
	for _, by := range []map[string][]transferRow{charges, refunds} {
		for mark := range by {
			if !known[mark] {
				x.breach("P2", "posted without being asked for", "%s %s", by[mark][0].Kind, by[mark][0].ID)
			}
		}
	}
	for text, found := range messages {
		if !known[text] {
			x.breach("P2", "posted without being asked for", "message %s", found[0].ID)
		}
	}
}

func (x *indexed) isPosting(p posting, found []transferRow) bool {
	if len(found) == 0 {
		return false
	}
	t := found[0]
	who := t.From
	if p.kind == ledger.ChargeRefund {
		who = t.To
	}
	return (t.ID == p.id || p.id == uuid.Nil) && t.Amount == p.amount && who == p.account
}

// effects compares how often something was posted with what its client was told.
func (x *indexed) effects(p posting, n int, right bool) {
	switch {
	case n > 1:
		x.breach("P2", "one key, several postings", "%s %q of account %s: %d", p.what(), p.mark, p.account, n)
	case p.late && n > 0:
		x.breach("P6", "accepted after the answer of a suspension", "%s %q of account %s", p.what(), p.mark, p.account)
	case p.answer.ok() && n == 0:
		x.breach("P1", "acknowledged posting lost", "%s %s of account %s", p.what(), p.id, p.account)
	case n == 1 && !right:
		x.breach("P1", "posted otherwise than asked for", "%s %q of account %s", p.what(), p.mark, p.account)
	case !p.answer.ok() && p.answer.status >= http.StatusBadRequest && n > 0:
		x.breach("P2", "refused and posted", "%s %q of account %s: %s", p.what(), p.mark, p.account, p.answer)
	}
}

// toppedUp checks that each top-up moved what was asked for, once, and only when
// it was carried out.
func (x *indexed) toppedUp() {
	by := map[uuid.UUID][]transferRow{}
	for _, t := range x.transfers {
		if t.Kind == ledger.TopUp && t.DecisionID != nil {
			by[*t.DecisionID] = append(by[*t.DecisionID], t)
		}
	}
	for _, d := range x.decisions {
		if d.Kind != account.TopUp {
			continue
		}
		found, want := by[d.ID], map[bool]int{true: 1}[d.Outcome == "applied"]
		if len(found) != want || want == 1 && (found[0].Amount != d.Amount || found[0].To != d.AccountID) {
			x.breach("P2", "top-up moved something else", "decision %s of %d (%s): %d transfers", d.ID, d.Amount, d.Outcome, len(found))
		}
		delete(by, d.ID)
	}
	for id := range by {
		x.breach("P2", "posted without being asked for", "top-up of decision %s", id)
	}
}

// tallyCredits reports how much of the ledger was looked at.
func (r *run) tallyCredits(e evidence) {
	unknown, sent, back, charged, sms := 0, 0, 0, 0, 0
	for _, p := range e.journal.postings {
		if p.answer.status == 0 {
			unknown++
		}
	}
	for _, t := range e.transfers {
		if t.Kind == ledger.Charge {
			charged++
		}
	}
	for _, one := range e.recipients {
		sms++
		if one.RefundedAt == nil {
			sent++
		} else {
			back++
		}
	}
	r.report.fact("checked %d transfers (%d charges), %d entries, %d balances; %d postings whose outcome was never learned",
		len(e.transfers), charged, len(e.entries), len(e.balances), unknown)
	r.report.fact("%d messages to %d recipients: %d were sent, %d were not and were refunded", len(e.messages), sms, sent, back)
}
