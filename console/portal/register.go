package portal

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/web"
)

// uploadLife is how long a browser in which somebody registered may add
// documents without logging in. The token would do so for longer, but a phone
// may be somebody else's tomorrow.
const uploadLife = 24 * time.Hour

// detailsView is what a form with a company's details shows.
type detailsView struct {
	Form       *page.Form
	Industries []string
	// LeastPassword is how many characters a password needs.
	LeastPassword int
	// Reason is why the details are to be corrected; nil at the registration.
	Reason *reason
	// Refusal is why the form came back though nothing is wrong with it: a code.
	Refusal fault.Code
}

// More reports whether the fields that may be left empty are open from the
// start: one of them is filled, or something is wrong with it.
func (v detailsView) More() bool {
	for _, name := range []string{"company.registration_number", "company.tin", "company.website", "company.address"} {
		if v.Form.Value(name) != "" || v.Form.Problem(name) != nil {
			return true
		}
	}
	return false
}

// registerForm shows the first of three steps: who applies.
func (s *server) registerForm(c *gin.Context) {
	if _, err := web.Recognise(c, web.User); err == nil {
		page.See(c, homePath)
		return
	}
	s.showRegister(c, http.StatusOK, page.NewForm("locale", s.face.LocaleOf(c)), "")
}

func (s *server) showRegister(c *gin.Context, status int, form *page.Form, refusal fault.Code) {
	p, _, err := s.reader.Policy(c.Request.Context())
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "register", detailsView{Form: form, Industries: account.Industries(), LeastPassword: p.Passwords.User, Refusal: refusal})
}

// register takes an application and leads on to its documents.
func (s *server) register(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if s.takeLanguage(c, form) {
		s.showRegister(c, http.StatusOK, form, "")
		return
	}
	registered, err := s.service.Register(c.Request.Context(), web.CallerOf(c).Actor, account.Application{
		Name: form.Value("name"), Email: form.Value("email"), Phone: form.Value("phone"), Locale: form.Value("locale"),
		Company: companyOf(form),
	}, form.Value("password"))
	switch {
	case err == nil:
		s.site.ClearCookie(c, web.UserCookie)
		s.site.SetCookie(c, web.UploadCookie, registered.UploadToken, s.now().Add(uploadLife))
		page.See(c, documentsPath)
	case fault.Is(err, fault.Taken) && s.sentBefore(c, form):
		page.See(c, documentsPath)
	case form.Refused(err):
		s.showRegister(c, http.StatusUnprocessableEntity, form, "")
	case fault.Is(err, fault.RateLimited):
		s.showRegister(c, http.StatusTooManyRequests, form, fault.RateLimited)
	default:
		web.Fail(c, err)
	}
}

// sentBefore logs in whoever sends a registration a second time, by a double
// click or by going back: the e-mail is taken by themselves, and the password
// proves it.
func (s *server) sentBefore(c *gin.Context, form *page.Form) bool {
	in, err := s.service.Login(c.Request.Context(), web.CallerOf(c).Actor, form.Value("email"), form.Value("password"))
	if err != nil || in.Account.Status != account.Pending {
		return false
	}
	s.begin(c, in)
	return true
}

// companyOf reads the fields of a company.
func companyOf(form *page.Form) account.Company {
	return account.Company{
		Name: form.Value("company.name"), Industry: form.Value("company.industry"),
		RegistrationNumber: form.Value("company.registration_number"), TIN: form.Value("company.tin"),
		Website: form.Value("company.website"), Address: form.Value("company.address"),
	}
}
