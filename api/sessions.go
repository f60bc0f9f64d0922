package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

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
	s.endReplaced(c)
	web.JSON(c, http.StatusCreated, LoggedIn{Token: session.Token, Account: accountJSON(session.Account)})
}

// endReplaced ends the session that a sign-in was sent with, which the new one
// takes the place of.
func (s *server) endReplaced(c *gin.Context) {
	before, err := web.Recognise(c, web.User)
	if err != nil {
		return // there was none
	}
	if err := s.service.Logout(c.Request.Context(), before.Actor, before.Token); err != nil {
		s.log.WarnContext(c, "a replaced session was not ended", "request_id", web.RequestID(c), "error", web.Describe(err))
	}
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

// ListSessions serves GET /v1/me/sessions.
func (s *server) ListSessions(c *gin.Context) {
	caller := web.CallerOf(c)
	sessions, err := s.reader.Sessions(c.Request.Context(), caller.ID, s.now())
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := SessionsPage{Items: make([]Session, len(sessions))}
	for i, session := range sessions {
		body.Items[i] = Session{
			ID: session.ID, CreatedAt: session.CreatedAt.UTC(), LastUsedAt: session.LastUsedAt.UTC(), ExpiresAt: session.ExpiresAt.UTC(),
			IdleSeconds: int64(session.Idle.Seconds()), Current: session.ID == caller.SessionID,
		}
		if session.Address != nil {
			address := session.Address.String()
			body.Items[i].Address = &address
		}
	}
	web.JSON(c, http.StatusOK, body)
}

// EndSession serves DELETE /v1/me/sessions/{id}.
func (s *server) EndSession(c *gin.Context, id uuid.UUID) {
	if err := s.service.EndSession(c.Request.Context(), web.CallerOf(c).Actor, id); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}

// ChangePassword serves POST /v1/me/password.
func (s *server) ChangePassword(c *gin.Context) {
	var body PasswordChange
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	session, err := s.service.ChangePassword(c.Request.Context(), web.CallerOf(c).Actor, body.CurrentPassword, body.Password)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, LoggedIn{Token: session.Token, Account: accountJSON(session.Account)})
}
