package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/store"
	"kibali/web"
)

// ListServices serves GET /v1/services.
func (s *server) ListServices(c *gin.Context) {
	services, err := s.reader.Services(c.Request.Context())
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := ServicesPage{Items: make([]Service, len(services))}
	for i, found := range services {
		body.Items[i] = serviceJSON(found)
	}
	web.JSON(c, http.StatusOK, body)
}

// CreateService serves POST /v1/services.
func (s *server) CreateService(c *gin.Context) {
	var body NewService
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	scopes := make([]actor.Scope, len(body.Scopes))
	for i, scope := range body.Scopes {
		scopes[i] = actor.Scope(scope)
	}
	key, err := optionalKey(c, "", body)
	if err != nil {
		web.Fail(c, err)
		return
	}
	created, err := s.service.CreateService(c.Request.Context(), web.CallerOf(c).Actor, key, body.Name, scopes)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, CreatedService{Service: serviceJSON(created.Service), Token: created.Token})
}

// RevokeService serves DELETE /v1/services/{id}.
func (s *server) RevokeService(c *gin.Context, id uuid.UUID) {
	if err := s.service.RevokeService(c.Request.Context(), web.CallerOf(c).Actor, id); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}

func serviceJSON(found store.Service) Service {
	scopes := make([]Scope, len(found.Scopes))
	for i, scope := range found.Scopes {
		scopes[i] = Scope(scope)
	}
	return Service{
		ID: found.ID, Name: found.Name, Prefix: found.Prefix, Scopes: scopes,
		CreatedAt: found.CreatedAt.UTC(), LastUsedAt: utc(found.LastUsedAt),
	}
}
