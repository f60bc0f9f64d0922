package activities

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/notify"
	"kibali/store"
)

// postAll posts a bulk top-up, all of its lines in one go. A line that its
// account does not permit any more is left out and says why; when that is so of
// every line, the top-up is refused.
func (s *topUpSettling) postAll(ctx context.Context) error {
	d, now := s.decision, s.now()
	by := actor.Actor{Kind: actor.Staff, ID: d.StaffID, RequestID: d.RequestID}
	if member, err := s.tx.Reader().Staff(ctx, d.StaffID); err == nil {
		by.Role = member.Role
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	postings := make([]store.Posting, len(s.lines))
	for i, line := range s.lines {
		postings[i] = store.Posting{
			ID: newID(), Request: store.TopUpRequest(d.ID, line.AccountID), Kind: ledger.TopUp, AccountID: line.AccountID, Amount: line.Amount,
			Reason: ledger.Reason(d.ReasonCode), DecisionID: &d.ID, Actor: by, At: now,
		}
	}
	outcomes, err := s.tx.PostAll(ctx, postings)
	if err != nil {
		return err
	}
	var events []store.Event
	var notices []store.Notice
	for i, o := range outcomes {
		line := &s.lines[i]
		if refused := fault.As(o.Err); refused != nil {
			line.Refusal = refusalCode(refused)
			continue
		}
		line.TransferID = &o.Posted.ID
		events = append(events, s.posted(by, *line, o.Posted))
		for _, channel := range []string{store.Email, store.SMS} {
			notices = append(notices, store.Notice{
				ID: newID(), Key: strings.Join([]string{string(notify.CreditsAdded), d.ID.String(), line.AccountID.String(), channel}, "/"),
				AccountID: line.AccountID, DecisionID: &d.ID, Kind: string(notify.CreditsAdded), Channel: channel, CreatedAt: now,
			})
		}
	}
	if err := s.tx.EndTopUpLines(ctx, d.ID, s.lines); err != nil {
		return err
	}
	if len(events) == 0 {
		return s.end(ctx, cases.Refused, string(fault.Conflict), uuid.Nil)
	}
	if err := s.tx.CloseDecision(ctx, d.ID, cases.Applied, "", now); err != nil {
		return err
	}
	if err := s.tx.InsertNotices(ctx, notices...); err != nil {
		return err
	}
	return s.tx.AppendEvents(ctx, events...)
}

// posted is the audit event of what a top-up has done to an account.
func (s *topUpSettling) posted(by actor.Actor, line store.TopUpLine, p store.Posted) store.Event {
	d := s.decision
	before := p.Balance()
	before.Available, before.Held = before.Available-p.Entry.Amount, before.Held-p.Entry.HeldAmount
	return store.Event{
		At: s.now(), Actor: by, Action: string(account.TopUp), Subject: "account", SubjectID: line.AccountID.String(), AccountID: &line.AccountID,
		Before:     map[string]any{"credits": before.Facts()},
		After:      map[string]any{"credits": p.Balance().Facts(), "amount": line.Amount, "transfer_id": p.ID},
		ReasonCode: d.ReasonCode, DecisionID: &d.ID, WorkflowID: d.CaseID,
	}
}
