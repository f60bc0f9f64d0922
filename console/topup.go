package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// topUpView is what the form of a top-up shows.
type topUpView struct {
	store.AccountView
	Form    *page.Form
	Reasons []ledger.Reason
	Preview topUpPreview
	// Refused is why the account's state does not permit it; nil when it does.
	Refused *conflictView
}

// topUpPreview is what a top-up would lead to.
type topUpPreview struct {
	Amount int64
	Before ledger.Balance
	After  ledger.Balance
	Valid  bool
	Short  bool // it would fall below zero
	// Signature says that a second person has to sign.
	Signature bool
	Letter    *service.Preview
}

// topUpForm shows the form of a top-up.
func (s *server) topUpForm(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	form := page.NewForm("token", uuid.NewString(), "reason", string(ledger.Complimentary))
	s.showTopUp(c, http.StatusOK, id, form, nil)
}

// topUp asks for a top-up. Sent twice it is asked for once, by the form's token.
func (s *server) topUp(c *gin.Context, id uuid.UUID, form *page.Form) {
	if form.Value("preview") != "" { // the button of those without JavaScript
		_, err := amountIn(form)
		form.Refused(err)
		s.showTopUp(c, http.StatusOK, id, form, nil)
		return
	}
	decided, err := s.askTopUp(c, id, form)
	switch {
	case form.Refused(err):
		s.showTopUp(c, http.StatusUnprocessableEntity, id, form, nil)
	case fault.Is(err, fault.InsufficientCredits):
		form.Refused(fault.InvalidFields(fault.Field{Field: "amount", Code: string(fault.InsufficientCredits), Detail: "The account has too few credits."}))
		s.showTopUp(c, http.StatusUnprocessableEntity, id, form, nil)
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.KeyReused):
		s.showTopUp(c, http.StatusConflict, id, form, conflictOf(fault.As(err)))
	case err != nil:
		web.Fail(c, err)
	default:
		page.See(c, accountPath(id)+"?"+url.Values{doneParameter: {decided.Decision.ID.String()}}.Encode())
	}
}

func (s *server) askTopUp(c *gin.Context, id uuid.UUID, form *page.Form) (service.Decided, error) {
	amount, err := amountIn(form)
	if err != nil {
		return service.Decided{}, allWrong(err, checkNote(form.Value("note")))
	}
	ask := service.TopUp{AccountID: id, Amount: amount, Reason: form.Value("reason"), Note: form.Value("note")}
	if ask.Key, err = formKey(c, form, "top-up", id.String(), strconv.FormatInt(amount, 10), ask.Reason, ask.Note); err != nil {
		return service.Decided{}, err
	}
	return s.service.TopUp(c.Request.Context(), web.CallerOf(c).Actor, ask)
}

// amountIn reads a whole number as people write it, with or without separators.
func amountIn(form *page.Form) (int64, error) {
	text := strings.NewReplacer(",", "", " ", "", "\u00a0", "", "−", "-").Replace(strings.TrimSpace(form.Value("amount")))
	if text == "" {
		return 0, fault.InvalidFields(fault.Field{Field: "amount", Code: account.CodeRequired, Detail: "Must be given."})
	}
	amount, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fault.InvalidFields(fault.Field{Field: "amount", Code: "not_whole", Detail: "Must be a whole number."})
	}
	return amount, nil
}

func (s *server) showTopUp(c *gin.Context, status int, id uuid.UUID, form *page.Form, refused *conflictView) {
	view := topUpView{Form: form, Reasons: ledger.Reasons(), Refused: refused}
	var err error
	if view.AccountView, err = s.reader.Account(c.Request.Context(), id); err == nil {
		view.Preview, err = s.topUpPreviewOf(c, view.AccountView, form)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "topup", view)
}

// previewTopUp shows what a form as it stands would lead to.
func (s *server) previewTopUp(c *gin.Context, id uuid.UUID, form *page.Form) {
	view, err := s.reader.Account(c.Request.Context(), id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	preview, err := s.topUpPreviewOf(c, view, form)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "topup_preview", preview)
}

func (s *server) topUpPreviewOf(c *gin.Context, view store.AccountView, form *page.Form) (topUpPreview, error) {
	p := topUpPreview{Before: view.Balance, After: view.Balance}
	amount, err := amountIn(form)
	reason := ledger.Reason(form.Value("reason"))
	if err != nil || len(ledger.CheckTopUp("amount", amount, reason)) > 0 {
		return p, nil //nolint:nilerr // what is wrong is told when it is sent
	}
	p.Amount = amount
	usable := &p.After.Available
	if ledger.Keeps(view.Status) {
		usable = &p.After.Held
	}
	*usable += amount
	p.Short = *usable < 0
	p.Valid = !p.Short && p.After.Total() <= ledger.Most
	if !p.Valid {
		return p, nil
	}
	if p.Signature, err = s.service.NeedsSignature(c.Request.Context(), web.CallerOf(c).Actor, amount); err != nil {
		return p, err
	}
	letter, err := s.service.PreviewTopUp(c.Request.Context(), view, amount, string(reason))
	p.Letter = &letter
	return p, err
}
