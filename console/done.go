package console

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/store"
	"kibali/web"
)

// doneParameter names, on the page that follows a decision, which one it was.
const doneParameter = "done"

// done is what a page tells of the decision that led to it.
type done struct {
	store.Decision
	Company string
}

// Declined reports whether the second signatory declined it.
func (d done) Declined() bool { return d.OutcomeCode == store.CodeDeclined }

// done reads the decision that led to a page; nil when none did.
func (s *server) done(c *gin.Context) (*done, error) {
	id, err := uuid.Parse(c.Query(doneParameter))
	if err != nil {
		return nil, nil //nolint:nilerr // a link that was cut short tells nothing
	}
	return s.readDone(c, id)
}

func (s *server) readDone(c *gin.Context, id uuid.UUID) (*done, error) {
	d, err := s.reader.Decision(c.Request.Context(), id)
	if err != nil {
		return nil, err
	}
	if d.AccountID == uuid.Nil { // a top-up of many
		return &done{Decision: d}, nil
	}
	view, err := s.reader.Account(c.Request.Context(), d.AccountID)
	if err != nil {
		return nil, err
	}
	return &done{Decision: d, Company: view.Company.Name}, nil
}

// decision tells how a decision stands, by itself: pages ask for it again while
// it waits.
func (s *server) decision(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	d, err := s.readDone(c, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "decision", d)
}
