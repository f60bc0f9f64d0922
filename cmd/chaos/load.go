package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"kibali/domain/account"
)

// story is what happens to a customer, step by step, after the registration.
type story []step

// step is a decision, or one of what the applicant does.
type step struct {
	decision account.Action
	do       func(*customer, context.Context) error
}

var (
	hands      = step{do: (*customer).hand}
	resubmits  = step{do: (*customer).resubmit}
	isFound    = step{do: (*customer).find}
	isReviewed = step{do: (*customer).awaitReview}

	approve        = step{decision: account.Approve}
	reject         = step{decision: account.Reject}
	requestChanges = step{decision: account.RequestChanges}
	suspend        = step{decision: account.Suspend}
	reactivate     = step{decision: account.Reactivate}
	closes         = step{decision: account.Close}
)

// stories lead to every status and through every transition that people make.
var stories = []story{
	{hands, approve, suspend, reactivate},
	{hands, reject, resubmits, approve},
	{hands, isReviewed, requestChanges, resubmits, approve, suspend, closes},
	{approve, isFound},
	{hands, isFound},
	{reject, closes},
	{hands, hands, approve, closes},
	{},
	{hands, isReviewed, requestChanges},
	{approve, suspend},
}

// load has clients live stories, every other of them spend credits, until ctx
// ends; what they are in the middle of is brought to its end. A client whose step was refused leaves its story: the
// refusal is in the report.
func (r *run) load(ctx context.Context, clients int) (wait func()) {
	var group sync.WaitGroup
	for n := range clients {
		random := rand.New(rand.NewPCG(r.Seed, uint64(n)+100)) //nolint:gosec // repeatable on purpose
		group.Go(func() {
			for ctx.Err() == nil {
				c := r.newCustomer(random)
				var err error
				if n%2 == 0 {
					err = c.live(ctx, stories[random.IntN(len(stories))])
				} else {
					err = c.spend(ctx)
				}
				if errors.Is(err, errUnknown) {
					r.report.count("operations whose outcome was never learned", 1)
				}
			}
		})
	}
	return group.Wait
}

// live lives a story; after ctx has ended no further step is begun, and nothing
// is waited for.
func (c *customer) live(ctx context.Context, s story) error {
	if err := c.register(ctx); err != nil {
		return err
	}
	for _, step := range s {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.take(ctx, step); err != nil {
			return err
		}
	}
	c.report.count("stories told to their end", 1)
	return nil
}

func (c *customer) take(ctx context.Context, s step) error {
	if s.do != nil {
		return s.do(c, ctx)
	}
	return c.decide(ctx, s.decision)
}
