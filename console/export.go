package console

import (
	"github.com/gin-gonic/gin"

	"kibali/web"
)

// export sends everything that is held about the person of an account.
func (s *server) export(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	export, err := s.service.Export(c.Request.Context(), web.CallerOf(c).Actor, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.SendZIP(c, export)
}
