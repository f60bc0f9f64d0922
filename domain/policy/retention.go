package policy

import (
	"time"

	"kibali/domain/fault"
)

// Retention says for how long personal data is kept that nobody needs any more.
// Zero keeps it until staff decide.
type Retention struct {
	// RejectedDocuments is how long the documents of an applicant are kept who was
	// rejected, or whose application expired, and who did not apply again.
	RejectedDocuments Duration `json:"rejected_documents"`
	// ClosedAccounts is how long after its closing an account is erased.
	ClosedAccounts Duration `json:"closed_accounts"`
}

// Rejected applicants may come back, and whoever was closed may object: nothing
// is deleted for so long.
const (
	leastRejected = 7 * 24 * time.Hour
	leastClosed   = 30 * 24 * time.Hour
	mostRetention = 10 * 366 * 24 * time.Hour
)

// ErasureDue returns when an account that was closed at the given time is to be
// erased; false when it is kept until staff decide.
func (r Retention) ErasureDue(closed time.Time) (time.Time, bool) {
	return closed.Add(time.Duration(r.ClosedAccounts)), r.ClosedAccounts > 0
}

func (r Retention) refuse() []fault.Field {
	var bad []fault.Field
	for _, s := range []struct {
		field  string
		kept   Duration
		least  time.Duration
		detail string
	}{
		{"retention.rejected_documents", r.RejectedDocuments, leastRejected, "Must be 0, or between 7 days and 10 years."},
		{"retention.closed_accounts", r.ClosedAccounts, leastClosed, "Must be 0, or between 30 days and 10 years."},
	} {
		if s.kept != 0 && (time.Duration(s.kept) < s.least || time.Duration(s.kept) > mostRetention) {
			bad = append(bad, fault.Field{Field: s.field, Code: "invalid", Detail: s.detail})
		}
	}
	return bad
}
