package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/web"
)

// Login serves POST /v1/sessions.
func (s *server) Login(c *gin.Context) {
	var body Login
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	session, err := s.service.Login(c.Request.Context(), web.CallerOf(c).Actor, body.Email, body.Password)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, LoggedIn{Token: session.Token, Account: accountJSON(session.Account)})
}

// Logout serves DELETE /v1/sessions/current.
func (s *server) Logout(c *gin.Context) {
	caller := web.CallerOf(c)
	if err := s.service.Logout(c.Request.Context(), caller.Actor, caller.Token); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}
