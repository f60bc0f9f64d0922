package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/message"
)

// creditPlants are the faults in what is about credits.
var creditPlants = []plant{
	{"a balance is set by hand", `UPDATE balances SET available = available + 1 WHERE account_id = (SELECT min(account_id::text)::uuid FROM balances WHERE seq > 0)`,
		nil, "balance is not what its entries say"},
	{"an entry is edited", `UPDATE transfers SET amount = amount + 1, available_after = available_after + 1
		WHERE (account_id, seq) = (SELECT account_id, max(seq) FROM transfers WHERE from_account <> to_account GROUP BY 1 LIMIT 1)`, nil, "ledger does not sum to zero"},
	{"an entry tells another balance", `UPDATE transfers SET available_after = available_after + 1
		WHERE (account_id, seq) = (SELECT account_id, min(seq) FROM transfers GROUP BY 1 LIMIT 1)`, nil, "entry tells another balance"},
	{"a transfer is deleted", `DELETE FROM transfers WHERE (account_id, seq) = (SELECT account_id, min(seq) FROM transfers GROUP BY 1 HAVING count(*) > 2 LIMIT 1)`,
		nil, "entries have a gap"},
	{"a leg goes elsewhere", `UPDATE transfers SET account_id = gen_random_uuid() WHERE position = (SELECT max(position) FROM transfers WHERE kind = 'charge')`,
		nil, "legs of a transfer do not fit it"},
	{"a charge is lost", `DELETE FROM transfers WHERE kind = 'charge' AND reference <> 'message'`, nil, "acknowledged posting lost"},
	{"a charge is posted twice", `INSERT INTO transfers (amount, seq, created_at, available_after, held_after, id, account_id, from_account, to_account, scope, kind, request_key,
			reference, actor_kind)
		SELECT amount, seq + 1000000, created_at, 0, 0, gen_random_uuid(), account_id, from_account, to_account, gen_random_uuid(), kind, request_key,
			reference, actor_kind
		FROM transfers WHERE kind = 'charge' AND reference <> 'message'`, nil, "one key, several postings"},
	{"a charge is of another amount", `UPDATE transfers SET amount = amount + 1 WHERE kind = 'charge' AND reference <> 'message'`, nil, "posted otherwise than asked for"},
	{"a charge that nobody asked for", `UPDATE transfers SET reference = 'by hand' WHERE position = (SELECT max(position) FROM transfers WHERE kind = 'charge' AND reference <> 'message')`,
		nil, "posted without being asked for"},
	{"a charge is accepted after the answer", "", func(e *evidence) {
		for i := range e.journal.postings {
			e.journal.postings[i].late = true
		}
	}, "accepted after the answer of a suspension"},
	{"a refused charge is posted", "", func(e *evidence) {
		for i := range e.journal.postings {
			e.journal.postings[i].answer.status = http.StatusForbidden
		}
	}, "refused and posted"},
	{"a charge slips into a suspension", `UPDATE transfers SET kind = 'charge' WHERE position = (SELECT position FROM transfers
		WHERE kind = 'top_up' AND held_amount > 0 LIMIT 1)`, nil, "charged during a suspension"},
	{"held credits vanish", `UPDATE transfers SET held_amount = held_amount + 1 WHERE position = (SELECT max(position) FROM transfers WHERE kind = 'release')`, nil, "released otherwise than held"},
	{"a balance stays open", `UPDATE balances SET status = 'active' WHERE status = 'suspended'`, nil, "balance has another status than its account"},
	{"credits stay available", `UPDATE balances SET available = held + 1, held = 0 WHERE status = 'suspended'`, nil, "credits on the wrong side"},
	{"a top-up moves something else", `UPDATE transfers SET amount = amount + 1 WHERE kind = 'top_up'`, nil, "top-up moved something else"},
	{"a top-up is posted twice", `INSERT INTO transfers (amount, seq, created_at, available_after, held_after, id, account_id, from_account, to_account, scope, kind, request_key,
			reference, actor_kind, decision_id)
		SELECT amount, seq + 1000000, created_at, 0, 0, gen_random_uuid(), account_id, from_account, to_account, gen_random_uuid(), kind, request_key,
			reference, actor_kind, decision_id
		FROM transfers WHERE kind = 'top_up'`, nil, "top-up moved something else"},
	{"a message is lost", `DELETE FROM messages WHERE id = (SELECT min(id::text)::uuid FROM messages)`, nil, "acknowledged posting lost"},
	{"a message is not charged for", `UPDATE messages SET charge_id = gen_random_uuid()`, nil, "message was not charged for"},
	{"a message waits", `UPDATE messages SET settled_at = NULL WHERE id = (SELECT min(id::text)::uuid FROM messages)`, nil, "message waits"},
	{"a message is refunded without a transfer", `UPDATE message_recipients SET refunded_at = now() WHERE refunded_at IS NULL`, nil, "message was refunded otherwise than it says"},
	{"a message is sent again", "", func(e *evidence) {
		for id, d := range e.deliveries {
			if _, _, ours := message.ParseRecipientID(id); ours {
				d.accepted++
				e.deliveries[id] = d
			}
		}
	}, "message was sent again"},
	{"a message never reaches the provider", "", func(e *evidence) { clear(e.deliveries) }, "message was paid for and not sent"},
	{"a message is sent and refunded", "", func(e *evidence) {
		for _, r := range e.recipients {
			if id := message.RecipientID(r.MessageID, r.Position); r.RefundedAt != nil {
				e.deliveries[id] = delivery{asked: 1, accepted: 1}
			}
		}
	}, "message was sent and refunded"},
	{"a case of a top-up is lost", "", func(e *evidence) {
		maps.DeleteFunc(e.cases, func(id string, _ caseState) bool { return id[:3] == "top" })
	}, "top-up without a case"},
	{"a case of a message is lost", "", func(e *evidence) {
		maps.DeleteFunc(e.cases, func(id string, _ caseState) bool { return id[:3] == "mes" })
	}, "message without a case"},
}

// edits are what the owner of the schema could do to what is sealed, each with
// how it is taken back.
var edits = []struct{ what, sealed, edit, undo string }{
	{
		"a transfer is edited as the owner",
		`SELECT coalesce((SELECT max(to_position) FROM ledger_seals) >= (SELECT min(position) FROM transfers WHERE kind = 'charge'), false)`,
		`UPDATE transfers SET amount = amount + 1 WHERE position = (SELECT min(position) FROM transfers WHERE kind = 'charge')`,
		`UPDATE transfers SET amount = amount - 1 WHERE position = (SELECT min(position) FROM transfers WHERE kind = 'charge')`,
	},
	{
		"an audit event is edited as the owner",
		`SELECT coalesce((SELECT max(to_position) FROM audit_seals) >= (SELECT min(id) FROM audit_events WHERE action = 'register'), false)`,
		`UPDATE audit_events SET request_id = request_id || '.' WHERE id = (SELECT min(id) FROM audit_events WHERE action = 'register')`,
		`UPDATE audit_events SET request_id = rtrim(request_id, '.') WHERE id = (SELECT min(id) FROM audit_events WHERE action = 'register')`,
	},
}

// checkAuditor edits what is sealed, sees that verifying says so, and takes it
// back.
func (r *run) checkAuditor(ctx context.Context) error {
	for _, e := range edits {
		err := until(ctx, time.Minute, time.Second, "nothing was sealed", func() (sealed bool, err error) {
			err = r.superuser.QueryRow(ctx, e.sealed).Scan(&sealed)
			return sealed, err
		})
		if err != nil {
			return err
		}
		var found []int
		for _, change := range []string{e.edit, e.undo} {
			tag, err := r.superuser.Exec(ctx, change)
			if err == nil && tag.RowsAffected() != 1 {
				err = fmt.Errorf("%s: there was nothing to edit", e.what)
			}
			if err != nil {
				return err
			}
			told := newReport()
			if err := r.auditor.verify(ctx, told); err != nil {
				return err
			}
			found = append(found, len(told.Breaches()))
		}
		if found[0] == 0 || found[1] != 0 {
			r.report.breach("checks", "planted fault was not caught", "%s: %d breaches, %d when it was taken back", e.what, found[0], found[1])
		}
	}
	return nil
}

// checkDoors opens the doors of a suspended account behind Kibali's back, and
// sees that whoever watches them says so.
func (r *run) checkDoors(ctx context.Context) error {
	c := r.newCustomer(r.random)
	if err := c.settleIn(ctx); err != nil {
		return err
	}
	if err := c.decide(ctx, account.Suspend); err != nil {
		return err
	}
	told := newReport()
	watching := *c
	watching.report, watching.journal = told, &journal{}
	d := watching.watch(ctx, time.Time{})
	d.shut()
	err := until(ctx, 10*time.Second, 20*time.Millisecond, "no door was tried", func() (bool, error) { return told.counted("doors shut after a suspension's answer") > len(ways), nil })
	shut := len(told.Breaches())
	if err == nil {
		err = r.setStatus(ctx, c.id, account.Active)
	}
	if err == nil {
		err = until(ctx, 10*time.Second, 20*time.Millisecond, "nobody saw the open doors", func() (bool, error) { return len(told.Breaches()) > 0, nil })
	}
	d.leave()
	if err := r.setStatus(ctx, c.id, account.Suspended); err != nil {
		return err
	}
	if err != nil || shut != 0 || !slices.ContainsFunc(told.Breaches(), func(b Breach) bool { return b.Rule == "accepted after the answer of a suspension" }) {
		r.report.breach("checks", "planted fault was not caught", "the doors of a suspended account are opened: %v, %v", err, told.Breaches())
	}
	return nil
}

func (r *run) setStatus(ctx context.Context, id uuid.UUID, status account.Status) error {
	_, err := r.superuser.Exec(ctx, `UPDATE accounts SET status = $2 WHERE id = $1`, id, status)
	return err
}
