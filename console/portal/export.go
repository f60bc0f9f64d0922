package portal

import (
	"github.com/gin-gonic/gin"

	"kibali/web"
)

// export sends a user everything that is held about them.
func (s *server) export(c *gin.Context) {
	caller := web.CallerOf(c).Actor
	export, err := s.service.Export(c.Request.Context(), caller, caller.ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.SendZIP(c, export)
}
