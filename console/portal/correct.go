package portal

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/store"
	"kibali/web"
)

// correctForm shows the details of an application that may be corrected, with
// everything filled in and the reason above it.
func (s *server) correctForm(c *gin.Context) {
	a := readerOf(c).Account
	s.showCorrect(c, http.StatusOK, page.NewForm(
		"name", a.Name, "locale", a.Locale, "company.name", a.Company.Name, "company.industry", a.Company.Industry,
		"company.registration_number", a.Company.RegistrationNumber, "company.tin", a.Company.TIN,
		"company.website", a.Company.Website, "company.address", a.Company.Address,
	))
}

func (s *server) showCorrect(c *gin.Context, status int, form *page.Form) {
	a := readerOf(c).Account
	if !correctable(*a) {
		page.See(c, statusPath)
		return
	}
	s.face.Render(c, status, "correct", detailsView{Form: form, Industries: account.Industries(), Reason: reasonOf(a.Reason)})
}

// correctable reports whether an account's application may be corrected.
func correctable(a store.AccountView) bool {
	return !a.ContactReleased && (a.Status == account.Rejected || a.Status == account.Pending && a.ChangesAsked())
}

// correct takes a corrected application.
func (s *server) correct(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if s.takeLanguage(c, form) {
		s.showCorrect(c, http.StatusOK, form)
		return
	}
	_, applied, err := s.service.Resubmit(c.Request.Context(), web.CallerOf(c).Actor, account.Resubmission{
		Name: form.Value("name"), Locale: form.Value("locale"), Company: companyOf(form),
	})
	switch {
	case err == nil && applied:
		s.face.Tell(c, "notice.correction_received")
		page.See(c, documentsPath)
	case err == nil || fault.Is(err, fault.Conflict):
		// Sent twice, or decided meanwhile: the status says where it stands.
		page.See(c, statusPath)
	case form.Refused(err):
		s.showCorrect(c, http.StatusUnprocessableEntity, form)
	default:
		web.Fail(c, err)
	}
}
