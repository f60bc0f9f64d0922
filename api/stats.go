package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/store"
	"kibali/web"
)

// statsSpan is how far back the activity of GET /v1/stats reaches.
const statsSpan = 30 * 24 * time.Hour

// GetStats serves GET /v1/stats.
func (s *server) GetStats(c *gin.Context) {
	to := s.now().UTC().Truncate(time.Second)
	from := to.Add(-statsSpan)
	stats, err := s.reader.Stats(c.Request.Context(), from, to)
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := Stats{
		Accounts: countsJSON(stats.Counts),
		Queue: Queue{
			AwaitingDocuments: stats.Queue.AwaitingDocuments, InReview: stats.Queue.InReview,
			ChangesRequested: stats.Queue.ChangesRequested, Overdue: stats.Queue.Overdue,
		},
		Activity: Activity{
			From: from, To: to, Registrations: stats.Activity.Registrations, Approvals: stats.Activity.Approvals,
			Rejections: stats.Activity.Rejections, Suspensions: stats.Activity.Suspensions,
		},
	}
	if median := stats.Activity.MedianDecision; median != nil {
		seconds := int64(*median / time.Second)
		body.Activity.MedianDecisionSeconds = &seconds
	}
	web.JSON(c, http.StatusOK, body)
}

func countsJSON(n store.Counts) Counts {
	return Counts{Pending: n.Pending, Active: n.Active, Suspended: n.Suspended, Rejected: n.Rejected, Closed: n.Closed, All: n.All}
}
