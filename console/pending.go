package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/store"
	"kibali/web"
)

const (
	pendingList = "console pending"
	pendingRoot = Root + "/pending"
)

// pending shows the queue of applications: a stage of it, those first whose
// time is up first, or, under a search, those of every stage that match.
func (s *server) pending(c *gin.Context) {
	query, err := s.readPendingQuery(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := pendingView{pendingQuery: query}
	if query.Q != "" {
		err = s.searchPending(c, &view)
	} else {
		err = s.queue(c, &view)
	}
	if err == nil {
		err = s.completePending(c, &view)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "pending", view)
}

// pendingQuery is what the address of the queue asks for.
type pendingQuery struct {
	Stage account.Stage
	Q     string
	After *store.QueueCursor
	// Before is set to go back.
	Before *store.QueueCursor
}

func (s *server) readPendingQuery(c *gin.Context) (pendingQuery, error) {
	parameters, err := web.ReadQuery(c, "stage", "q", "after", "before", doneParameter)
	if err != nil {
		return pendingQuery{}, err
	}
	q := pendingQuery{
		Stage: account.Stage(parameters.OneOf("stage", string(account.InReview),
			string(account.InReview), string(account.AwaitingDocuments), string(account.ChangesRequested))),
		Q: parameters.Text("q", maxSearch),
	}
	after, before := parameters.Text("after", maxCursor), parameters.Text("before", maxCursor)
	if err := parameters.Err(); err != nil {
		return pendingQuery{}, err
	}
	switch {
	case after != "":
		q.After = new(store.QueueCursor)
		err = s.cursors.Open(pendingList, string(q.Stage), after, q.After)
	case before != "":
		q.Before = new(store.QueueCursor)
		err = s.cursors.Open(pendingList, string(q.Stage), before, q.Before)
	}
	return q, err
}

// address returns where the queue of a stage is, on its first page.
func (q pendingQuery) address(more ...string) string {
	values := url.Values{}
	if q.Stage != account.InReview {
		values.Set("stage", string(q.Stage))
	}
	if q.Q != "" {
		values.Set("q", q.Q)
	}
	for i := 0; i+1 < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return withQuery(pendingRoot, values)
}

// queue reads a page of a stage.
func (s *server) queue(c *gin.Context, view *pendingView) error {
	page, err := s.reader.ReviewQueue(c.Request.Context(), store.QueueQuery{
		Stage: view.Stage, Limit: perPage, After: view.After, Before: view.Before,
	})
	if err != nil {
		return err
	}
	view.add(page.Items)
	if page.Next != nil {
		cursor, err := s.cursors.Seal(pendingList, string(view.Stage), page.Next)
		if err != nil {
			return err
		}
		view.Next = view.address("after", cursor)
	}
	if page.Previous != nil {
		cursor, err := s.cursors.Seal(pendingList, string(view.Stage), page.Previous)
		if err != nil {
			return err
		}
		view.Previous = view.address("before", cursor)
	}
	return nil
}

// searchPending finds pending accounts of every stage, those first that
// registered first.
func (s *server) searchPending(c *gin.Context, view *pendingView) error {
	found, err := s.reader.Accounts(c.Request.Context(), store.AccountsQuery{
		Status: account.Pending, Q: view.Q, Sort: store.SortRegistered, Ascending: true, Limit: store.MaxListed,
	})
	if err != nil {
		return err
	}
	view.add(found.Items)
	view.Matches = found.Matches
	return nil
}

// completePending adds what stands around and beside the accounts.
func (s *server) completePending(c *gin.Context, view *pendingView) error {
	ctx := c.Request.Context()
	ids := make([]uuid.UUID, len(view.Items))
	for i, item := range view.Items {
		ids[i] = item.ID
	}
	attention, err := s.reader.Attention(ctx, ids, s.now())
	if err != nil {
		return err
	}
	for i := range view.Items {
		view.Items[i].Attention = attention[view.Items[i].ID]
	}
	if view.Stages, err = s.reader.Stages(ctx); err != nil {
		return err
	}
	counts, err := s.reader.Counts(ctx)
	if err != nil {
		return err
	}
	view.Tabs = tabs(usersQuery{AccountsQuery: store.AccountsQuery{Status: account.Pending, Q: view.Q, Sort: store.SortRegistered}}, counts)
	view.Done, err = s.done(c)
	return err
}

// pendingView is what the template of the queue sees.
type pendingView struct {
	pendingQuery
	Tabs     []tab
	Stages   store.Stages
	Items    []pendingItem
	Matches  store.Matches // of a search
	Next     string
	Previous string
	Done     *done
}

// pendingItem is a row of the queue.
type pendingItem struct {
	store.AccountView
	store.Attention
}

// Due is when somebody's time is up: the reviewers', or the applicant's.
func (i pendingItem) Due() time.Time {
	if i.Stage == account.InReview {
		return i.RemindAt
	}
	return i.DeadlineAt
}

func (v *pendingView) add(items []store.AccountView) {
	for _, item := range items {
		v.Items = append(v.Items, pendingItem{AccountView: item})
	}
}

// Chips are the stages to choose from.
func (v pendingView) Chips() []chip {
	var chips []chip
	for _, stage := range []account.Stage{account.InReview, account.AwaitingDocuments, account.ChangesRequested} {
		of := v.pendingQuery
		of.Stage, of.Q = stage, ""
		chips = append(chips, chip{
			Stage: stage, Count: v.Stages.Of(stage), Address: of.address(), Current: v.Q == "" && v.Stage == stage,
		})
	}
	return chips
}

// chip is one stage to choose.
type chip struct {
	Stage   account.Stage
	Count   int64
	Address string
	Current bool
}
