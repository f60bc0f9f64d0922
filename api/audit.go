package api

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/store"
	"kibali/web"
)

const auditList = "audit"

// ListAudit serves GET /v1/audit.
func (s *server) ListAudit(c *gin.Context) {
	query, sealed, err := s.auditQuery(c, "limit", "cursor")
	if err != nil {
		web.Fail(c, err)
		return
	}
	events, next, err := s.reader.Audit(c.Request.Context(), query)
	if err != nil {
		web.Fail(c, err)
		return
	}
	page := AuditPage{Items: make([]AuditEvent, len(events))}
	for i, e := range events {
		page.Items[i] = auditJSON(e)
	}
	if page.NextCursor, err = sealNext(s.cursors, auditList, sealed, next); err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, page)
}

// GetAuditHead serves GET /v1/audit/head.
func (s *server) GetAuditHead(c *gin.Context) {
	if _, err := web.ReadQuery(c); err != nil {
		web.Fail(c, err)
		return
	}
	seal, err := s.reader.LastAuditSeal(c.Request.Context())
	if err != nil {
		web.Fail(c, err)
		return
	}
	var answer AuditHeadAnswer
	if seal.Number > 0 {
		answer.Head = &AuditHead{Number: seal.Number, Hash: hex.EncodeToString(seal.Hash), EventID: seal.To, SealedAt: seal.SealedAt.UTC()}
	}
	web.JSON(c, http.StatusOK, answer)
}

const maxAuditWord = 100

// auditQuery reads the query string, and returns too what of it a cursor is
// sealed with. paging are the parameters beside the filters.
func (s *server) auditQuery(c *gin.Context, paging ...string) (query store.AuditQuery, sealed string, err error) {
	parameters, err := web.ReadQuery(c, append(paging, "actor_id", "action", "subject", "subject_id", "account_id", "from", "to")...)
	if err != nil {
		return store.AuditQuery{}, "", err
	}
	query = store.AuditQuery{
		ActorID: parameters.ID("actor_id"), Action: parameters.Text("action", maxAuditWord), Subject: parameters.Text("subject", maxAuditWord),
		SubjectID: parameters.Text("subject_id", maxAuditWord), AccountID: parameters.ID("account_id"),
		From: parameters.Time("from"), To: parameters.Time("to"), Limit: parameters.Limit(),
	}
	if err := parameters.Err(); err != nil {
		return store.AuditQuery{}, "", err
	}
	sealed = strings.Join([]string{
		query.ActorID.String(), query.Action, query.Subject, query.SubjectID, query.AccountID.String(),
		query.From.Format(time.RFC3339Nano), query.To.Format(time.RFC3339Nano),
	}, "\x00")
	if cursor := parameters.Cursor(); cursor != "" {
		query.After = new(store.AuditCursor)
		err = s.cursors.Open(auditList, sealed, cursor, query.After)
	}
	return query, sealed, err
}

// ExportAudit serves GET /v1/audit/export.jsonl.
func (s *server) ExportAudit(c *gin.Context) {
	query, _, err := s.auditQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	query.Limit = exportRows
	file := web.BeginLines(c, "audit-"+s.now().UTC().Format("2006-01-02")+".jsonl")
	for {
		events, next, err := s.reader.Audit(c.Request.Context(), query)
		if err != nil {
			file.Fail(fmt.Errorf("export the audit trail: %w", err))
			return
		}
		for _, e := range events {
			line, err := json.Marshal(auditJSON(e))
			if err != nil {
				file.Fail(fmt.Errorf("export the audit trail: %w", err))
				return
			}
			if !file.Line(line) {
				return
			}
		}
		if next == nil {
			file.End()
			return
		}
		query.After = next
		file.More()
	}
}

func auditJSON(e store.AuditEvent) AuditEvent {
	event := AuditEvent{
		ID: e.ID, At: e.At.UTC(), Actor: Actor{Kind: ActorKind(e.ActorKind), ID: e.ActorID, Name: unlessEmpty(e.ActorName)},
		Role: unlessEmpty(Role(e.ActorRole)), Action: e.Action, Subject: e.Subject, SubjectID: e.SubjectID, AccountID: e.AccountID,
		ReasonCode: unlessEmpty(e.ReasonCode), DecisionID: e.DecisionID, RequestID: unlessEmpty(e.RequestID), CaseID: unlessEmpty(e.WorkflowID),
	}
	if e.Before != nil {
		event.Before = &e.Before
	}
	if e.After != nil {
		event.After = &e.After
	}
	if e.Address != nil {
		address := e.Address.String()
		event.Address = &address
	}
	return event
}
