package console

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

const bulkTopUpPath = topUpsRoot + "/new"

// bulkTopUpView is what the page of a top-up of many accounts shows.
type bulkTopUpView struct {
	Form    *page.Form
	Reasons []ledger.Reason
	// Preview is what the lines would do; nil before they were looked at.
	Preview *service.BulkPreview
}

// bulkTopUpForm shows the page of a top-up of many accounts.
func (s *server) bulkTopUpForm(c *gin.Context) {
	form := page.NewForm("token", uuid.NewString(), "reason", string(ledger.Complimentary))
	s.face.Render(c, http.StatusOK, "topup_bulk", bulkTopUpView{Form: form, Reasons: ledger.Reasons()})
}

// bulkTopUp shows what the lines would do, and, once that was seen, asks for it.
func (s *server) bulkTopUp(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c).Actor
	token, err := uuid.Parse(form.Value("token"))
	if err != nil {
		web.Fail(c, fault.New(fault.Malformed, "The form is not complete."))
		return
	}
	ask := service.BulkTopUp{CSV: form.Value("csv"), Reason: form.Value("reason"), Note: form.Value("note"), Key: &store.IdempotencyKey{
		Scope: string(caller.Kind) + ":" + caller.ID.String(), Route: "console top-ups", Key: token.String(),
		Fingerprint: sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", form.Value("csv"), form.Value("reason"), form.Value("note"))),
	}}
	view := bulkTopUpView{Form: form, Reasons: ledger.Reasons()}
	preview, err := s.service.PreviewTopUps(c.Request.Context(), caller, ask)
	if err == nil {
		view.Preview = &preview
	}
	if err == nil && preview.Bad == 0 && form.Value("go") != "" {
		var decided service.Decided
		if decided, err = s.service.TopUpMany(c.Request.Context(), caller, ask); err == nil {
			page.See(c, topUpsRoot+"?"+url.Values{doneParameter: {decided.Decision.ID.String()}}.Encode())
			return
		}
	}
	status := http.StatusOK
	if err != nil {
		if !form.Refused(err) {
			web.Fail(c, err)
			return
		}
		status = http.StatusUnprocessableEntity
	}
	s.face.Render(c, status, "topup_bulk", view)
}
