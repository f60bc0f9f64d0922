package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// ListStaff serves GET /v1/staff.
func (s *server) ListStaff(c *gin.Context) {
	members, err := s.reader.StaffMembers(c.Request.Context())
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := StaffPage{Items: make([]StaffView, len(members))}
	for i, member := range members {
		body.Items[i] = staffViewJSON(member)
	}
	web.JSON(c, http.StatusOK, body)
}

// GetStaff serves GET /v1/staff/{id}.
func (s *server) GetStaff(c *gin.Context, id StaffID) {
	member, err := s.reader.StaffMember(c.Request.Context(), id)
	sendStaff(c, member, err)
}

// CreateStaff serves POST /v1/staff.
func (s *server) CreateStaff(c *gin.Context) {
	var body NewStaff
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c).Actor
	key, err := optionalKey(c, "", body)
	if err != nil {
		web.Fail(c, err)
		return
	}
	invited, err := s.service.CreateStaff(c.Request.Context(), caller, key, body.Email, body.Name, string(body.Role))
	sendInvited(c, invited, err)
}

// ChangeStaff serves PATCH /v1/staff/{id}.
func (s *server) ChangeStaff(c *gin.Context, id StaffID) {
	var body StaffChange
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	change := service.StaffChange{Name: body.Name}
	if body.Role != nil {
		role := string(*body.Role)
		change.Role = &role
	}
	member, err := s.service.ChangeStaff(c.Request.Context(), web.CallerOf(c).Actor, id, change)
	sendStaff(c, member, err)
}

// DisableStaff serves POST /v1/staff/{id}/disable.
func (s *server) DisableStaff(c *gin.Context, id StaffID) {
	s.manageStaff(c, id, s.service.DisableStaff)
}

// EnableStaff serves POST /v1/staff/{id}/enable.
func (s *server) EnableStaff(c *gin.Context, id StaffID) { s.manageStaff(c, id, s.service.EnableStaff) }

// ResetSecondFactor serves POST /v1/staff/{id}/second-factor-reset.
func (s *server) ResetSecondFactor(c *gin.Context, id StaffID) {
	s.manageStaff(c, id, s.service.ResetFactor)
}

// manageStaff carries out a command about a staff member that needs no body.
func (s *server) manageStaff(
	c *gin.Context, id uuid.UUID,
	command func(ctx context.Context, by actor.Actor, key *store.IdempotencyKey, id uuid.UUID) (store.StaffView, error),
) {
	caller := web.CallerOf(c).Actor
	key, err := optionalKey(c, id.String(), nil)
	if err != nil {
		web.Fail(c, err)
		return
	}
	member, err := command(c.Request.Context(), caller, key, id)
	sendStaff(c, member, err)
}

// InviteStaff serves POST /v1/staff/{id}/invitation.
func (s *server) InviteStaff(c *gin.Context, id StaffID) {
	caller := web.CallerOf(c).Actor
	key, err := optionalKey(c, id.String(), nil)
	if err != nil {
		web.Fail(c, err)
		return
	}
	invited, err := s.service.InviteStaff(c.Request.Context(), caller, key, id)
	sendInvited(c, invited, err)
}

// AcceptInvitation serves POST /v1/staff/invitations/accept.
func (s *server) AcceptInvitation(c *gin.Context) {
	var body AcceptedInvitation
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.service.AcceptInvitation(c.Request.Context(), web.CallerOf(c).Actor, body.Token, body.Password); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}

func sendStaff(c *gin.Context, member store.StaffView, err error) {
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusOK, StaffAnswer{Staff: staffViewJSON(member)})
}

func sendInvited(c *gin.Context, invited service.Invited, err error) {
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, InvitedStaff{
		Staff:      staffViewJSON(invited.Staff),
		Invitation: Invitation{Token: invited.Invitation.Token, ExpiresAt: invited.Invitation.ExpiresAt.UTC()},
	})
}

func staffViewJSON(m store.StaffView) StaffView {
	return StaffView{
		ID: m.ID, Name: m.Name, Email: m.Email, Role: Role(m.Role), CreatedAt: m.CreatedAt.UTC(), DisabledAt: utc(m.DisabledAt),
		HasPassword: m.HasPassword, SecondFactor: m.SecondFactor, LastUsedAt: utc(m.LastUsedAt),
	}
}
