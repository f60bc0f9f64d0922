package main

import (
	"fmt"

	"github.com/google/uuid"

	"kibali/domain/message"
)

// noticeKinds is what a user is told of each decision.
var noticeKinds = map[string]string{
	"approve": "approved", "reject": "rejected", "request_changes": "changes_requested",
	"suspend": "suspended", "reactivate": "reactivated", "close": "closed", "top_up": "credits_added",
}

// noticeSubject is the subject of the events of a notice.
const noticeSubject = "notice"

// told checks that what people are owed is recorded once, was sent, has its
// event, and reached the provider.
func (x *indexed) told() {
	owed := map[string]int{}
	for _, d := range x.decisions {
		if d.Outcome == "applied" {
			owed[fmt.Sprintf("%s/%s/email", noticeKinds[string(d.Kind)], d.ID)]++
			owed[fmt.Sprintf("%s/%s/sms", noticeKinds[string(d.Kind)], d.ID)]++
		}
	}
	x.owedToStaff(owed)
	for _, a := range x.accounts {
		for _, event := range x.eventsOf[a.ID] {
			if event.Action == "reactivate" && event.DecisionID == nil {
				owed[byTime(a.ID, "email")]++
				owed[byTime(a.ID, "sms")]++
			}
		}
	}
	for _, a := range x.snapshot.applications {
		// A corrected application that came too late was never taken up.
		if x.wasTakenUp(a) {
			owed[fmt.Sprintf("application_received/%s/email", a.ID)]++
			owed[fmt.Sprintf("application_received/%s/sms", a.ID)]++
		}
	}
	events := map[string]int{}
	for _, event := range x.events {
		if event.Action == "notice.sent" {
			events[event.SubjectID]++
		}
	}
	known := map[string]bool{}
	for _, n := range x.notices {
		known[n.ID.String()] = true
		if n.Kind == "reactivated" && n.DecisionID == nil {
			n.Key = byTime(n.AccountID, n.Channel)
		}
		owed[n.Key]--
		if n.Kind == "top_up_unsigned" && n.Status == "failed" && x.decision[*n.DecisionID].Signature != "" {
			continue // it was signed before anybody had to be asked for it
		}
		if n.Status != "sent" {
			x.breach("P8", "notice was not sent", "%s of account %s is %s", n.Key, n.AccountID, n.Status)
		}
		if n.Status == "sent" && events[n.ID.String()] != 1 {
			x.breach("P17", "notice without its event", "%s of account %s: %d events", n.Key, n.AccountID, events[n.ID.String()])
		}
		if x.deliveries[n.ID.String()].accepted == 0 {
			x.breach("P8", "notice never reached the provider", "%s of account %s is %s", n.Key, n.AccountID, n.Status)
		}
	}
	for key, missing := range owed {
		if missing > 0 {
			x.breach("P8", "notice is not owed", "%s", key)
		} else if missing < 0 {
			x.breach("P8", "notice that nothing calls for", "%s", key)
		}
	}
	for _, r := range x.recipients {
		known[message.RecipientID(r.MessageID, r.Position)] = true
	}
	for id := range x.deliveries {
		if !known[id] {
			x.breach("P8", "delivery of an unknown notice", "%q", id)
		}
	}
}

// byTime stands for the key of a notice that a suspension has ended by itself,
// of which an account has had several.
func byTime(accountID uuid.UUID, channel string) string {
	return fmt.Sprintf("reactivated by time/%s/%s", accountID, channel)
}

// owedToStaff adds what those are told who may sign a top-up.
func (x *indexed) owedToStaff(owed map[string]int) {
	for _, d := range x.decisions {
		if d.AwaitingSince == nil {
			continue
		}
		for _, s := range x.staff {
			if s.ID != d.StaffID && (s.Role == "finance" || s.Role == "admin") {
				owed[fmt.Sprintf("top_up_unsigned/%s/%s", d.ID, s.ID)]++
			}
		}
	}
}

// wasTakenUp reports whether an application is the account's first or became
// the account's application: a resubmit event tells of it.
func (x *indexed) wasTakenUp(a applicationRow) bool {
	submissions, resubmits, position := 0, 0, -1
	for _, event := range x.eventsOf[a.AccountID] {
		switch event.Action {
		case "register", "resubmit.requested":
			var after struct {
				ApplicationID uuid.UUID `json:"application_id"`
			}
			decodeColumn(event.After, &after)
			if after.ApplicationID == a.ID {
				position = submissions
			}
			submissions++
		case "resubmit":
			resubmits++
		}
	}
	return position == 0 || position > 0 && resubmits >= position
}

// papers checks that every document is prepared, and that its sealed original
// is what was uploaded.
func (x *indexed) papers() {
	received, prepared := map[string]int{}, map[string]int{}
	for _, event := range x.events {
		switch event.Action {
		case "document.received":
			received[event.SubjectID]++
		case "document.prepared":
			prepared[event.SubjectID]++
		}
	}
	for _, d := range x.documents {
		id := d.ID.String()
		switch {
		case d.Status == "received":
			x.breach("P7", "document waits", "document %s of account %s", d.ID, d.AccountID)
		case d.Status != "ready" || d.Pages == 0:
			x.breach("P1", "good document was refused", "document %s of account %s: %s, %d pages", d.ID, d.AccountID, d.Refusal, d.Pages)
		case prepared[id] != 1:
			x.breach("P17", "document without its event", "document %s was prepared %d times", d.ID, prepared[id])
		}
		if received[id] != 1 {
			x.breach("P17", "document without its event", "document %s was received %d times", d.ID, received[id])
		}
		if x.files[d.ID] != fmt.Sprintf("%x", d.SHA256) {
			x.breach("P1", "stored document differs", "document %s of account %s", d.ID, d.AccountID)
		}
	}
}
