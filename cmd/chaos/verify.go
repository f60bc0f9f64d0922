package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"kibali/domain/account"
)

// evidence is what the checks look at.
type evidence struct {
	snapshot
	journal    entries
	deliveries map[string]delivery
	cases      map[string]caseState // by workflow id; the latest run
	files      map[uuid.UUID]string // the SHA-256 of what is stored of each document, "" for nothing
}

// findings gathers breaches.
type findings []Breach

func (f *findings) breach(promise, rule, format string, args ...any) {
	*f = append(*f, Breach{promise, rule, fmt.Sprintf(format, args...)})
}

// verify returns every promise that the evidence shows to be broken.
func verify(e evidence) findings {
	var f findings
	e.index(&f, (*indexed).acknowledged, (*indexed).decided, (*indexed).history, (*indexed).settled,
		(*indexed).papers, (*indexed).told, (*indexed).counted, (*indexed).casesAgree,
		(*indexed).balanced, (*indexed).posted, (*indexed).toppedUp, (*indexed).sent, (*indexed).creditCasesAgree)
	return f
}

// indexed is evidence with the ways through it.
type indexed struct {
	evidence
	*findings
	account      map[uuid.UUID]accountRow
	byEmail      map[string]uuid.UUID
	decision     map[uuid.UUID]decisionRow
	decisionsOf  map[uuid.UUID][]decisionRow // by account
	byNote       map[string][]decisionRow
	eventsOf     map[uuid.UUID][]eventRow // by account, in order
	byDecision   map[uuid.UUID][]eventRow
	applications map[uuid.UUID][]applicationRow // by account
}

func (e evidence) index(f *findings, checks ...func(*indexed)) {
	x := &indexed{
		evidence: e, findings: f,
		account: map[uuid.UUID]accountRow{}, byEmail: map[string]uuid.UUID{}, decision: map[uuid.UUID]decisionRow{},
		decisionsOf: map[uuid.UUID][]decisionRow{}, byNote: map[string][]decisionRow{}, eventsOf: map[uuid.UUID][]eventRow{},
		byDecision: map[uuid.UUID][]eventRow{}, applications: map[uuid.UUID][]applicationRow{},
	}
	for _, a := range e.accounts {
		x.account[a.ID] = a
	}
	for _, l := range e.logins {
		x.byEmail[l.Email] = l.AccountID
	}
	for _, d := range e.decisions {
		x.decision[d.ID] = d
		x.decisionsOf[d.AccountID] = append(x.decisionsOf[d.AccountID], d)
		x.byNote[d.Note] = append(x.byNote[d.Note], d)
	}
	for _, event := range e.events {
		if event.AccountID != nil {
			x.eventsOf[*event.AccountID] = append(x.eventsOf[*event.AccountID], event)
		}
		if event.DecisionID != nil {
			x.byDecision[*event.DecisionID] = append(x.byDecision[*event.DecisionID], event)
		}
	}
	for _, a := range e.snapshot.applications {
		x.applications[a.AccountID] = append(x.applications[a.AccountID], a)
	}
	for _, check := range checks {
		check(x)
	}
}

// acknowledged looks for everything that a client was told is done.
func (x *indexed) acknowledged() {
	for _, a := range x.journal.accounts {
		if row, found := x.account[a.id]; !found || row.Email != a.email || x.byEmail[a.email] != a.id {
			x.breach("P1", "acknowledged registration lost", "account %s", a.id)
		}
	}
	documents := map[uuid.UUID]documentRow{}
	for _, d := range x.documents {
		documents[d.ID] = d
	}
	for _, u := range x.journal.uploads {
		if d, found := documents[u.id]; !found || d.AccountID != u.account || fmt.Sprintf("%x", d.SHA256) != u.sha256 {
			x.breach("P1", "acknowledged upload lost", "document %s of account %s", u.id, u.account)
		}
	}
	for _, o := range x.journal.operations {
		x.operation(o)
	}
	for _, r := range x.journal.races {
		if all := x.decisionsOf[r.account]; len(all) != 1 || all[0].ID != r.decision || all[0].Outcome != "applied" {
			x.breach("P3", "raced application decided otherwise", "account %s: %d decisions, won by %s", r.account, len(all), r.decision)
		}
	}
}

// operation checks that what was asked for under one key had one effect at
// most, and exactly one when it was acknowledged.
func (x *indexed) operation(o operation) {
	rows := x.byNote[o.note]
	switch {
	case len(rows) > 1:
		x.breach("P2", "one key, several decisions", "%s of account %s: %d", o.kind, o.account, len(rows))
	case o.decision == uuid.Nil:
		return
	case len(rows) == 0 || rows[0].ID != o.decision || rows[0].AccountID != o.account || rows[0].Kind != o.kind:
		x.breach("P1", "acknowledged decision lost", "%s %s of account %s", o.kind, o.decision, o.account)
	case rows[0].Amount != o.amount:
		x.breach("P1", "acknowledged decision is another", "%s %s of account %s: %d, not %d", o.kind, o.decision, o.account, rows[0].Amount, o.amount)
	case rows[0].Outcome != string(o.wants) && (rows[0].Signature != "" || rows[0].LapsesAt == nil):
		x.breach("P1", "acknowledged decision not carried out", "%s %s of account %s is %q", o.kind, o.decision, o.account, rows[0].Outcome)
	}
}

// decided checks that each decision has the events that its end calls for, and
// no others.
func (x *indexed) decided() {
	for _, d := range x.decisions {
		seen := map[string]int{}
		for _, event := range x.byDecision[d.ID] {
			if event.Subject != noticeSubject { // told counts those
				seen[event.Action]++
			}
		}
		want := map[string]int{string(d.Kind) + ".requested": 1}
		if past := map[string]string{"countersign": "countersigned", "decline": "declined"}[d.Signature]; past != "" {
			want[string(d.Kind)+"."+past] = 1
		}
		switch d.Outcome {
		case "applied":
			want[string(d.Kind)] = 1
		case "refused", "lapsed":
			want[string(d.Kind)+"."+d.Outcome] = 1
		}
		for action := range seen {
			if seen[action] > want[action] {
				x.breach("P3", "decision carried out more than once", "%s %s (%s): %d events %s", d.Kind, d.ID, d.Outcome, seen[action], action)
			}
		}
		for action := range want {
			if seen[action] < want[action] {
				x.breach("P17", "change without its event", "%s %s (%s): no event %s", d.Kind, d.ID, d.Outcome, action)
			}
		}
	}
}

// history walks each account through its events: each change must be one that
// the state machine permits from where the one before it led, and the last one
// must lead to where the account is.
func (x *indexed) history() {
	for _, a := range x.accounts {
		var at account.State
		var last eventRow
		for _, event := range x.eventsOf[a.ID] {
			if event.Subject != "account" || event.Action != "register" && !slices.Contains(account.Actions(), account.Action(event.Action)) {
				continue
			}
			if event.Action == "register" {
				if at != (account.State{}) {
					x.breach("P17", "account registered twice", "account %s", a.ID)
				}
				at, last = account.Registered, event
				continue
			}
			status, stage, err := account.Next(at.Status, at.Stage, account.Action(event.Action))
			next := account.State{Status: status, Stage: stage}
			if err != nil || stateIn(event.Before) != at || stateIn(event.After) != next {
				x.breach("P3", "change that the state machine does not permit", "account %s: %s from %s: event %d says %s to %s",
					a.ID, event.Action, at, event.ID, stateIn(event.Before), stateIn(event.After))
			}
			at, last = next, event
		}
		if (account.State{Status: a.Status, Stage: a.Stage}) != at || !last.At.Equal(a.StageSince) {
			x.breach("P17", "account is not where its events lead", "account %s is %s/%s, its events lead to %s", a.ID, a.Status, a.Stage, at)
		}
		if (a.DecidedBy == nil) != (last.DecisionID == nil) || a.DecidedBy != nil && *a.DecidedBy != *last.DecisionID {
			x.breach("P17", "account names another decision than its last event", "account %s", a.ID)
		}
	}
}

// settled looks for what is stuck.
func (x *indexed) settled() {
	for _, d := range x.decisions {
		waits := d.LapsesAt != nil && d.Signature == "" // for a person, who sees it
		if d.Outcome == "" && !waits {
			x.breach("P7", "decision is open", "%s %s of account %s", d.Kind, d.ID, d.AccountID)
		}
	}
	for _, a := range x.accounts {
		if a.BlockedBy != nil {
			x.breach("P7", "account is blocked by a settled decision", "account %s", a.ID)
		}
		open := 0
		for _, application := range x.applications[a.ID] {
			if application.AcceptedAt == nil {
				x.breach("P7", "application was not taken up", "application %s of account %s", application.ID, a.ID)
			}
			if application.Outcome == "" {
				open++
			}
		}
		if want := map[bool]int{true: 1}[a.Status == account.Pending]; open != want {
			x.breach("P7", "applications do not fit the account", "account %s is %s and has %d open applications", a.ID, a.Status, open)
		}
		submitted := 0
		for _, event := range x.eventsOf[a.ID] {
			if event.Action == "register" || event.Action == "resubmit.requested" {
				submitted++
			}
		}
		if submitted != len(x.applications[a.ID]) {
			x.breach("P17", "application without its event", "account %s: %d applications, %d events", a.ID, len(x.applications[a.ID]), submitted)
		}
	}
}

// counted compares the kept counts with a real one, shard by shard.
func (x *indexed) counted() {
	real := map[int]map[string]int64{}
	for _, a := range x.accounts {
		shard := int(a.ID[15] & 63)
		if real[shard] == nil {
			real[shard] = map[string]int64{}
		}
		real[shard][string(a.Status)]++
		if a.Stage != account.NoStage {
			real[shard][string(a.Stage)]++
		}
	}
	for _, shard := range slices.SortedFunc(keys(x.counts), cmp.Compare) {
		for _, of := range slices.SortedFunc(keys(x.counts[shard]), cmp.Compare) {
			if x.counts[shard][of] != real[shard][of] {
				x.breach("P17", "counts by status are wrong", "shard %d counts %d %s of %d", shard, x.counts[shard][of], of, real[shard][of])
			}
		}
	}
}
