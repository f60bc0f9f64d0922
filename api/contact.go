package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/domain/account"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// ChangeEmail serves POST /v1/me/email.
func (s *server) ChangeEmail(c *gin.Context) {
	var body EmailChange
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	s.changeContact(c, service.ContactChange{Contact: account.ContactEmail, Value: body.Email, Password: body.CurrentPassword})
}

// ChangePhone serves POST /v1/me/phone.
func (s *server) ChangePhone(c *gin.Context) {
	var body PhoneChange
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	s.changeContact(c, service.ContactChange{Contact: account.ContactPhone, Value: body.Phone, Password: body.CurrentPassword})
}

func (s *server) changeContact(c *gin.Context, change service.ContactChange) {
	caller := web.CallerOf(c)
	change.Session = caller.SessionID
	p, err := s.service.ChangeContact(c.Request.Context(), caller.Actor, change)
	sendProofAsked(c, p, err)
}

// ProveEmail serves POST /v1/me/email/proof.
func (s *server) ProveEmail(c *gin.Context) { s.askProof(c, account.ContactEmail) }

// ProvePhone serves POST /v1/me/phone/proof.
func (s *server) ProvePhone(c *gin.Context) { s.askProof(c, account.ContactPhone) }

func (s *server) askProof(c *gin.Context, contact account.Contact) {
	var body struct{} // nothing is asked for, and nothing else is taken
	if err := web.DecodeOptional(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	p, err := s.service.AskProof(c.Request.Context(), web.CallerOf(c).Actor, contact)
	sendProofAsked(c, p, err)
}

// sendProofAsked answers that a link or a code is on its way.
func sendProofAsked(c *gin.Context, p store.ContactProof, err error) {
	if err != nil {
		web.Fail(c, err)
		return
	}
	detail := "A link is on its way to the address."
	if p.Contact == account.ContactPhone {
		detail = "A code is on its way to the phone."
	}
	web.JSON(c, http.StatusAccepted, ProofAsked{Detail: detail, Change: p.Change})
}

// ConfirmPhone serves POST /v1/me/phone/proof/confirm.
func (s *server) ConfirmPhone(c *gin.Context) {
	var body PhoneCode
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	view, err := s.service.ConfirmPhone(c.Request.Context(), web.CallerOf(c).Actor, body.Code)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, AccountAnswer{Account: accountJSON(view)})
}

// CompleteEmailProof serves POST /v1/email-proofs/complete.
func (s *server) CompleteEmailProof(c *gin.Context) {
	var body EmailProofCompletion
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.service.CompleteEmailProof(c.Request.Context(), web.CallerOf(c).Actor, body.Token); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}
