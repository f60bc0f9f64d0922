package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// maxBulk bounds how many applications are decided at once: a page of the queue,
// or a search's.
const maxBulk = 100

// bulkAtATime is how many of them are decided at the same moment.
const bulkAtATime = 4

// bulkView is what the template of a bulk decision sees.
type bulkView struct {
	Verb    verb
	Form    *page.Form
	Reasons []reasonChoice
	Items   []bulkItem
	// Finished says that the decisions were taken, and Items tell how.
	Finished bool
	Done     int // how many were carried out or recorded
	Waiting  int // how many of those are recorded only
}

// bulkItem is one application of a bulk decision.
type bulkItem struct {
	store.AccountView
	// Refusal is why it is not decided about.
	Refusal *conflictView
	// Decision is what was recorded; nil before, and after a refusal.
	Decision *store.Decision
}

// bulkForm shows what a decision about several applications would do.
func (s *server) bulkForm(c *gin.Context) {
	values := c.Request.URL.Query()
	v, ok := verbOf(values.Get("action"))
	if !ok || v.Action != account.Approve && v.Action != account.Reject {
		web.NotFound(c)
		return
	}
	form := page.NewForm("token", uuid.NewString(), "action", v.Path(), "reason_code", string(account.ReasonDocumentsMissing))
	s.showBulk(c, http.StatusOK, v, form, values["id"])
}

// bulk decides about several applications, each for itself, and tells how each
// of them ended. Sent twice, each is decided once.
func (s *server) bulk(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	v, ok := verbOf(form.Value("action"))
	token, err := uuid.Parse(form.Value("token"))
	if !ok || err != nil || v.Action != account.Approve && v.Action != account.Reject {
		web.Fail(c, fault.New(fault.Malformed, "The form is not complete."))
		return
	}
	if err := s.checkBulk(c, v, form); form.Refused(err) {
		s.showBulk(c, http.StatusUnprocessableEntity, v, form, form.Values("id"))
		return
	} else if err != nil {
		web.Fail(c, err)
		return
	}
	view, err := s.bulkView(c, v, form, form.Values("id"))
	if err != nil {
		web.Fail(c, err)
		return
	}
	view.Finished = true
	s.decideAll(c, &view, token)
	s.face.Render(c, http.StatusOK, "bulk", view)
}

// checkBulk returns fault.Invalid for what no application could be decided with.
// A reason that was left empty is the canned one of its code.
func (s *server) checkBulk(c *gin.Context, v verb, form *page.Form) error {
	reason := account.Reason{Code: account.ReasonCode(form.Value("reason_code")), Text: form.Value("reason"), Note: form.Value("note")}
	if v.Reasoned && strings.TrimSpace(reason.Text) == "" {
		p, _, err := s.reader.Policy(c.Request.Context())
		if err != nil {
			return err
		}
		reason.Text = cannedText(p, v.Action, string(reason.Code), s.face.LocaleOf(c))
	}
	return checkReason(v, reason)
}

func (s *server) showBulk(c *gin.Context, status int, v verb, form *page.Form, ids []string) {
	view, err := s.bulkView(c, v, form, ids)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "bulk", view)
}

func (s *server) bulkView(c *gin.Context, v verb, form *page.Form, ids []string) (bulkView, error) {
	view := bulkView{Verb: v, Form: form}
	if len(ids) > maxBulk {
		return view, fault.New(fault.Malformed, "At most %d applications are decided about at once.", maxBulk)
	}
	ctx := c.Request.Context()
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return view, err
	}
	if v.Reasoned {
		for _, code := range account.ReasonCodes(v.Action) {
			view.Reasons = append(view.Reasons, reasonChoice{code, cannedText(p, v.Action, string(code), s.face.LocaleOf(c))})
		}
	}
	seen := map[uuid.UUID]bool{}
	for _, text := range slices.Compact(ids) {
		id, err := uuid.Parse(text)
		if err != nil || seen[id] {
			continue
		}
		seen[id] = true
		item := bulkItem{}
		if item.AccountView, err = s.reader.Account(ctx, id); err != nil {
			return view, err
		}
		view.Items = append(view.Items, item)
	}
	return view, nil
}

// decideAll decides about each of the items, some at a time.
func (s *server) decideAll(c *gin.Context, view *bulkView, token uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), web.FileTimeout)
	defer cancel()
	web.ForFile(c)
	places := make(chan int)
	var group sync.WaitGroup
	for range bulkAtATime {
		group.Go(func() {
			for i := range places {
				s.decideOne(ctx, c, view, i, token)
			}
		})
	}
	for i := range view.Items {
		places <- i
	}
	close(places)
	group.Wait()
	for _, item := range view.Items {
		if item.Decision == nil {
			continue
		}
		view.Done++
		if item.Decision.Open() {
			view.Waiting++
		}
	}
}

// decideOne decides about one item, and notes in it how that ended.
func (s *server) decideOne(ctx context.Context, c *gin.Context, view *bulkView, i int, token uuid.UUID) {
	item, caller := &view.Items[i], web.CallerOf(c).Actor
	ask := service.Ask{AccountID: item.ID, Note: view.Form.Value("note")}
	if view.Verb.Reasoned {
		ask.ReasonCode, ask.Reason = view.Form.Value("reason_code"), view.Form.Value("reason")
		if strings.TrimSpace(ask.Reason) == "" {
			p, _, err := s.reader.Policy(ctx)
			if err != nil {
				item.Refusal = &conflictView{Message: "The service cannot answer at the moment."}
				return
			}
			ask.Reason = cannedText(p, view.Verb.Action, ask.ReasonCode, item.Locale)
		}
	}
	ask.Key = keyOf(caller, "bulk", token.String()+"/"+item.ID.String(), contentOf(view.Verb, ask)...)
	decided, err := view.Verb.command(s.service)(ctx, caller, ask)
	switch f := fault.As(err); {
	case f != nil:
		item.Refusal = conflictOf(f)
	case err != nil:
		item.Refusal = &conflictView{Message: "The service cannot answer at the moment."}
	default:
		item.Decision = &decided.Decision
		if decided.Done {
			item.AccountView = decided.Account
		}
	}
}
