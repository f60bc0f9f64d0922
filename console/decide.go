package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// decideForm shows the form of a decision: what will happen, the reasons to
// begin from, and what the user will be told.
func (s *server) decideForm(v verb) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, err := idOf(c, "id")
		if err != nil {
			web.Fail(c, err)
			return
		}
		form := page.NewForm("token", uuid.NewString(), "from", c.Query("from"))
		if v.Reasoned || v.Coded {
			codes := account.ReasonCodes(v.Action)
			form = page.NewForm("token", form.Value("token"), "from", form.Value("from"), "reason_code", string(codes[0]))
		}
		if v.Appeal {
			appeal, err := s.reader.OpenAppeal(c.Request.Context(), id)
			if err != nil {
				web.Fail(c, err)
				return
			}
			form.Set("appeal", appeal.ID.String())
		}
		s.showDecide(c, http.StatusOK, v, id, form, nil)
	}
}

// decide takes a decision. Sent twice it is taken once, by the form's token. A
// form that cannot be taken is shown again with what was wrong, or with what
// somebody else decided first.
func (s *server) decide(v verb) gin.HandlerFunc {
	return posted(func(c *gin.Context, id uuid.UUID, form *page.Form) {
		if form.Value("preview") != "" { // the button of those without JavaScript
			s.showDecide(c, http.StatusOK, v, id, form, nil)
			return
		}
		decided, err := s.carryOut(c, v, id, form)
		switch {
		case form.Refused(err):
			s.showDecide(c, http.StatusUnprocessableEntity, v, id, form, nil)
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.KeyReused):
			s.showDecide(c, http.StatusConflict, v, id, form, fault.As(err))
		case err != nil:
			web.Fail(c, err)
		case form.Value("from") == "review":
			s.goOn(c, id, decided.Decision.ID.String())
		default:
			page.See(c, accountPath(id)+"?"+url.Values{doneParameter: {decided.Decision.ID.String()}}.Encode())
		}
	})
}

func (s *server) carryOut(c *gin.Context, v verb, id uuid.UUID, form *page.Form) (service.Decided, error) {
	ask, err := s.askOf(c, v, id, form)
	if err != nil {
		return service.Decided{}, allWrong(err, checkReason(v, account.Reason{Code: account.ReasonCode(ask.ReasonCode), Text: ask.Reason, Note: ask.Note}))
	}
	if ask.Key, err = formKey(c, form, v.Path(), contentOf(v, ask)...); err != nil {
		return service.Decided{}, err
	}
	return v.command(s.service)(c.Request.Context(), web.CallerOf(c).Actor, ask)
}

// contentOf is all that is asked for with a verb.
func contentOf(v verb, ask service.Ask) []string {
	content := []string{v.Called(), ask.AccountID.String(), ask.ReasonCode, ask.Reason, ask.Note}
	if ask.Until != nil {
		content = append(content, ask.Until.UTC().Format(time.RFC3339Nano))
	}
	if ask.AppealID != nil {
		content = append(content, ask.AppealID.String())
	}
	return content
}

// askOf reads what a form asks for. A reason that was left empty is the canned
// one of its code, which is what somebody without JavaScript sees beside it.
func (s *server) askOf(c *gin.Context, v verb, id uuid.UUID, form *page.Form) (service.Ask, error) {
	ask := service.Ask{AccountID: id, Note: form.Value("note")}
	if v.Reasoned || v.Coded {
		ask.ReasonCode = form.Value("reason_code")
	}
	if v.Reasoned || v.Told {
		ask.Reason = form.Value("reason")
	}
	p, _, err := s.reader.Policy(c.Request.Context())
	if err != nil {
		return ask, err
	}
	if v.Reasoned && strings.TrimSpace(ask.Reason) == "" {
		view, err := s.reader.Account(c.Request.Context(), id)
		if err != nil {
			return ask, err
		}
		ask.Reason = cannedText(p, v.Action, ask.ReasonCode, view.Locale)
	}
	if v.Appeal {
		appeal, err := uuid.Parse(form.Value("appeal"))
		if err != nil {
			return ask, fault.New(fault.NotFound, "There is no such appeal.")
		}
		ask.AppealID = &appeal
	}
	if v.Until {
		ask.Until, err = untilOf(p, form.Value("until"))
	}
	return ask, err
}

// untilOf reads a moment as a browser's field gives it, in the policy's zone;
// nil for an empty one.
func untilOf(p policy.Policy, text string) (*time.Time, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	zone, err := p.Location()
	if err != nil {
		return nil, err
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", text, zone)
	if err != nil {
		return nil, fault.InvalidFields(fault.Field{Field: "until", Code: account.CodeInvalid, Detail: "Must be a date and a time."})
	}
	return &at, nil
}

func cannedText(p policy.Policy, action account.Action, code, locale string) string {
	canned := p.CannedFor(action)
	i := slices.IndexFunc(canned, func(r policy.CannedReason) bool { return string(r.Code) == code })
	if i < 0 {
		return ""
	}
	return canned[i].In(locale)
}

// decideView is what the template of a decision's form sees.
type decideView struct {
	store.AccountView
	Verb    verb
	Form    *page.Form
	Reasons []reasonChoice
	Zone    string // in which an end is given
	Preview *service.Preview
	// Appeal is the one that is answered; nil for none.
	Appeal *store.Appeal
	// Conflict is what somebody else decided first; nil when nobody did.
	Conflict *conflictView
}

// reasonChoice is a reason to choose, with the text that goes with it in the
// user's language.
type reasonChoice struct {
	Code account.ReasonCode
	Text string
}

// showDecide shows the form of a decision.
func (s *server) showDecide(c *gin.Context, status int, v verb, id uuid.UUID, form *page.Form, conflict *fault.Error) {
	view, err := s.decideView(c, v, id, form)
	if err != nil {
		web.Fail(c, err)
		return
	}
	if conflict != nil {
		view.Conflict = conflictOf(conflict)
	}
	s.face.Render(c, status, "decide", view)
}

func (s *server) decideView(c *gin.Context, v verb, id uuid.UUID, form *page.Form) (decideView, error) {
	ctx := c.Request.Context()
	view := decideView{Verb: v, Form: form}
	var err error
	if view.AccountView, err = s.service.OpenAccount(ctx, web.CallerOf(c).Actor, id); err != nil {
		return view, err
	}
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return view, err
	}
	view.Zone = p.Calendar.Zone
	if v.Reasoned || v.Coded {
		for _, code := range account.ReasonCodes(v.Action) {
			view.Reasons = append(view.Reasons, reasonChoice{code, cannedText(p, v.Action, string(code), view.Locale)})
		}
	}
	if v.Appeal {
		appeal, err := uuid.Parse(form.Value("appeal"))
		if err != nil {
			return view, fault.New(fault.NotFound, "There is no such appeal.")
		}
		answered, err := s.reader.Appeal(ctx, appeal)
		if err != nil {
			return view, err
		}
		view.Appeal = &answered
	}
	view.Preview, err = s.previewOf(c, v, id, form)
	return view, err
}

// preview shows what the user would be told of a form as it stands.
func (s *server) preview(v verb) gin.HandlerFunc {
	return posted(func(c *gin.Context, id uuid.UUID, form *page.Form) {
		shown, err := s.previewOf(c, v, id, form)
		if err != nil {
			web.Fail(c, err)
			return
		}
		s.face.Render(c, http.StatusOK, "preview", shown)
	})
}

// previewOf returns what the user would be told. What is wrong in the form is
// told when it is sent.
func (s *server) previewOf(c *gin.Context, v verb, id uuid.UUID, form *page.Form) (*service.Preview, error) {
	ask, err := s.askOf(c, v, id, form)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	if v.Action == account.ForceReset || v.Coded {
		return nil, nil // its e-mail is the one with the link, which is not made yet; of a code alone nobody is told
	}
	shown, err := s.service.Preview(c.Request.Context(), v.Action, ask)
	return &shown, err
}

// conflictView is what a conflict says of the account as it is.
type conflictView struct {
	Message string
	service.Current
}

func conflictOf(f *fault.Error) *conflictView {
	v := &conflictView{Message: f.Message}
	if current, ok := f.Details["current"].(service.Current); ok {
		v.Current = current
	}
	return v
}
