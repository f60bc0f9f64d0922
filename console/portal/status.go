package portal

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/calendar"
	"kibali/store"
	"kibali/web"
)

// statusView is what the page of an application's status shows.
type statusView struct {
	// State names where the application stands: a stage, "correction_waits",
	// "rejected", "expired", or "active" when it was approved.
	State     string
	Account   account.Account
	Reason    *reason
	Documents []store.Document
	// Usual is how long most applications have taken of late; zero when there
	// were too few to say.
	Usual time.Duration
	// Expected is when a decision is due at the latest, by the policy; zero when
	// it is not the platform's turn.
	Expected time.Time
	Overdue  bool
	// Correctable says that the details may be corrected.
	Correctable bool
}

// status says where an application stands, what happens next and how long that
// usually takes.
func (s *server) status(c *gin.Context) {
	reader := readerOf(c)
	if reader.Active() && reader.Session {
		page.See(c, homePath)
		return
	}
	view, err := s.statusOf(c, *reader.Account)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "status", view)
}

func (s *server) statusOf(c *gin.Context, a store.AccountView) (statusView, error) {
	ctx, now := c.Request.Context(), s.now()
	view := statusView{Account: a.Account, Reason: reasonOf(a.Reason), Correctable: correctable(a)}
	waits, err := s.reader.CorrectionWaits(ctx, a.ID)
	if err != nil {
		return view, err
	}
	if view.Documents, err = s.reader.Documents(ctx, a.ID); err != nil {
		return view, err
	}
	view.State = stateOf(a, waits)
	switch view.State {
	case string(account.InReview):
		view.Expected = a.RemindAt
		view.Overdue = !a.RemindAt.IsZero() && a.RemindAt.Before(now)
	case string(account.AwaitingDocuments):
		if view.Expected, err = s.decisionDue(ctx, now); err != nil {
			return view, err
		}
	}
	view.Usual, err = s.usual.of(ctx, s.reader, now)
	return view, err
}

// stateOf names where an application stands.
func stateOf(a store.AccountView, correctionWaits bool) string {
	switch {
	case correctionWaits:
		return "correction_waits"
	case a.Status == account.Pending:
		return string(a.Stage)
	case a.Status == account.Rejected && a.Reason != nil && a.Reason.Code == store.ReasonExpired:
		return "expired"
	}
	return string(a.Status)
}

// decisionDue returns when a review that began now would be due.
func (s *server) decisionDue(ctx context.Context, now time.Time) (time.Time, error) {
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return time.Time{}, err
	}
	working, err := calendar.New(p.Calendar)
	if err != nil {
		return time.Time{}, err
	}
	return working.Add(now, time.Duration(p.Review.Deadline)), nil
}

// usual is how long decisions usually take, as it was found out a few minutes
// ago.
type usual struct {
	readAt atomic.Int64 // Unix seconds
	value  atomic.Int64 // time.Duration
}

// Fewer decisions than usualLeast say nothing; usualKept is how long what they
// said is not asked again.
const (
	usualLeast = 5
	usualOf    = 100
	usualKept  = 10 * time.Minute
)

func (u *usual) of(ctx context.Context, reader *store.Reader, now time.Time) (time.Duration, error) {
	if now.Sub(time.Unix(u.readAt.Load(), 0)) < usualKept {
		return time.Duration(u.value.Load()), nil
	}
	value, n, err := reader.UsualDecision(ctx, usualOf)
	if err != nil {
		return 0, err
	}
	if n < usualLeast {
		value = 0
	}
	value = roundUp(value)
	u.value.Store(int64(value))
	u.readAt.Store(now.Unix())
	return value, nil
}

// roundUp rounds a duration up to what it is told in: days, hours or minutes.
func roundUp(d time.Duration) time.Duration {
	unit := time.Minute
	switch {
	case d >= 48*time.Hour:
		unit = 24 * time.Hour
	case d >= time.Hour:
		unit = time.Hour
	}
	if rest := d % unit; rest != 0 {
		d += unit - rest
	}
	return d
}
