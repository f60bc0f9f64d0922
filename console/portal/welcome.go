package portal

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/web"
)

// welcomeView is what strangers see first: what they will need.
type welcomeView struct {
	Kinds []account.DocumentKind
}

// welcome tells strangers what this is and how to begin, and leads whoever is
// known to where they left off.
func (s *server) welcome(c *gin.Context) {
	_, err := web.Recognise(c, web.User)
	if err == nil || fault.Is(err, fault.AccountSuspended) {
		page.See(c, homePath)
		return
	}
	if _, err := web.Recognise(c, web.OwnApplication); err == nil {
		page.See(c, statusPath)
		return
	}
	s.face.Render(c, http.StatusOK, "welcome", welcomeView{Kinds: account.DocumentKinds()})
}
