package web

import "net/url"

// CaseAddress returns where a case is in the Temporal UI. ui is the address of
// its namespace there; the address is "" when either is.
func CaseAddress(ui, caseID string) string {
	if ui == "" || caseID == "" {
		return ""
	}
	return ui + "/workflows/" + url.PathEscape(caseID)
}
