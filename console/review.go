package console

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
	"kibali/web"
)

// reviewRoute is where a review is shown.
const reviewRoute = Root + "/accounts/:id/review"

// review shows an application to the one who is to decide about it: the
// documents, what was submitted, what a computer finds suspicious, and the
// decisions to choose from. It claims the application for them.
func (s *server) review(c *gin.Context) {
	id, err := idOf(c, "id")
	if err != nil {
		web.Fail(c, err)
		return
	}
	view, err := s.readReview(c, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "review", view)
}

// reviewView is what the template of a review sees.
type reviewView struct {
	store.AccountView
	Attention  store.Attention
	Mine       bool // whether the claim is the viewer's
	Documents  []documentView
	Likenesses []store.Likeness
	History    []store.TimelineItem
	Verbs      []verb
	// Unproved are the contacts whose proof the approval waits for.
	Unproved []account.Contact
	Done     *done
}

// historyShown is how many events a review shows.
const historyShown = 12

func (s *server) readReview(c *gin.Context, id uuid.UUID) (reviewView, error) {
	ctx, caller := c.Request.Context(), web.CallerOf(c).Actor
	var v reviewView
	var err error
	if v.AccountView, err = s.service.OpenAccount(ctx, caller, id); err != nil {
		return v, err
	}
	if v.Status == account.Pending && caller.May(actor.Review) {
		if _, err := s.service.Claim(ctx, caller, id); err != nil {
			return v, err
		}
	}
	attention, err := s.reader.Attention(ctx, []uuid.UUID{id}, s.now())
	if err != nil {
		return v, err
	}
	v.Attention = attention[id]
	v.Mine = v.Attention.Claim != nil && v.Attention.Claim.StaffID == caller.ID
	if v.Documents, err = s.documentsFor(c, id); err != nil {
		return v, err
	}
	if v.Likenesses, err = s.reader.Likenesses(ctx, id); err != nil {
		return v, err
	}
	if v.History, _, err = s.reader.Timeline(ctx, id, historyShown, nil); err != nil {
		return v, err
	}
	v.Verbs = verbsFor(caller, v.AccountView, account.Approve, account.RequestChanges, account.Reject)
	if len(v.Verbs) > 0 {
		p, _, err := s.reader.Policy(ctx)
		if err != nil {
			return v, err
		}
		v.Unproved = p.Contacts.Unproved(v.Account)
	}
	v.Done, err = s.done(c)
	return v, err
}

// claim keeps an application the viewer's while they look at it.
func (s *server) claim(c *gin.Context) {
	id, err := idOf(c, "id")
	if err == nil {
		_, err = s.service.Claim(c.Request.Context(), web.CallerOf(c).Actor, id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
}

// unclaim gives an application back to the queue.
func (s *server) unclaim(c *gin.Context) {
	id, err := idOf(c, "id")
	if err == nil {
		err = s.service.Unclaim(c.Request.Context(), web.CallerOf(c).Actor, id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	page.See(c, pendingRoot)
}

// nextReview goes to the application that is due first and that nobody looks
// at, beyond the one that is skipped, or to the queue when there is none.
func (s *server) nextReview(c *gin.Context) {
	parameters, err := web.ReadQuery(c, "skip", doneParameter)
	if err != nil {
		web.Fail(c, err)
		return
	}
	skip, err := uuid.Parse(parameters.Text("skip", 36))
	if err != nil {
		skip = uuid.Nil
	}
	s.goOn(c, skip, parameters.Text(doneParameter, 36))
}

// goOn leads to the next review, and has it tell of a decision, if one is named.
func (s *server) goOn(c *gin.Context, skip uuid.UUID, done string) {
	caller := web.CallerOf(c).Actor
	values := url.Values{}
	if done != "" {
		values.Set(doneParameter, done)
	}
	if skip != uuid.Nil {
		if err := s.service.Unclaim(c.Request.Context(), caller, skip); err != nil {
			web.Fail(c, err)
			return
		}
	}
	next, err := s.service.NextReview(c.Request.Context(), caller, skip)
	switch {
	case fault.Is(err, fault.NotFound):
		page.See(c, withQuery(pendingRoot, values))
	case err != nil:
		web.Fail(c, err)
	default:
		page.See(c, withQuery(accountPath(next)+"/review", values))
	}
}

func accountPath(id uuid.UUID) string { return Root + "/accounts/" + id.String() }

// idOf reads an id of the path. It returns fault.NotFound for what is none.
func idOf(c *gin.Context, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Param(name))
	if err != nil || c.Param(name) != id.String() {
		return uuid.Nil, fault.New(fault.NotFound, "There is no such resource.")
	}
	return id, nil
}
