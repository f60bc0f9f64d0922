package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"kibali/domain/message"
)

const beemReportsLive = "https://dlrapi.beem.africa"

var beemStatus = map[string]message.Status{
	"PENDING": message.Sent, "SENT": message.Sent, "DELIVERED": message.Delivered,
	"UNDELIVERED": message.Failed, "FAILED": message.Failed, "REJECTED": message.Failed, "EXPIRED": message.Failed,
}

// LookUp implements SMSTracker. Beem knows an SMS by the id of the request that
// sent it, so one whose answer was lost cannot be found.
func (s *beemSender) LookUp(ctx context.Context, sought Sought) (Report, error) {
	if sought.MessageID == "" {
		return Report{}, nil
	}
	target := "/public/v1/delivery-reports?dest_addr=" + url.QueryEscape(strings.TrimPrefix(sought.Phone, "+")) +
		"&request_id=" + url.QueryEscape(sought.MessageID)
	reply, failure := s.reports.do(ctx, s.request(http.MethodGet, target))
	switch {
	case failure != nil:
		return Report{}, failure
	case reply.status == http.StatusNotFound:
		return Report{}, nil
	case !reply.accepted():
		return Report{}, s.reports.refusal(reply)
	}
	status, ok := beemReported(reply.body)
	if !ok {
		return Report{}, s.reports.malformed(reply)
	}
	report := Report{Provider: beem, MessageID: sought.MessageID, Status: beemStatus[strings.ToUpper(status)]}
	if report.Status == message.Failed {
		report.Code = strings.ToLower(status)
	}
	return report, nil
}

// beemReported returns the status that a report has, at its top or, as some
// accounts get it, in a list of one or below data.
func beemReported(body []byte) (string, bool) {
	type status struct {
		Status string `json:"status"`
	}
	var one struct {
		status
		Data status `json:"data"`
	}
	var list []status
	switch {
	case json.Unmarshal(body, &one) == nil && one.Status != "":
		return one.Status, true
	case json.Unmarshal(body, &one) == nil && one.Data.Status != "":
		return one.Data.Status, true
	case json.Unmarshal(body, &list) == nil && len(list) == 1 && list[0].Status != "":
		return list[0].Status, true
	}
	return "", false
}
