package console

import (
	"encoding/hex"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/service"
	"kibali/web"
)

const bulkTopUpPath = topUpsRoot + "/new"

// bulkTopUpView is what the page of a top-up of many accounts shows.
type bulkTopUpView struct {
	Form    *page.Form
	Reasons []ledger.Reason
	// Preview is what the lines would do; nil before they were looked at.
	Preview *service.BulkPreview
	// Refused says that the form was sent before, with something else in it.
	Refused *conflictView
}

// bulkTopUpForm shows the page of a top-up of many accounts.
func (s *server) bulkTopUpForm(c *gin.Context) {
	form := page.NewForm("token", uuid.NewString(), "reason", string(ledger.Complimentary))
	s.face.Render(c, http.StatusOK, "topup_bulk", bulkTopUpView{Form: form, Reasons: ledger.Reasons()})
}

// Seen is what the button that asks for the top-up says was looked at.
func (v bulkTopUpView) Seen() string { return seen(v.Form) }

// seen tells what a preview showed from what stands in the form since.
func seen(form *page.Form) string {
	sum := fingerprint(form.Value("csv"), form.Value("reason"))
	return hex.EncodeToString(sum[:])
}

// bulkTopUp shows what the lines would do, and, once that was seen, asks for
// it. Lines that were changed since are shown again first.
func (s *server) bulkTopUp(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c).Actor
	ask := service.BulkTopUp{CSV: form.Value("csv"), Reason: form.Value("reason"), Note: form.Value("note")}
	if ask.Key, err = formKey(c, form, "top-ups", ask.CSV, ask.Reason, ask.Note); err != nil {
		web.Fail(c, err)
		return
	}
	view := bulkTopUpView{Form: form, Reasons: ledger.Reasons()}
	preview, err := s.service.PreviewTopUps(c.Request.Context(), caller, ask)
	if err == nil {
		view.Preview = &preview
	}
	err = allWrong(err, checkNote(ask.Note))
	if err == nil && preview.Bad == 0 && form.Value("go") == seen(form) {
		var decided service.Decided
		if decided, err = s.service.TopUpMany(c.Request.Context(), caller, ask); err == nil {
			page.See(c, topUpsRoot+"?"+url.Values{doneParameter: {decided.Decision.ID.String()}}.Encode())
			return
		}
	}
	status := http.StatusOK
	switch {
	case form.Refused(err):
		status = http.StatusUnprocessableEntity
	case fault.Is(err, fault.KeyReused):
		view.Refused, status = conflictOf(fault.As(err)), http.StatusConflict
		form.Set("token", uuid.NewString()) // for what stands in it now
	case err != nil:
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "topup_bulk", view)
}
