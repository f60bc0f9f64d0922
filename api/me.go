package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/domain/account"
	"kibali/web"
)

// GetMe serves GET /v1/me.
func (s *server) GetMe(c *gin.Context) {
	view, err := s.reader.Account(c.Request.Context(), web.CallerOf(c).ID)
	sendAccount(c, view, err)
}

// Resubmit serves POST /v1/me/resubmission.
func (s *server) Resubmit(c *gin.Context) {
	var body Resubmission
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	view, applied, err := s.service.Resubmit(c.Request.Context(), web.CallerOf(c).Actor, account.Resubmission{
		Name: body.Name, Locale: string(given(body.Locale)), Company: companyOf(body.Company),
	})
	if err != nil {
		web.Fail(c, err)
		return
	}
	status := http.StatusAccepted
	if applied {
		status = http.StatusOK
	}
	web.JSON(c, status, AccountAnswer{Account: accountJSON(view)})
}
