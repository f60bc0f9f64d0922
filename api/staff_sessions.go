package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// StaffSignIn serves POST /v1/staff/sessions.
func (s *server) StaffSignIn(c *gin.Context) {
	var body StaffSignIn
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	in, err := s.service.StaffSignIn(c.Request.Context(), web.CallerOf(c).Actor, service.StaffSignIn{Email: body.Email, Password: body.Password, Code: given(body.Code)})
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.endReplacedStaff(c)
	web.JSON(c, http.StatusCreated, staffSignedInJSON(in))
}

// endReplacedStaff is endReplaced for the session of a staff member.
func (s *server) endReplacedStaff(c *gin.Context) {
	before, err := web.Recognise(c, web.StaffSession.Enrolling())
	if err != nil {
		return // there was none
	}
	if err := s.service.StaffSignOut(c.Request.Context(), before.Actor, before.Session.ID); err != nil {
		s.log.WarnContext(c, "a replaced session was not ended", "request_id", web.RequestID(c), "error", web.Describe(err))
	}
}

// ListStaffSessions serves GET /v1/staff/sessions.
func (s *server) ListStaffSessions(c *gin.Context) {
	caller := web.CallerOf(c)
	sessions, err := s.reader.StaffSessions(c.Request.Context(), caller.ID, s.now())
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := StaffSessionsPage{Items: make([]StaffSession, len(sessions))}
	for i, session := range sessions {
		body.Items[i] = staffSessionJSON(session, caller.Session != nil && session.ID == caller.Session.ID)
	}
	web.JSON(c, http.StatusOK, body)
}

// StaffSignOut serves DELETE /v1/staff/sessions/current.
func (s *server) StaffSignOut(c *gin.Context) { s.endStaffSession(c, web.CallerOf(c).Session.ID) }

// EndStaffSession serves DELETE /v1/staff/sessions/{id}.
func (s *server) EndStaffSession(c *gin.Context, id uuid.UUID) { s.endStaffSession(c, id) }

func (s *server) endStaffSession(c *gin.Context, id uuid.UUID) {
	if err := s.service.StaffSignOut(c.Request.Context(), web.CallerOf(c).Actor, id); err != nil {
		web.Fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
}

// StaffStepUp serves POST /v1/staff/sessions/current/step-up.
func (s *server) StaffStepUp(c *gin.Context) {
	var body StaffStepUp
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	session, err := s.service.StaffStepUp(c.Request.Context(), caller.Actor, *caller.Session, body.Password, given(body.Code))
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, StaffSessionAnswer{Session: staffSessionJSON(session, true)})
}

// GetStaffMe serves GET /v1/staff/me.
func (s *server) GetStaffMe(c *gin.Context) {
	caller := web.CallerOf(c)
	staff, err := s.reader.Staff(c.Request.Context(), caller.ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	factor, err := s.secondFactorJSON(c, caller.ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := StaffMe{Staff: staffPersonJSON(staff), Permissions: []string{}, SecondFactor: factor}
	for _, p := range actor.Permissions() {
		if caller.May(p) {
			body.Permissions = append(body.Permissions, string(p))
		}
	}
	if caller.Session != nil {
		session := staffSessionJSON(*caller.Session, true)
		body.Session = &session
	}
	web.JSON(c, http.StatusOK, body)
}

// ChangeStaffPassword serves POST /v1/staff/me/password.
func (s *server) ChangeStaffPassword(c *gin.Context) {
	var body StaffPasswordChange
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	in, err := s.service.ChangeStaffPassword(c.Request.Context(), caller.Actor, *caller.Session, body.CurrentPassword, body.Password)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, staffSignedInJSON(in))
}

func staffSignedInJSON(in service.StaffSignedIn) StaffSignedIn {
	return StaffSignedIn{Token: in.Token, Staff: staffPersonJSON(in.Staff), Session: staffSessionJSON(in.Session, true)}
}

func staffPersonJSON(s store.Staff) StaffPerson {
	return StaffPerson{ID: s.ID, Name: s.Name, Email: s.Email, Role: Role(s.Role)}
}

func staffSessionJSON(s store.StaffSession, current bool) StaffSession {
	session := StaffSession{
		ID: s.ID, Method: StaffSessionMethod(s.Method), SecondFactor: s.SecondFactor, CreatedAt: s.CreatedAt.UTC(), LastUsedAt: s.LastUsedAt.UTC(),
		RecentUntil: s.RecentUntil.UTC(), ExpiresAt: s.ExpiresAt.UTC(), IdleSeconds: int64(s.Idle.Seconds()), Current: current,
	}
	if s.Address != nil {
		address := s.Address.String()
		session.Address = &address
	}
	return session
}
