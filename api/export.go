package api

import (
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/web"
)

// ExportMe serves GET /v1/me/export.
func (s *server) ExportMe(c *gin.Context) { s.sendExport(c, web.CallerOf(c).ID) }

// ExportAccount serves GET /v1/accounts/{id}/export.
func (s *server) ExportAccount(c *gin.Context, id AccountID) { s.sendExport(c, id) }

func (s *server) sendExport(c *gin.Context, id uuid.UUID) {
	export, err := s.service.Export(c.Request.Context(), web.CallerOf(c).Actor, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.SendZIP(c, export)
}
