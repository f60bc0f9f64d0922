package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// history is what a case has left in Temporal.
type history struct {
	events map[enums.EventType]int
	// attempts of activities, of which a history keeps the number only.
	attempts int
}

func readHistory(ctx context.Context, c client.Client, workflowID string) (history, error) {
	h := history{events: map[enums.EventType]int{}}
	iterator := c.GetWorkflowHistory(ctx, workflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		if err != nil {
			return history{}, err
		}
		h.events[event.EventType]++
		if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
			h.attempts += int(started.Attempt)
		}
	}
	return h, nil
}

func (h history) size() int {
	size := 0
	for _, n := range h.events {
		size += n
	}
	return size
}

// actions is what Temporal Cloud would bill, by its list of actions: a
// workflow started, a timer started, an update, a signal, an upsert of search
// attributes, and each attempt of an activity.
func (h history) actions() int {
	actions := h.attempts
	for _, billed := range []enums.EventType{
		enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enums.EVENT_TYPE_TIMER_STARTED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
		enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, enums.EVENT_TYPE_MARKER_RECORDED,
	} {
		actions += h.events[billed]
	}
	return actions
}

// shape is what a bare case has to have in common with a real one.
func (h history) shape() string {
	return fmt.Sprintf("%d activities, %d timers, %d updates, %d signals", h.events[enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED],
		h.events[enums.EVENT_TYPE_TIMER_STARTED], h.events[enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED], h.events[enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED])
}

func (h history) String() string {
	var parts []string
	for _, event := range slices.SortedFunc(maps.Keys(h.events), func(a, b enums.EventType) int { return strings.Compare(a.String(), b.String()) }) {
		parts = append(parts, fmt.Sprintf("%d %s", h.events[event], event))
	}
	return strings.Join(parts, ", ")
}
