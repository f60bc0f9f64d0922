package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/ledger"
	"kibali/store"
	"kibali/web"
)

const timelineList = "console timeline"

// profile shows everything about an account.
func (s *server) profile(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	view, err := s.readProfile(c, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "profile", view)
}

// profileView is what the template of a profile sees.
type profileView struct {
	store.AccountView
	Attention store.Attention
	Documents []documentView
	Keys      []store.APIKey
	Notices   []store.Notice
	Messages  []store.MessageSummary
	Timeline  timelineView
	Billing   billingView
	Sessions  []store.Session
	Verbs     []verb
	Appeals   []store.Appeal // to those who may decide about them, the newest first
	Answers   []verb         // to the one that is open
	TopUp     bool           // whether the viewer may top it up
	Done      *done
	// Case is where the account's open case is in the Temporal UI; "" without one.
	Case string
}

const (
	noticesShown  = 10
	messagesShown = 5
	appealsShown  = 5
	timelineShown = 25
)

func (s *server) readProfile(c *gin.Context, id uuid.UUID) (profileView, error) {
	ctx, caller := c.Request.Context(), web.CallerOf(c).Actor
	var v profileView
	var err error
	if v.AccountView, err = s.service.OpenAccount(ctx, caller, id); err != nil {
		return v, err
	}
	if v.Status == account.Closed && v.DecidedBy != nil {
		closed, err := s.reader.Decision(ctx, *v.DecidedBy)
		if err != nil {
			return v, err
		}
		v.Reason = &store.StatusReason{Code: closed.ReasonCode, Text: closed.Reason, At: v.StageSince, By: closed.StaffName}
	}
	attention, err := s.reader.Attention(ctx, []uuid.UUID{id}, s.now())
	if err != nil {
		return v, err
	}
	v.Attention = attention[id]
	if v.Sessions, err = s.reader.Sessions(ctx, id, s.now()); err != nil {
		return v, err
	}
	if v.Documents, err = s.documentsFor(c, id); err != nil {
		return v, err
	}
	if v.Keys, err = s.reader.APIKeys(ctx, id); err != nil {
		return v, err
	}
	if v.Notices, err = s.reader.Notices(ctx, id, noticesShown); err != nil {
		return v, err
	}
	if v.Messages, err = s.reader.MessageSummaries(ctx, id, messagesShown); err != nil {
		return v, err
	}
	if caller.May(actor.ManageAccess) {
		if v.Appeals, _, err = s.reader.Appeals(ctx, store.AppealsQuery{AccountID: id, Limit: appealsShown}); err != nil {
			return v, err
		}
		v.Answers = answersFor(caller)
	}
	if v.Timeline, err = s.readTimeline(c, id, nil); err != nil {
		return v, err
	}
	if v.Billing, err = s.readBilling(c, id, 0); err != nil {
		return v, err
	}
	v.Verbs = verbsFor(caller, v.AccountView, account.Suspend, account.Reactivate, account.ChangeUntil, account.ForceReset, account.Close, account.Erase)
	v.TopUp = caller.May(actor.TopUp) && ledger.TopUp.Permits(v.Status)
	if v.Done, err = s.done(c); err != nil {
		return v, err
	}
	if caseID := caseOf(v.AccountView); caseID != "" {
		v.Case = web.CaseAddress(s.temporalUI, caseID)
	}
	return v, nil
}

// timelineView is a page of what happened to an account.
type timelineView struct {
	Items []timelineItem
	Next  string // the address of the rest; "" at the end
}

// timelineItem is something that happened, with where its case is.
type timelineItem struct {
	store.TimelineItem
	Case string
}

func (s *server) readTimeline(c *gin.Context, id uuid.UUID, after *store.TimelineCursor) (timelineView, error) {
	items, next, err := s.reader.Timeline(c.Request.Context(), id, timelineShown, after)
	if err != nil {
		return timelineView{}, err
	}
	var v timelineView
	for _, item := range items {
		v.Items = append(v.Items, timelineItem{item, web.CaseAddress(s.temporalUI, item.WorkflowID)})
	}
	if next != nil {
		cursor, err := s.cursors.Seal(timelineList, id.String(), next)
		if err != nil {
			return timelineView{}, err
		}
		v.Next = accountPath(id) + "/timeline?" + url.Values{"after": {cursor}}.Encode()
	}
	return v, nil
}

// timeline shows a further part of what happened to an account.
func (s *server) timeline(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	parameters, err := web.ReadQuery(c, "after")
	if err != nil {
		web.Fail(c, err)
		return
	}
	after := new(store.TimelineCursor)
	if cursor := parameters.Text("after", maxCursor); cursor != "" {
		err = s.cursors.Open(timelineList, id.String(), cursor, after)
	} else {
		after = nil
	}
	if err == nil {
		_, err = s.reader.Account(c.Request.Context(), id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	view, err := s.readTimeline(c, id, after)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "timeline", accountPart[timelineView]{ID: id, Part: view})
}

// accountPart is a part of a profile, by itself.
type accountPart[T any] struct {
	ID   uuid.UUID
	Part T
}

// billingView is a page of an account's billing history.
type billingView struct {
	Items []store.Posted
	Next  string
}

const billingShown = 15

func (s *server) readBilling(c *gin.Context, id uuid.UUID, before int64) (billingView, error) {
	items, next, err := s.reader.Transactions(c.Request.Context(), id, billingShown, before)
	if err != nil {
		return billingView{}, err
	}
	v := billingView{Items: items}
	if next != 0 {
		cursor, err := s.cursors.Seal(billingList, id.String(), next)
		if err != nil {
			return billingView{}, err
		}
		v.Next = accountPath(id) + "/billing?" + url.Values{"after": {cursor}}.Encode()
	}
	return v, nil
}

const billingList = "console billing"

// billing shows a further part of an account's billing history.
func (s *server) billing(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	parameters, err := web.ReadQuery(c, "after")
	if err != nil {
		web.Fail(c, err)
		return
	}
	var before int64
	if cursor := parameters.Text("after", maxCursor); cursor != "" {
		err = s.cursors.Open(billingList, id.String(), cursor, &before)
	}
	if err == nil {
		_, err = s.reader.Account(c.Request.Context(), id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	view, err := s.readBilling(c, id, before)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "billing", accountPart[billingView]{ID: id, Part: view})
}

// caseOf returns the id of the case that an account has open by its status.
func caseOf(v store.AccountView) string {
	if !slices.Contains([]account.Status{account.Pending, account.Suspended}, v.Status) {
		return ""
	}
	return cases.IDFor(v.ID, v.State(), account.Reject)
}
