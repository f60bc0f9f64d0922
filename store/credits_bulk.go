package store

import (
	"bytes"
	"context"
	"slices"

	"kibali/domain/fault"
	"kibali/domain/ledger"
)

// Outcome is how one of several postings ended: posted, or refused with the
// fault that posting it alone would have given.
type Outcome struct {
	Posted Posted
	Err    error // a *fault.Error, or nil
}

// PostAll posts top-ups, as many as there are: each either happens or not,
// whatever becomes of the others; those of one account one after the other, in
// their order. The outcomes stand in the order of the postings, and are what
// TopUp would have said. Two postings of the same request in one call are one:
// the second is the first one's replay, or fault.KeyReused.
//
// A hundred postings are one statement, so thousands a second are posted as long
// as few are refused: a refused one takes statements of its own. The accounts
// are locked in the order of their ids, so that transactions that post for the
// same accounts wait for each other and never for ever, as long as each calls
// it once; all are locked until the transaction ends, and charges of these
// accounts wait that long.
//
// An error is of the transaction, which is of no use after it.
func (t *Tx) PostAll(ctx context.Context, postings []Posting) ([]Outcome, error) {
	return within(t).postAll(ctx, postings)
}

func (o poster) postAll(ctx context.Context, postings []Posting) ([]Outcome, error) {
	outcomes, postings := make([]Outcome, len(postings)), slices.Clone(postings)
	requests := make(map[Request]int, len(postings)) // where a request stands first
	var waiting, again []int
	for i := range postings {
		p := &postings[i]
		p.Kind = ledger.TopUp
		if _, twice := requests[p.Request]; twice {
			again = append(again, i)
			continue
		}
		requests[p.Request] = i
		if outcomes[i].Err = p.check(); outcomes[i].Err == nil {
			waiting = append(waiting, i)
		}
	}
	slices.SortStableFunc(waiting, func(a, b int) int {
		return bytes.Compare(postings[a].AccountID[:], postings[b].AccountID[:])
	})
	for len(waiting) > 0 {
		some := waiting[:min(len(waiting), manyMost)]
		waiting = waiting[len(some):]
		if err := o.postSome(ctx, postings, some, outcomes); err != nil {
			return nil, err
		}
	}
	for _, i := range again {
		outcomes[i] = outcomes[requests[postings[i].Request]].replay(postings[i])
	}
	return outcomes, nil
}

// postSome posts those of the postings that some names, together where that can
// be, and fills in their outcomes.
func (o poster) postSome(ctx context.Context, postings []Posting, some []int, outcomes []Outcome) error {
	batch := make([]Posting, len(some))
	for i, at := range some {
		batch[i] = postings[at]
	}
	posted, err := o.topUp(ctx, batch)
	if err != nil {
		return failed("post transfers", err)
	}
	for i, at := range some {
		if posted[i] != nil {
			outcomes[at].Posted = *posted[i]
			continue
		}
		outcomes[at].Posted, err = o.post(ctx, batch[i])
		if refusal := fault.As(err); refusal != nil {
			outcomes[at].Err = refusal
		} else if err != nil {
			return err
		}
	}
	return nil
}

// replay is the outcome of a request that has another one's key.
func (first Outcome) replay(p Posting) Outcome {
	switch {
	case first.Err != nil: // refusals are not remembered, but nothing has changed since
		return first
	case first.Posted.same(p.posted(p.change(), platformAccount(p.Kind))):
		first.Posted.Replayed = true
		return first
	}
	return Outcome{Err: fault.New(fault.KeyReused, "This key was used for another request.")}
}
