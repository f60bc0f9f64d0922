package console

import (
	"strconv"

	"github.com/gin-gonic/gin"

	"kibali/domain/actor"
	"kibali/store"
	"kibali/web"
)

// viewer is the staff member who reads a page, as its template sees them.
type viewer struct {
	store.Desk
	actor actor.Actor
	Keys  bool // whether the keyboard's shortcuts are on
	// Reviewing says that the page is a review, which belongs to the queue.
	Reviewing bool
	// Follow is where the page hears of changes since it was made.
	Follow string
}

// May reports whether the viewer's role has a permission, so that a page shows
// no button that would be refused.
func (v *viewer) May(p actor.Permission) bool { return v != nil && v.actor.May(p) }

type viewerKey struct{}

// seat finds out for whom a page is made; nobody in particular on a page for
// anyone.
func (s *server) seat(c *gin.Context) {
	if err := s.findViewer(c); err != nil {
		web.Fail(c, err)
	}
}

func (s *server) findViewer(c *gin.Context) error {
	caller := web.CallerOf(c)
	if caller.Kind != actor.Staff {
		return nil
	}
	desk, err := s.reader.Desk(c.Request.Context(), caller.ID)
	if err != nil {
		return err
	}
	s.zone.renew(c.Request.Context(), s.reader, s.now())
	off := s.face.Preferred(c, keysCookie, []string{"off"}) != ""
	c.Set(viewerKey{}, &viewer{
		Desk: desk, actor: caller.Actor, Keys: !off, Reviewing: c.FullPath() == reviewRoute,
		Follow: livePath + "?made=" + strconv.FormatInt(s.now().UnixMilli(), 10),
	})
	return nil
}

// viewerOf returns the viewer of a page as a template takes it: nil for nobody.
func viewerOf(c *gin.Context) any {
	v, found := c.Get(viewerKey{})
	if !found {
		return nil
	}
	return v
}
