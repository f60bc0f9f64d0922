package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/fault"
	"kibali/domain/message"
	"kibali/store"
	"kibali/web"
)

// SendMessage serves POST /v1/messages.
func (s *server) SendMessage(c *gin.Context) {
	key, err := web.RequiredIdempotencyKey(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	var body NewMessage
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	m, phones, err := s.service.SendMessage(c.Request.Context(), web.CallerOf(c).Actor, message.Draft{
		To: body.To, Text: body.Text, SenderID: given(body.SenderID),
	}, key)
	if err != nil {
		web.Fail(c, err)
		return
	}
	// As it was accepted: the same for a repeated request, whatever has become of
	// it since.
	accepted := make([]store.Recipient, len(phones))
	for i, phone := range phones {
		accepted[i] = store.Recipient{Phone: phone, Status: message.Queued}
	}
	c.Header("Location", "/v1/messages/"+m.ID.String())
	web.JSON(c, http.StatusAccepted, MessageAnswer{Message: messageJSON(m, accepted)})
}

// GetMessage serves GET /v1/messages/{id}.
func (s *server) GetMessage(c *gin.Context, id uuid.UUID) {
	m, err := s.reader.Message(c.Request.Context(), id)
	if err == nil && m.AccountID != web.CallerOf(c).ID {
		err = fault.New(fault.NotFound, "There is no such message.")
	}
	var recipients []store.Recipient
	if err == nil {
		recipients, err = s.reader.MessageRecipients(c.Request.Context(), id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, MessageAnswer{Message: messageJSON(m, recipients)})
}

func messageJSON(m store.Message, recipients []store.Recipient) Message {
	body := Message{
		ID: m.ID, SenderID: unlessEmpty(m.SenderID), Text: m.Text, Segments: m.Segments, Credits: m.Credits(),
		CreatedAt: m.CreatedAt.UTC(), Recipients: make([]MessageRecipient, len(recipients)),
	}
	counts := message.Counts{}
	for i, r := range recipients {
		counts[r.Status]++
		body.Recipients[i] = MessageRecipient{
			To: r.Phone, Status: MessageStatus(r.Status), Failure: unlessEmpty(r.Failure), Refunded: r.RefundedAt != nil,
		}
		if r.RefundedAt != nil {
			body.RefundedCredits += int64(m.Segments)
		}
	}
	body.Status, body.Unknown = MessageStatus(counts.Status()), counts[message.Unknown]
	return body
}
