package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/service"
	"kibali/web"
)

const resetAsked = "If an account has this address, a link to set a new password is on its way to it."

// AskPasswordReset serves POST /v1/password-resets.
func (s *server) AskPasswordReset(c *gin.Context) {
	var body PasswordResetRequest
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.service.AskReset(c.Request.Context(), web.CallerOf(c).Actor, body.Email); err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusAccepted, PasswordResetAsked{Detail: resetAsked})
}

// CompletePasswordReset serves POST /v1/password-resets/complete.
func (s *server) CompletePasswordReset(c *gin.Context) {
	var body PasswordResetCompletion
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.service.CompleteReset(c.Request.Context(), web.CallerOf(c).Actor, body.Token, body.Password); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}

// ForcePasswordReset serves POST /v1/accounts/{id}/password-reset.
func (s *server) ForcePasswordReset(c *gin.Context, id AccountID) {
	var body Note
	s.decide(c, id, web.DecodeOptional, &body, s.service.ForceReset, func() service.Ask {
		return service.Ask{Note: given(body.Note)}
	})
}
