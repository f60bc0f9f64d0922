package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// Appeal serves POST /v1/me/appeal.
func (s *server) Appeal(c *gin.Context) {
	var body Appeal
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	appeal, err := s.service.Appeal(c.Request.Context(), web.CallerOf(c).Actor, body.Text)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusAccepted, OwnAppealAnswer{Appeal: OwnAppeal{ID: appeal.ID, MadeAt: appeal.MadeAt.UTC()}})
}

// GrantAppeal serves POST /v1/accounts/{id}/appeals/{appeal}/grant.
func (s *server) GrantAppeal(c *gin.Context, id AccountID, appeal AppealID) {
	var body Note
	s.answerAppeal(c, id, appeal, web.DecodeOptional, &body, s.service.GrantAppeal, func() service.Ask {
		return service.Ask{Note: given(body.Note)}
	})
}

// DismissAppeal serves POST /v1/accounts/{id}/appeals/{appeal}/dismiss.
func (s *server) DismissAppeal(c *gin.Context, id AccountID, appeal AppealID) {
	var body DismissalReason
	s.answerAppeal(c, id, appeal, web.Decode, &body, s.service.DismissAppeal, func() service.Ask {
		return service.Ask{Reason: body.Reason, Note: given(body.Note)}
	})
}

func (s *server) answerAppeal(
	c *gin.Context, id, appeal uuid.UUID, decode func(*gin.Context, any) error, body any,
	command func(context.Context, actor.Actor, service.Ask) (service.Decided, error), ask func() service.Ask,
) {
	key, err := web.IdempotencyKey(c)
	if err == nil {
		err = decode(c, body)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	target := id.String() + "/" + appeal.String()
	s.carryOut(c, key, target, body, http.StatusOK, func(ctx context.Context, by actor.Actor, key *store.IdempotencyKey) (service.Decided, error) {
		order := ask()
		order.AccountID, order.AppealID, order.Key = id, &appeal, key
		return command(ctx, by, order)
	})
}

const appealsList = "appeals"

// ListAppeals serves GET /v1/appeals.
func (s *server) ListAppeals(c *gin.Context) { s.sendAppeals(c, uuid.Nil) }

// ListAppealsOf serves GET /v1/accounts/{id}/appeals.
func (s *server) ListAppealsOf(c *gin.Context, id AccountID) { s.sendAppeals(c, id) }

// sendAppeals answers with appeals of an account, or of every account.
func (s *server) sendAppeals(c *gin.Context, id uuid.UUID) {
	parameters, err := web.ReadQuery(c, "state", "limit", "cursor")
	if err != nil {
		web.Fail(c, err)
		return
	}
	query := store.AppealsQuery{
		AccountID: id, Limit: parameters.Limit(),
		State: parameters.OneOf("state", "", store.StateOpen, store.AppealGranted, store.AppealDismissed, store.AppealMoot),
	}
	err = parameters.Err()
	sealed := id.String() + "\x00" + query.State
	if cursor := parameters.Cursor(); cursor != "" && err == nil {
		query.After = new(store.AppealsCursor)
		err = s.cursors.Open(appealsList, sealed, cursor, query.After)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	appeals, next, err := s.reader.Appeals(c.Request.Context(), query)
	if err == nil && len(appeals) == 0 && id != uuid.Nil {
		_, err = s.reader.Account(c.Request.Context(), id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	page := AppealsPage{Items: make([]AccountAppeal, len(appeals))}
	for i, a := range appeals {
		page.Items[i] = appealJSON(a)
	}
	if page.NextCursor, err = sealNext(s.cursors, appealsList, sealed, next); err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, page)
}

func appealJSON(a store.Appeal) AccountAppeal {
	appeal := AccountAppeal{
		ID: a.ID, AccountID: a.AccountID, SuspensionID: a.DecisionID, Text: a.Text, MadeAt: a.MadeAt.UTC(), DueAt: a.RemindAt.UTC(),
		State: AppealStateOpen, Reason: unlessEmpty(a.Reason), ClosedAt: utc(a.ClosedAt),
	}
	if !a.Open() {
		appeal.State = AppealState(a.Outcome)
	}
	if a.StaffID != nil {
		appeal.Staff = &StaffMember{ID: *a.StaffID, Name: a.StaffName}
	}
	return appeal
}
