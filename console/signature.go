package console

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// signView is what the form of a second signature shows.
type signView struct {
	store.Decision
	Account *store.AccountView // nil for a top-up of many
	Action  account.Action     // account.Countersign or account.Decline
	Form    *page.Form
	Own     bool // the viewer asked for it
	// Refused is what has become of it meanwhile; nil when it waits.
	Refused *conflictView
}

// signForm shows the form of a second signature.
func (s *server) signForm(action account.Action) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, err := idOf(c, "id")
		if err != nil {
			web.Fail(c, err)
			return
		}
		s.showSign(c, http.StatusOK, id, action, page.NewForm("token", uuid.NewString()), nil)
	}
}

// sign puts the second signature under a top-up, or declines to.
func (s *server) sign(action account.Action) gin.HandlerFunc {
	return posted(func(c *gin.Context, id uuid.UUID, form *page.Form) {
		_, err := s.carrySignature(c, id, action, form)
		switch {
		case form.Refused(err):
			s.showSign(c, http.StatusUnprocessableEntity, id, action, form, nil)
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.KeyReused), fault.Is(err, fault.InsufficientCredits):
			s.showSign(c, http.StatusConflict, id, action, form, conflictOf(fault.As(err)))
		case err != nil:
			web.Fail(c, err)
		default:
			page.See(c, topUpsRoot+"?"+url.Values{doneParameter: {id.String()}}.Encode())
		}
	})
}

func (s *server) carrySignature(c *gin.Context, id uuid.UUID, action account.Action, form *page.Form) (service.Decided, error) {
	ask := service.Sign{DecisionID: id, Note: form.Value("note")}
	var err error
	if ask.Key, err = formKey(c, form, string(action), id.String(), ask.Note); err != nil {
		return service.Decided{}, err
	}
	caller := web.CallerOf(c).Actor
	if action == account.Countersign {
		return s.service.Countersign(c.Request.Context(), caller, ask)
	}
	return s.service.Decline(c.Request.Context(), caller, ask)
}

func (s *server) showSign(c *gin.Context, status int, id uuid.UUID, action account.Action, form *page.Form, refused *conflictView) {
	d, err := s.reader.Decision(c.Request.Context(), id)
	if err == nil && d.Kind != account.TopUp {
		err = fault.New(fault.NotFound, "There is no such top-up.")
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := signView{Decision: d, Action: action, Form: form, Refused: refused, Own: d.StaffID == web.CallerOf(c).ID}
	if d.AccountID != uuid.Nil {
		of, err := s.reader.Account(c.Request.Context(), d.AccountID)
		if err != nil {
			web.Fail(c, err)
			return
		}
		view.Account = &of
	}
	s.face.Render(c, status, "sign", view)
}
