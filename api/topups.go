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

// TopUp serves POST /v1/accounts/{id}/top-ups.
func (s *server) TopUp(c *gin.Context, id AccountID) {
	var body TopUp
	key, err := web.RequiredIdempotencyKey(c)
	if err == nil {
		err = web.Decode(c, &body)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.carryOut(c, key, id.String(), body, http.StatusCreated, func(ctx context.Context, by actor.Actor, key *store.IdempotencyKey) (service.Decided, error) {
		return s.service.TopUp(ctx, by, service.TopUp{
			AccountID: id, Amount: body.Amount, Reason: string(body.Reason), Note: given(body.Note), Key: key,
		})
	})
}

// Countersign serves POST /v1/decisions/{id}/countersign.
func (s *server) Countersign(c *gin.Context, id uuid.UUID) { s.sign(c, id, s.service.Countersign) }

// Decline serves POST /v1/decisions/{id}/decline.
func (s *server) Decline(c *gin.Context, id uuid.UUID) { s.sign(c, id, s.service.Decline) }

func (s *server) sign(c *gin.Context, id uuid.UUID, command func(context.Context, actor.Actor, service.Sign) (service.Decided, error)) {
	var body Note
	key, err := web.IdempotencyKey(c)
	if err == nil {
		err = web.DecodeOptional(c, &body)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.carryOut(c, key, id.String(), body, http.StatusOK, func(ctx context.Context, by actor.Actor, key *store.IdempotencyKey) (service.Decided, error) {
		return command(ctx, by, service.Sign{DecisionID: id, Note: given(body.Note), Key: key})
	})
}

const topUpsList = "top-ups"

// ListTopUps serves GET /v1/top-ups.
func (s *server) ListTopUps(c *gin.Context) {
	parameters, err := web.ReadQuery(c, "state", "limit", "cursor")
	if err != nil {
		web.Fail(c, err)
		return
	}
	query := store.TopUpsQuery{
		State: parameters.OneOf("state", "", store.StateOpen, store.StateUnsigned, "applied", "refused", "lapsed"), Limit: parameters.Limit(),
	}
	err = parameters.Err()
	if cursor := parameters.Cursor(); cursor != "" && err == nil {
		query.After = new(store.TopUpsCursor)
		err = s.cursors.Open(topUpsList, query.State, cursor, query.After)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	decisions, next, err := s.reader.TopUps(c.Request.Context(), query)
	if err != nil {
		web.Fail(c, err)
		return
	}
	page := DecisionsPage{Items: make([]Decision, len(decisions))}
	for i, d := range decisions {
		page.Items[i] = decisionJSON(d)
	}
	if page.NextCursor, err = sealNext(s.cursors, topUpsList, query.State, next); err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, page)
}
