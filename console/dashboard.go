package console

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/store"
	"kibali/web"
)

const dashboardPath = Root + "/dashboard"

// dashboardDays is how many days the dashboard looks back, today included.
const dashboardDays = 30

// dashboardView is what the template of the dashboard sees.
type dashboardView struct {
	store.Stats
	Days   int
	Charts []chart
	// Credits are those that were topped up, by reason, and what was spent: charged
	// less what was refunded. To those who may read the ledger.
	Credits []measure
}

// measure is a number of credits, and how much it is of the greatest, in
// hundredths.
type measure struct {
	Reason ledger.Reason // "" of what was spent
	Amount int64
	Share  int
}

// Spent reports whether it is of what was spent.
func (m measure) Spent() bool { return m.Reason == "" }

// dashboard shows how the platform's registrations are doing.
func (s *server) dashboard(c *gin.Context) {
	ctx := c.Request.Context()
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		web.Fail(c, err)
		return
	}
	zone, err := p.Location()
	if err != nil {
		web.Fail(c, err)
		return
	}
	to := s.now()
	today := to.In(zone)
	from := time.Date(today.Year(), today.Month(), today.Day()-dashboardDays+1, 0, 0, 0, 0, zone)
	view := dashboardView{Days: dashboardDays}
	if view.Stats, err = s.reader.Stats(ctx, from, to); err != nil {
		web.Fail(c, err)
		return
	}
	figures, err := s.reader.Daily(ctx, from, to, zone)
	if err != nil {
		web.Fail(c, err)
		return
	}
	for _, drawn := range []struct {
		kind account.Action
		tone string
	}{{store.Register, "calm"}, {account.Approve, "good"}, {account.Reject, "bad"}, {account.Suspend, "bad"}} {
		view.Charts = append(view.Charts, drawChart(drawn.kind, drawn.tone, from, figures))
	}
	if web.CallerOf(c).May(actor.ReadLedger) {
		if err := s.addCredits(c, &view, figures, from, to); err != nil {
			web.Fail(c, err)
			return
		}
	}
	s.face.Render(c, http.StatusOK, "dashboard", view)
}

// addCredits adds what the ledger says of the same time.
func (s *server) addCredits(c *gin.Context, view *dashboardView, figures []store.DayFigure, from, to time.Time) error {
	by := map[ledger.Reason]int64{}
	for _, f := range figures {
		if f.Kind == account.TopUp {
			by[ledger.Reason(f.Reason)] += f.Amount
		}
	}
	for _, reason := range ledger.Reasons() {
		view.Credits = append(view.Credits, measure{Reason: reason, Amount: by[reason]})
	}
	before, err := s.soldBefore(c, from)
	if err != nil {
		return err
	}
	now, err := s.soldBefore(c, to)
	view.Credits = append(view.Credits, measure{Amount: now - before})
	most := int64(1)
	for _, m := range view.Credits {
		most = max(most, m.Amount)
	}
	for i, m := range view.Credits {
		view.Credits[i].Share = max(0, int(100*float64(m.Amount)/float64(most)))
	}
	return err
}

// soldBefore is how many credits had been charged at a moment, less those that
// were refunded.
func (s *server) soldBefore(c *gin.Context, at time.Time) (int64, error) {
	balance, err := s.reader.PlatformBalanceBefore(c.Request.Context(), ledger.Sales, at)
	if err != nil {
		return 0, err
	}
	sold, err := strconv.ParseInt(balance, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the balance of sales: %w", err)
	}
	return sold, nil
}

// chart is a bar for each day, drawn in units of its own, and their sum.
type chart struct {
	Kind  account.Action
	Tone  string
	Sum   int64
	Most  int64
	Bars  []bar
	Width int
}

// bar is one day.
type bar struct {
	Day    string
	Count  int64
	X, Y   int
	Height int
}

// The measures of a chart, in its own units.
const (
	chartHeight = 48
	barWidth    = 8
	barGap      = 2
)

// drawChart draws how often something happened on each day.
func drawChart(kind account.Action, tone string, from time.Time, figures []store.DayFigure) chart {
	drawn := chart{Kind: kind, Tone: tone, Width: dashboardDays*(barWidth+barGap) - barGap}
	counts := map[string]int64{}
	for _, f := range figures {
		if f.Kind == kind {
			counts[f.Day.Format(time.DateOnly)] += f.Count
			drawn.Sum += f.Count
		}
	}
	for _, n := range counts {
		drawn.Most = max(drawn.Most, n)
	}
	for i := range dashboardDays {
		day := from.AddDate(0, 0, i).Format(time.DateOnly)
		b := bar{Day: day, Count: counts[day], X: i * (barWidth + barGap), Height: 1}
		if drawn.Most > 0 && b.Count > 0 {
			b.Height = max(int(b.Count*chartHeight/drawn.Most), 2)
		}
		b.Y = chartHeight - b.Height
		drawn.Bars = append(drawn.Bars, b)
	}
	return drawn
}
