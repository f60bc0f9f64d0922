package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// ListStaffTokens serves GET /v1/staff/me/tokens.
func (s *server) ListStaffTokens(c *gin.Context) {
	tokens, err := s.reader.StaffTokens(c.Request.Context(), web.CallerOf(c).ID, s.now())
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := StaffTokensPage{Items: make([]StaffToken, len(tokens))}
	for i, token := range tokens {
		body.Items[i] = staffTokenJSON(token)
	}
	web.JSON(c, http.StatusOK, body)
}

// CreateStaffToken serves POST /v1/staff/me/tokens.
func (s *server) CreateStaffToken(c *gin.Context) {
	var body NewStaffToken
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
	made, err := s.service.CreateStaffToken(c.Request.Context(), caller, key, service.NewStaffToken{
		Name: body.Name, Scopes: given(body.Scopes), ExpiresAt: body.ExpiresAt,
	})
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, CreatedStaffToken{StaffToken: staffTokenJSON(made.Record), Token: made.Token})
}

// RevokeStaffToken serves DELETE /v1/staff/me/tokens/{id}.
func (s *server) RevokeStaffToken(c *gin.Context, id uuid.UUID) {
	if err := s.service.RevokeStaffToken(c.Request.Context(), web.CallerOf(c).Actor, id); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}

func staffTokenJSON(t store.StaffToken) StaffToken {
	token := StaffToken{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: utc(t.ExpiresAt), LastUsedAt: utc(t.LastUsedAt)}
	if t.Scopes != nil {
		scopes := make([]string, len(t.Scopes))
		for i, scope := range t.Scopes {
			scopes[i] = string(scope)
		}
		token.Scopes = &scopes
	}
	return token
}
