package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/domain/fault"
	"kibali/service"
	"kibali/web"
)

// ReadReport returns what a provider reports in a request's query string,
// signature and body, as they came, once it is proved that the provider says so:
// else fault.Forbidden.
type ReadReport func(query, signature string, body []byte) (service.DeliveryReport, error)

// ReportDelivery serves POST /v1/delivery-reports/twilio.
func (s *server) ReportDelivery(c *gin.Context) {
	if s.reports == nil {
		web.NotFound(c)
		return
	}
	body, err := web.ReadBody(c, web.MaxJSON)
	if err != nil {
		web.Fail(c, err)
		return
	}
	report, err := s.reports(c.Request.URL.RawQuery, signature(c.Request.Header), body)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if err := s.recordReport(c.Request.Context(), report); err != nil {
		web.Fail(c, err)
		return
	}
	noContent(c)
}

// recordReport records a report. One of an SMS that is no message's, such as a
// notice's, is acknowledged: sending it again would not help.
func (s *server) recordReport(ctx context.Context, r service.DeliveryReport) error {
	learnt, err := s.service.RecordReport(ctx, r)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if s.reported != nil && err == nil {
		if learnt.Changed {
			s.reported(string(r.Status), 1)
		}
		if learnt.Late {
			s.reported("late", 1)
		}
	}
	return err
}

// signature returns the one signature of a request, "" when there is not one.
func signature(h http.Header) string {
	if values := h["X-Twilio-Signature"]; len(values) == 1 {
		return values[0]
	}
	return ""
}
