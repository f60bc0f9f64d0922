package console

import (
	"fmt"

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
	file := web.BeginZIP(c, export.Name())
	if err = export.Write(c.Request.Context(), file); err != nil {
		err = fmt.Errorf("export an account: %w", err)
	}
	file.End(err)
}
