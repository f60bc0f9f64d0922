package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/store"
	"kibali/web"
)

// ListAPIKeys serves GET /v1/me/api-keys.
func (s *server) ListAPIKeys(c *gin.Context) {
	keys, err := s.reader.APIKeys(c.Request.Context(), web.CallerOf(c).ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := APIKeysPage{Items: make([]APIKey, len(keys))}
	for i, k := range keys {
		body.Items[i] = apiKeyJSON(k)
	}
	web.JSON(c, http.StatusOK, body)
}

// CreateAPIKey serves POST /v1/me/api-keys.
func (s *server) CreateAPIKey(c *gin.Context) {
	var body NewAPIKey
	if err := web.Decode(c, &body); err != nil {
		web.Fail(c, err)
		return
	}
	created, key, err := s.service.CreateAPIKey(c.Request.Context(), web.CallerOf(c).Actor, uuid.Nil, body.Name)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, CreatedAPIKey{APIKey: apiKeyJSON(created), Key: key})
}

// RevokeAPIKey serves DELETE /v1/me/api-keys/{id}.
func (s *server) RevokeAPIKey(c *gin.Context, id uuid.UUID) {
	if err := s.service.RevokeAPIKey(c.Request.Context(), web.CallerOf(c).Actor, id); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}

func apiKeyJSON(k store.APIKey) APIKey {
	return APIKey{ID: k.ID, Name: k.Name, Prefix: k.Prefix, CreatedAt: k.CreatedAt.UTC(), LastUsedAt: utc(k.LastUsedAt)}
}
