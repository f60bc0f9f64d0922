package portal

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/store"
	"kibali/web"
)

// viewer is who reads a page, as its template sees them.
type viewer struct {
	Platform string
	// Account is the reader's; nil for a stranger.
	Account *store.AccountView
	// Session says that the reader has logged in. An applicant who has just
	// registered has not, and may add documents and see the status.
	Session bool
}

// Active reports whether the reader's account may be used.
func (v viewer) Active() bool {
	return v.Account != nil && v.Account.Status == account.Active && v.Account.BlockedBy == nil
}

type viewerKey struct{}

// seat finds out for whom a page is made; nobody in particular on a page for
// anyone.
func (s *server) seat(c *gin.Context) {
	caller := web.CallerOf(c)
	if caller.Kind != actor.Account {
		return
	}
	if err := s.welcomeIn(c, caller); err != nil {
		web.Fail(c, err)
	}
}

// welcomeIn makes the pages of a request those of the caller.
func (s *server) welcomeIn(c *gin.Context, caller web.Caller) error {
	if err := s.zone.refresh(c.Request.Context(), s.reader, s.now()); err != nil {
		return err
	}
	view, err := s.reader.Account(c.Request.Context(), caller.ID)
	if err != nil {
		return err
	}
	c.Set(viewerKey{}, viewer{Platform: s.platform, Account: &view, Session: caller.SessionID != uuid.Nil})
	return nil
}

// viewer returns the viewer of a page as a template takes it.
func (s *server) viewer(c *gin.Context) any {
	if v, found := c.Get(viewerKey{}); found {
		return v
	}
	return viewer{Platform: s.platform}
}

// readerOf returns who reads a page that is for those of an account.
func readerOf(c *gin.Context) viewer {
	v, _ := c.Get(viewerKey{})
	return v.(viewer)
}

// localeOf returns the language of the reader's account.
func localeOf(c *gin.Context) string {
	if v, found := c.Get(viewerKey{}); found {
		return v.(viewer).Account.Locale
	}
	return ""
}

// zone is the time zone of the policy, as it was when it was last read.
type zone struct {
	location atomic.Pointer[time.Location]
	readAt   atomic.Int64 // Unix seconds
}

// zoneKept is how long a zone that was read is not read again.
const zoneKept = 10 * time.Minute

// Location returns where times are told for readers without JavaScript.
func (z *zone) Location() *time.Location {
	if l := z.location.Load(); l != nil {
		return l
	}
	return time.UTC
}

// refresh reads the zone when that was done long ago.
func (z *zone) refresh(ctx context.Context, reader *store.Reader, now time.Time) error {
	if now.Sub(time.Unix(z.readAt.Load(), 0)) < zoneKept {
		return nil
	}
	p, _, err := reader.Policy(ctx)
	if err != nil {
		return err
	}
	location, err := p.Location()
	if err != nil {
		return err
	}
	z.location.Store(location)
	z.readAt.Store(now.Unix())
	return nil
}
