package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// caseState is what Temporal says of the latest run of a case.
type caseState struct {
	running bool
	// how a closed run ended
	ended  enums.WorkflowExecutionStatus
	status string // the search attribute CaseStatus
	// leaked are the personal data found in what describes the run
	described []byte
}

// failed reports whether a closed case ended otherwise than it should.
func (s caseState) failed() bool { return s.ended != enums.WORKFLOW_EXECUTION_STATUS_COMPLETED }

// describeCases asks Temporal of every case that there can be. It asks for each
// by its id, because the list of Temporal may lag.
func (i *installation) describeCases(ctx context.Context, s snapshot) (map[string]caseState, error) {
	var ids []string
	for _, a := range s.accounts {
		ids = append(ids, cases.RegistrationID(a.ID), cases.SuspensionID(a.ID), cases.ClosureID(a.ID))
	}
	for _, d := range s.decisions {
		if d.Kind == account.TopUp {
			ids = append(ids, cases.TopUpID(d.ID))
		}
	}
	for _, m := range s.messages {
		ids = append(ids, cases.MessageID(m.ID))
	}
	found := map[string]caseState{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, id := range ids {
		group.Go(func() error {
			state, err := i.describeCase(ctx, id)
			if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
				return nil
			}
			if err != nil {
				return fmt.Errorf("describe %s: %w", id, err)
			}
			mu.Lock()
			defer mu.Unlock()
			found[id] = state
			return nil
		})
	}
	return found, group.Wait()
}

func (i *installation) describeCase(ctx context.Context, id string) (caseState, error) {
	description, err := i.temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return caseState{}, err
	}
	info := description.GetWorkflowExecutionInfo()
	state := caseState{running: info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, ended: info.GetStatus()}
	if payload := info.GetSearchAttributes().GetIndexedFields()[cases.AttributeCaseStatus]; payload != nil {
		if err := json.Unmarshal(payload.GetData(), &state.status); err != nil {
			return caseState{}, fmt.Errorf("read %s: %w", cases.AttributeCaseStatus, err)
		}
	}
	state.described, err = description.Marshal()
	return state, err
}

// casesAgree compares the cases with the accounts: a review or a suspension is
// open exactly while its account is under review or suspended.
func (x *indexed) casesAgree() {
	for _, a := range x.accounts {
		registration, known := x.cases[cases.RegistrationID(a.ID)]
		if !known {
			x.breach("P7", "account without a case", "account %s is %s", a.ID, a.Status)
			continue
		}
		x.caseAgrees(a, cases.RegistrationID(a.ID), registration, a.Status == account.Pending, x.reviewStatuses(a))
		if suspension, known := x.cases[cases.SuspensionID(a.ID)]; known || a.Status == account.Suspended {
			x.caseAgrees(a, cases.SuspensionID(a.ID), suspension, a.Status == account.Suspended, x.suspensionStatuses(a))
		}
		if closure, known := x.cases[cases.ClosureID(a.ID)]; known {
			x.caseAgrees(a, cases.ClosureID(a.ID), closure, false, []string{cases.StatusClosed})
		}
	}
}

func (x *indexed) caseAgrees(a accountRow, id string, state caseState, open bool, statuses []string) {
	switch {
	case state.running != open:
		x.breach("P7", "case and account disagree", "%s: account is %s/%s, case is %s", id, a.Status, a.Stage, state.ended)
	case !open && state.ended != enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		x.breach("P7", "case failed", "%s: %s", id, state.ended)
	case !slices.Contains(statuses, state.status):
		x.breach("P7", "CaseStatus is wrong", "%s: account is %s/%s, CaseStatus is %q and not one of %q", id, a.Status, a.Stage, state.status, statuses)
	}
}

// reviewStatuses returns what CaseStatus of a review may be: while it is open,
// pending; else how it ended. A closed one may have been opened once more by a
// message that came late, and then has the status that the account had.
func (x *indexed) reviewStatuses(a accountRow) []string {
	if a.Status == account.Pending {
		return []string{cases.StatusPending}
	}
	statuses := []string{}
	for _, event := range x.eventsOf[a.ID] {
		switch account.Action(event.Action) {
		case account.Approve:
			statuses = []string{cases.StatusApproved, string(account.Active)}
		case account.Reject:
			statuses = []string{cases.StatusRejected}
		case account.Suspend:
			statuses = append(statuses, string(account.Suspended))
		case account.Close:
			statuses = append(statuses, string(account.Closed))
		}
	}
	return statuses
}

func (x *indexed) suspensionStatuses(a accountRow) []string {
	switch a.Status {
	case account.Suspended:
		return []string{cases.StatusSuspended}
	case account.Closed:
		return []string{cases.StatusClosed, cases.StatusReactivated, string(account.Active)}
	default:
		return []string{cases.StatusReactivated, string(account.Active)}
	}
}

func decodeColumn(column json.RawMessage, into any) {
	if len(column) > 0 {
		_ = json.Unmarshal(column, into) // another shape has none of the members
	}
}

// storedFiles reads what is stored of each document.
func (i *installation) storedFiles(ctx context.Context, documents []documentRow) (map[uuid.UUID]string, error) {
	found := map[uuid.UUID]string{}
	for _, d := range documents {
		sum, err := i.sumOf(ctx, d.StorageKey)
		if err != nil {
			return nil, fmt.Errorf("read document %s: %w", d.ID, err)
		}
		found[d.ID] = sum
	}
	return found, nil
}
