package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/store"
	"kibali/web"
)

// GetTimeline serves GET /v1/accounts/{id}/timeline.
func (s *server) GetTimeline(c *gin.Context, id AccountID) {
	limit, after, err := s.timelineQuery(c, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	items, next, err := s.reader.Timeline(c.Request.Context(), id, limit, after)
	if err == nil && len(items) == 0 {
		_, err = s.reader.Account(c.Request.Context(), id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := TimelinePage{Items: make([]TimelineItem, len(items))}
	for i, item := range items {
		body.Items[i] = s.timelineJSON(item)
	}
	if body.NextCursor, err = sealNext(s.cursors, timelineList, id.String(), next); err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, body)
}

func (s *server) timelineQuery(c *gin.Context, id AccountID) (limit int, after *store.TimelineCursor, err error) {
	parameters, err := web.ReadQuery(c, "limit", "cursor")
	if err != nil {
		return 0, nil, err
	}
	limit = parameters.Limit()
	if err := parameters.Err(); err != nil {
		return 0, nil, err
	}
	if cursor := parameters.Cursor(); cursor != "" {
		after = new(store.TimelineCursor)
		err = s.cursors.Open(timelineList, id.String(), cursor, after)
	}
	return limit, after, err
}

func (s *server) timelineJSON(i store.TimelineItem) TimelineItem {
	item := TimelineItem{
		At: i.At.UTC(), Kind: TimelineItemKind(i.Source), Action: i.Action,
		Actor: Actor{Kind: ActorKind(i.ActorKind), ID: i.ActorID, Name: unlessEmpty(i.ActorName)}, Role: unlessEmpty(Role(i.ActorRole)),
		DecisionID: i.DecisionID, CaseID: unlessEmpty(i.WorkflowID),
		ReasonCode: unlessEmpty(i.ReasonCode), Reason: unlessEmpty(i.Reason), Note: unlessEmpty(i.Note), Amount: i.Amount,
		Channel: unlessEmpty(TimelineItemChannel(i.Channel)), Status: unlessEmpty(TimelineItemStatus(i.Status)),
		Failure: unlessEmpty(i.Failure), Credits: timelineCredits(i.Figures()),
	}
	if i.DecisionID != nil && i.DecisionKind != "" {
		item.Decision = &TimelineDecision{
			ID: *i.DecisionID, Kind: i.DecisionKind, Outcome: unlessEmpty(Outcome(i.Outcome)), OutcomeCode: unlessEmpty(i.OutcomeCode),
		}
	}
	if i.WorkflowID != "" {
		item.Workflow = &TimelineWorkflow{ID: i.WorkflowID, URL: unlessEmpty(web.CaseAddress(s.temporalUI, i.WorkflowID))}
	}
	if i.Before != nil {
		item.Before = &i.Before
	}
	if i.After != nil {
		item.After = &i.After
	}
	if i.ClosedAt != nil {
		item.ClosedAt = unlessNever(*i.ClosedAt)
	}
	return item
}

func timelineCredits(f *store.Figures) *TimelineCredits {
	if f == nil {
		return nil
	}
	credits := &TimelineCredits{
		Before: Credits{Available: f.Before.Available, Held: f.Before.Held}, After: Credits{Available: f.After.Available, Held: f.After.Held},
	}
	if f.Suspension != nil {
		credits.Suspension = &TimelineSuspension{
			AvailableBefore: f.Suspension.Before, PostedToHeld: f.Suspension.Posted, AvailableAfter: f.Suspension.Released,
		}
	}
	return credits
}
