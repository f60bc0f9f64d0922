package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

const settingsRoot = Root + "/settings"

// settingsView is what the page of the policy shows.
type settingsView struct {
	Form     *page.Form
	Version  int
	Sections []section
	Canned   []policy.CannedReason
	Locales  []string
	Changes  []store.PolicyChange
	// Outdated says that somebody else changed the policy meanwhile.
	Outdated bool
}

// changesShown is how many versions are listed.
const changesShown = 20

// settings shows the policy that is in force, to be changed.
func (s *server) settings(c *gin.Context) {
	p, version, err := s.reader.Policy(c.Request.Context())
	if err != nil {
		web.Fail(c, err)
		return
	}
	form := page.NewForm("version", strconv.Itoa(version))
	for _, each := range settingsOf(p) {
		form.Set(each.Name, each.get(p))
	}
	s.showSettings(c, http.StatusOK, p, form)
}

func (s *server) showSettings(c *gin.Context, status int, p policy.Policy, form *page.Form) {
	view := settingsView{Form: form, Sections: sectionsOf(), Canned: p.Canned, Locales: page.Locales(), Outdated: status == http.StatusConflict}
	var err error
	if view.Changes, err = s.reader.PolicyChanges(c.Request.Context(), changesShown); err != nil {
		web.Fail(c, err)
		return
	}
	view.Version, err = strconv.Atoi(form.Value("version"))
	if err != nil {
		web.Fail(c, fault.New(fault.Malformed, "The form is not complete."))
		return
	}
	s.face.Render(c, status, "settings", view)
}

// changeSettings puts the policy of the form in force.
func (s *server) changeSettings(c *gin.Context) {
	form, err := page.ReadLongForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	from, err := strconv.Atoi(form.Value("version"))
	if err != nil {
		web.Fail(c, fault.New(fault.Malformed, "The form is not complete."))
		return
	}
	p, err := s.reader.PolicyVersion(c.Request.Context(), from)
	if err != nil {
		web.Fail(c, err)
		return
	}
	changed, err := applyPolicy(p, form)
	if err == nil {
		err = changed.Validate()
	}
	if err == nil {
		_, err = s.service.ChangePolicy(c.Request.Context(), web.CallerOf(c).Actor, changed, strings.TrimSpace(form.Value("note")), from)
	}
	switch {
	case form.Refused(err):
		s.showSettings(c, http.StatusUnprocessableEntity, p, form)
	case fault.Is(err, fault.Conflict): // what was written stays, to be carried over
		s.showSettings(c, http.StatusConflict, p, form)
	case err != nil:
		web.Fail(c, err)
	default:
		s.face.Tell(c, "notice.policy_changed")
		page.See(c, settingsRoot)
	}
}

// noticesView is what the page of the notices shows.
type noticesView struct {
	Kinds   []string
	Kind    string
	Locale  string
	Preview service.Preview
}

// notices shows what each notice says, in each language, with an example.
func (s *server) notices(c *gin.Context) {
	view := noticesView{Kinds: s.service.NoticeKinds()}
	parameters, err := web.ReadQuery(c, "kind", "locale")
	if err != nil {
		web.Fail(c, err)
		return
	}
	view.Kind = parameters.OneOf("kind", view.Kinds[0], view.Kinds...)
	view.Locale = parameters.OneOf("locale", s.face.LocaleOf(c), page.Locales()...)
	if err = parameters.Err(); err == nil {
		view.Preview, err = s.service.SampleNotice(c.Request.Context(), view.Kind, view.Locale)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "notices", view)
}
