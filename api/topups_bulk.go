package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// TopUpMany serves POST /v1/top-ups.
func (s *server) TopUpMany(c *gin.Context) {
	var body BulkTopUp
	key, err := web.RequiredIdempotencyKey(c)
	if err == nil {
		err = web.Decode(c, &body)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.carryOut(c, key, "", body, http.StatusCreated, func(ctx context.Context, by actor.Actor, key *store.IdempotencyKey) (service.Decided, error) {
		return s.service.TopUpMany(ctx, by, service.BulkTopUp{CSV: body.Csv, Reason: string(body.Reason), Note: given(body.Note), Key: key})
	})
}

// PreviewTopUps serves POST /v1/top-ups/preview.
func (s *server) PreviewTopUps(c *gin.Context) {
	var body BulkTopUp
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	preview, err := s.service.PreviewTopUps(c.Request.Context(), web.CallerOf(c).Actor, service.BulkTopUp{CSV: body.Csv, Reason: string(body.Reason)})
	if err != nil {
		web.Fail(c, err)
		return
	}
	answer := BulkPreview{Lines: make([]PreviewLine, len(preview.Lines)), Total: preview.Total, Bad: preview.Bad, SecondSignature: preview.SecondSignature}
	for i, line := range preview.Lines {
		answer.Lines[i] = previewJSON(line)
	}
	web.JSON(c, http.StatusOK, answer)
}

func previewJSON(l service.FileLine) PreviewLine {
	line := PreviewLine{
		Line: l.Line, AccountID: unlessNil(l.Account.ID), Company: unlessEmpty(l.Account.Name), Errors: make([]FieldProblem, len(l.Bad)),
	}
	if l.Amount > 0 {
		line.Amount = &l.Amount
	}
	for i, f := range l.Bad {
		line.Errors[i] = FieldProblem{Field: f.Field, Code: f.Code, Detail: f.Detail}
	}
	return line
}

const topUpLinesList = "top-up lines"

// GetTopUp serves GET /v1/top-ups/{id}.
func (s *server) GetTopUp(c *gin.Context, id uuid.UUID) {
	limit, after, err := s.topUpQuery(c, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	decision, err := s.reader.Decision(c.Request.Context(), id)
	if err == nil && decision.Kind != account.TopUp {
		err = fault.New(fault.NotFound, "There is no such top-up.")
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	lines, err := s.reader.TopUpLines(c.Request.Context(), id, after, limit+1)
	if err != nil {
		web.Fail(c, err)
		return
	}
	report := TopUpReport{Decision: decisionJSON(decision), Items: []TopUpLine{}}
	for _, l := range lines[:min(limit, len(lines))] {
		report.Items = append(report.Items, TopUpLine{
			Line: l.Line, AccountID: l.AccountID, Amount: l.Amount, TransferID: l.TransferID, Refusal: unlessEmpty(l.Refusal),
		})
	}
	if len(lines) > limit {
		if report.NextCursor, err = sealNext(s.cursors, topUpLinesList, id.String(), &lines[limit-1].Line); err != nil {
			web.Fail(c, err)
			return
		}
	}
	web.JSON(c, http.StatusOK, report)
}

// topUpQuery reads the query string; after is the line that the page begins
// behind, 0 for the first page.
func (s *server) topUpQuery(c *gin.Context, id uuid.UUID) (limit, after int, err error) {
	parameters, err := web.ReadQuery(c, "limit", "cursor")
	if err != nil {
		return 0, 0, err
	}
	limit = parameters.Limit()
	if err := parameters.Err(); err != nil {
		return 0, 0, err
	}
	if cursor := parameters.Cursor(); cursor != "" {
		err = s.cursors.Open(topUpLinesList, id.String(), cursor, &after)
	}
	return limit, after, err
}
