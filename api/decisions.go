package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// Approve serves POST /v1/accounts/{id}/approve.
func (s *server) Approve(c *gin.Context, id AccountID) {
	var body Note
	s.decide(c, id, web.DecodeOptional, &body, s.service.Approve, func() service.Ask {
		return service.Ask{Note: given(body.Note)}
	})
}

// Reject serves POST /v1/accounts/{id}/reject.
func (s *server) Reject(c *gin.Context, id AccountID) {
	var body ReviewReason
	s.decide(c, id, web.Decode, &body, s.service.Reject, func() service.Ask {
		return service.Ask{ReasonCode: string(body.ReasonCode), Reason: body.Reason, Note: given(body.Note)}
	})
}

// RequestChanges serves POST /v1/accounts/{id}/request-changes.
func (s *server) RequestChanges(c *gin.Context, id AccountID) {
	var body ReviewReason
	s.decide(c, id, web.Decode, &body, s.service.RequestChanges, func() service.Ask {
		return service.Ask{ReasonCode: string(body.ReasonCode), Reason: body.Reason, Note: given(body.Note)}
	})
}

// Suspend serves POST /v1/accounts/{id}/suspend.
func (s *server) Suspend(c *gin.Context, id AccountID) {
	var body SuspensionReason
	s.decide(c, id, web.Decode, &body, s.service.Suspend, func() service.Ask {
		return service.Ask{ReasonCode: string(body.ReasonCode), Reason: body.Reason, Note: given(body.Note), Until: body.Until}
	})
}

// ChangeUntil serves PATCH /v1/accounts/{id}/suspension.
func (s *server) ChangeUntil(c *gin.Context, id AccountID) {
	var body SuspensionEnd
	s.decide(c, id, web.Decode, &body, s.service.ChangeUntil, func() service.Ask {
		return service.Ask{Until: body.Until, Note: given(body.Note)}
	})
}

// Reactivate serves POST /v1/accounts/{id}/reactivate.
func (s *server) Reactivate(c *gin.Context, id AccountID) {
	var body Note
	s.decide(c, id, web.DecodeOptional, &body, s.service.Reactivate, func() service.Ask {
		return service.Ask{Note: given(body.Note)}
	})
}

// Close serves POST /v1/accounts/{id}/close.
func (s *server) Close(c *gin.Context, id AccountID) {
	var body ClosingReason
	s.decide(c, id, web.Decode, &body, s.service.Close, func() service.Ask {
		return service.Ask{Reason: body.Reason, Note: given(body.Note)}
	})
}

// Erase serves POST /v1/accounts/{id}/erase.
func (s *server) Erase(c *gin.Context, id AccountID) {
	var body ErasureReason
	s.decide(c, id, web.Decode, &body, s.service.Erase, func() service.Ask {
		return service.Ask{ReasonCode: string(body.ReasonCode), Note: given(body.Note)}
	})
}

// decide decodes body, hands what ask makes of it to command, and answers with
// the outcome: the same one when the request is a replay.
func (s *server) decide(
	c *gin.Context, id uuid.UUID, decode func(*gin.Context, any) error, body any,
	command func(context.Context, actor.Actor, service.Ask) (service.Decided, error), ask func() service.Ask,
) {
	if err := decode(c, body); err != nil {
		web.Fail(c, err)
		return
	}
	key, err := web.IdempotencyKey(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.carryOut(c, key, id.String(), body, http.StatusOK, func(ctx context.Context, by actor.Actor, key *store.IdempotencyKey) (service.Decided, error) {
		order := ask()
		order.AccountID, order.Key = id, key
		return command(ctx, by, order)
	})
}

// carryOut runs a command about what is called target and answers with its
// outcome: with done when it was carried out, and with the same answer again
// when the request is a replay.
func (s *server) carryOut(
	c *gin.Context, header, target string, body any, done int,
	command func(context.Context, actor.Actor, *store.IdempotencyKey) (service.Decided, error),
) {
	caller := web.CallerOf(c).Actor
	key, err := keyOf(c, caller, header, target, body)
	if err != nil {
		web.Fail(c, err)
		return
	}
	decided, err := command(c.Request.Context(), caller, key)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if decided.Replay != nil {
		sendDecision(c, decided.Replay.Status, decided.Replay.Body)
		return
	}
	s.answerDecision(c, key, done, decided)
}

// optionalKey is keyOf for a route on which the header may be left out.
func optionalKey(c *gin.Context, target string, body any) (*store.IdempotencyKey, error) {
	header, err := web.IdempotencyKey(c)
	if err != nil {
		return nil, err
	}
	return keyOf(c, web.CallerOf(c).Actor, header, target, body)
}

// keyOf returns the request's idempotency key with the fingerprint of what it
// asks for: the route, its target and the body as it was understood. It is nil
// when the caller sent none.
func keyOf(c *gin.Context, caller actor.Actor, key, target string, body any) (*store.IdempotencyKey, error) {
	if key == "" {
		return nil, nil
	}
	canonical, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("fingerprint a request: %w", err)
	}
	route := c.Request.Method + " " + c.FullPath()
	return &store.IdempotencyKey{
		Scope: string(caller.Kind) + ":" + caller.ID.String(), Route: route, Key: key,
		Fingerprint: sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", route, target, canonical)),
	}, nil
}

// answerDecision answers, and keeps the answer for replays of the key.
func (s *server) answerDecision(c *gin.Context, key *store.IdempotencyKey, status int, decided service.Decided) {
	answer := any(Decided{Account: accountJSON(decided.Account), Decision: decisionJSON(decided.Decision)})
	if !decided.Done || decided.Decision.AccountID == uuid.Nil {
		answer = DecisionAnswer{Decision: decisionJSON(decided.Decision)}
	}
	if !decided.Done {
		status = http.StatusAccepted
	}
	body, err := json.Marshal(answer)
	if err != nil {
		web.Fail(c, fmt.Errorf("encode the answer: %w", err))
		return
	}
	kept := store.Answer{Status: status, Body: body}
	if key != nil {
		if kept, err = s.service.Remember(c.Request.Context(), *key, decided.Decision.ID, kept); err != nil {
			web.Fail(c, err)
			return
		}
	}
	sendDecision(c, kept.Status, kept.Body)
}

// sendDecision sends a decision's answer, with its address while it is open.
func sendDecision(c *gin.Context, status int, body []byte) {
	if status == http.StatusAccepted {
		var accepted DecisionAnswer
		if err := json.Unmarshal(body, &accepted); err != nil {
			web.Fail(c, fmt.Errorf("read a kept answer: %w", err))
			return
		}
		c.Header("Location", "/v1/decisions/"+accepted.Decision.ID.String())
	}
	web.Send(c, status, "application/json", body)
}

// GetDecision serves GET /v1/decisions/{id}.
func (s *server) GetDecision(c *gin.Context, id uuid.UUID) {
	decision, err := s.reader.Decision(c.Request.Context(), id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, DecisionAnswer{Decision: decisionJSON(decision)})
}

func decisionJSON(d store.Decision) Decision {
	decision := Decision{
		ID: d.ID, AccountID: unlessNil(d.AccountID), Kind: DecisionKind(d.Kind), State: stateOf(d), SecondSignature: signatureJSON(d), AppealID: d.AppealID,
		ReasonCode: unlessEmpty(d.ReasonCode), Reason: unlessEmpty(d.Reason), Note: unlessEmpty(d.Note), Until: utc(d.Until),
		Staff: StaffMember{ID: d.StaffID, Name: d.StaffName}, RequestedAt: d.RequestedAt.UTC(),
		Outcome: unlessEmpty(Outcome(d.Outcome)), OutcomeCode: unlessEmpty(d.OutcomeCode), ClosedAt: utc(d.ClosedAt),
	}
	if d.Kind == account.TopUp {
		decision.Amount = &d.Amount
	}
	return decision
}

func stateOf(d store.Decision) DecisionState {
	switch {
	case d.Unsigned():
		return DecisionStateAwaitingSignature
	case d.Open():
		return DecisionStateOpen
	default:
		return DecisionState(d.Outcome)
	}
}

func signatureJSON(d store.Decision) *SecondSignature {
	if d.LapsesAt == nil {
		return nil
	}
	signature := SecondSignature{LapsesAt: d.LapsesAt.UTC(), Note: unlessEmpty(d.SignatureNote), SignedAt: utc(d.SignedAt)}
	if d.SignedBy != nil {
		signature.Kind = unlessEmpty(SecondSignatureKind(d.Signature))
		signature.Staff = &StaffMember{ID: *d.SignedBy, Name: d.SignedByName}
	}
	return &signature
}

// unlessNil returns nil for the zero id.
func unlessNil(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
