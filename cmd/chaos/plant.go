package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	enums "go.temporal.io/api/enums/v1"

	"kibali/domain/cases"
)

// plant is a fault that is put in place to see that the checks catch it.
type plant struct {
	fault string
	// sql corrupts PostgreSQL as the superuser, with triggers and foreign keys
	// off, in a transaction that is rolled back; "" for nothing.
	sql string
	// twist corrupts what was seen elsewhere; nil for nothing.
	twist func(*evidence)
	rule  string // the rule that must speak up
}

var plants = []plant{
	{"a registration is lost", `DELETE FROM accounts WHERE id = (SELECT min(id::text)::uuid FROM accounts)`, nil, "acknowledged registration lost"},
	{"a document's row is lost", `DELETE FROM documents WHERE id = (SELECT min(id::text)::uuid FROM documents)`, nil, "acknowledged upload lost"},
	{"a document's file is lost", "", func(e *evidence) { clear(e.files) }, "stored document differs"},
	{"a document is never prepared", `UPDATE documents SET status = 'received', prepared_at = NULL`, nil, "document waits"},
	{"a decision is lost", `DELETE FROM decisions WHERE outcome = 'applied'`, nil, "acknowledged decision lost"},
	{"a decision is not carried out", `UPDATE decisions SET outcome = 'refused' WHERE outcome = 'applied'`, nil, "acknowledged decision not carried out"},
	{"a decision stays open", `UPDATE decisions SET outcome = NULL, closed_at = NULL WHERE id = (SELECT min(id::text)::uuid FROM decisions)`, nil, "decision is open"},
	{"a decision is carried out twice", `
		INSERT INTO audit_events (at, actor_kind, actor_id, actor_role, action, subject, subject_id, account_id, before, after, decision_id)
		SELECT at, actor_kind, actor_id, actor_role, action, subject, subject_id, account_id, before, after, decision_id
		FROM audit_events WHERE action = 'approve' LIMIT 1`, nil, "decision carried out more than once"},
	{"a change has no event", `DELETE FROM audit_events WHERE id = (SELECT min(id) FROM audit_events WHERE action = 'approve')`, nil, "change without its event"},
	{"a key has two decisions", `
		INSERT INTO decisions (id, account_id, case_id, kind, note, staff_id, request_id, requested_at, outcome, closed_at, amount)
		SELECT gen_random_uuid(), account_id, case_id, kind, note, staff_id, request_id, requested_at, 'refused', coalesce(closed_at, requested_at), amount FROM decisions`,
		nil, "one key, several decisions"},
	{"two racers win", `
		INSERT INTO decisions (id, account_id, case_id, kind, note, staff_id, request_id, requested_at, outcome, closed_at)
		SELECT gen_random_uuid(), account_id, case_id, 'approve', gen_random_uuid()::text, staff_id, request_id, requested_at, 'applied', coalesce(closed_at, requested_at) FROM decisions`,
		nil, "raced application decided otherwise"},
	{"a status is set by hand", `UPDATE accounts SET status = 'suspended', stage = '' WHERE id = (SELECT min(id::text)::uuid FROM accounts WHERE status = 'active')`,
		nil, "account is not where its events lead"},
	{"an account skips its review", `UPDATE audit_events SET before = '{"status": "closed", "stage": ""}' WHERE id = (SELECT min(id) FROM audit_events WHERE action = 'approve')`,
		nil, "change that the state machine does not permit"},
	{"a count is wrong", `UPDATE account_counts SET active = active + 1 WHERE shard = 7`, nil, "counts by status are wrong"},
	{"a count of a stage is wrong", `UPDATE account_counts SET in_review = in_review + 1 WHERE shard = 7`, nil, "counts by status are wrong"},
	{"an application is forgotten", `UPDATE applications SET accepted_at = NULL WHERE id = (SELECT min(id::text)::uuid FROM applications)`, nil, "application was not taken up"},
	{"a notice is deleted", `DELETE FROM notices WHERE id = (SELECT min(id::text)::uuid FROM notices)`, nil, "notice is not owed"},
	{"a notice is owed twice", `
		INSERT INTO notices (id, key, account_id, kind, channel, status, created_at)
		SELECT gen_random_uuid(), key || '/again', account_id, kind, channel, 'sent', created_at FROM notices LIMIT 1`, nil, "notice that nothing calls for"},
	{"a notice is not sent", `UPDATE notices SET status = 'failed' WHERE id = (SELECT min(id::text)::uuid FROM notices)`, nil, "notice was not sent"},
	{"a notice has no event", `DELETE FROM audit_events WHERE id = (SELECT min(id) FROM audit_events WHERE action = 'notice.sent')`, nil, "notice without its event"},
	{"the provider got nothing", "", func(e *evidence) { clear(e.deliveries) }, "notice never reached the provider"},
	{"a case ended early", "", func(e *evidence) {
		e.plantInCase(func(state *caseState) bool {
			if !state.running {
				return false
			}
			state.running, state.ended = false, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
			return true
		})
	}, "case and account disagree"},
	{"a case failed", "", func(e *evidence) {
		e.plantInCase(func(state *caseState) bool {
			if state.running {
				return false
			}
			state.ended = enums.WORKFLOW_EXECUTION_STATUS_FAILED
			return true
		})
	}, "case failed"},
	{"a case's status is wrong", "", func(e *evidence) {
		e.plantInCase(func(state *caseState) bool {
			state.status = "unheard of"
			return true
		})
	}, "CaseStatus is wrong"},
	{"a case is lost", "", func(e *evidence) { clear(e.cases) }, "account without a case"},
}

// plantInCase changes the first registration or suspension that change says it
// has changed: of those, everything is compared with their accounts.
func (e *evidence) plantInCase(change func(*caseState) bool) {
	for _, a := range e.accounts {
		for _, id := range []string{cases.RegistrationID(a.ID), cases.SuspensionID(a.ID)} {
			if state, known := e.cases[id]; known && change(&state) {
				e.cases[id] = state
				return
			}
		}
	}
}

// checkChecks plants one fault after the other and reports each that is not
// caught.
func (r *run) checkChecks(ctx context.Context) error {
	sound, err := r.evidence(ctx)
	if err != nil {
		return err
	}
	all := slices.Concat(plants, creditPlants)
	for _, p := range all {
		caught, err := r.caught(ctx, sound, p)
		if err != nil {
			return fmt.Errorf("plant: %s: %w", p.fault, err)
		}
		if !caught {
			r.report.breach("checks", "planted fault was not caught", "%s: nothing said %q", p.fault, p.rule)
		}
	}
	if err := errors.Join(r.checkAuditor(ctx), r.checkDoors(ctx)); err != nil {
		return err
	}
	r.report.fact("%d planted faults were looked for", len(all)+len(edits)+1)
	return r.checkTraces()
}

func (r *run) caught(ctx context.Context, sound evidence, p plant) (caught bool, err error) {
	seen := sound
	seen.cases, seen.deliveries, seen.files = maps.Clone(sound.cases), maps.Clone(sound.deliveries), maps.Clone(sound.files)
	seen.journal.postings = slices.Clone(sound.journal.postings)
	before := len(breachesOf(verify(seen), p.rule))
	if p.twist != nil {
		p.twist(&seen)
	}
	if p.sql != "" {
		err = r.reading(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, p.sql)
			if err == nil && tag.RowsAffected() == 0 {
				err = fmt.Errorf("there was nothing to corrupt")
			}
			if err != nil {
				return err
			}
			seen.snapshot, err = take(ctx, tx)
			return err
		})
	}
	return len(breachesOf(verify(seen), p.rule)) > before, err
}

func breachesOf(found findings, rule string) []Breach {
	return slices.DeleteFunc(slices.Clone(found), func(b Breach) bool { return b.Rule != rule })
}

// checkTraces sees that the search for personal data finds it.
func (r *run) checkTraces() error {
	a := r.canaries.applicant()
	for _, planted := range []string{
		a.email, a.password, "tel:+255" + fmt.Sprint(r.canaries.phone) + "0007 ", `"tin":"` + fmt.Sprint(r.canaries.tin) + `0012"`,
		"bearer " + r.staff[0].token, a.form()["name"].(string), "0" + fmt.Sprint(r.canaries.phone) + "1234",
	} {
		if !r.canaries.traces().MatchString(planted) {
			r.report.breach("checks", "planted trace was not found", "%q", planted)
		}
	}
	for _, harmless := range []string{
		`{"time":"2026-11-23T10:00:00.` + fmt.Sprint(r.canaries.phone) + `1234Z"}`, `"duration":12` + fmt.Sprint(r.canaries.phone) + `123`,
		`"id":"019ab000-0000-7000-8000-000000000001"`,
	} {
		if r.canaries.traces().MatchString(harmless) {
			r.report.breach("checks", "harmless text was taken for a trace", "%q", harmless)
		}
	}
	return nil
}
