package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
)

// alone asks every question with one client: once to see that the answer is
// right, and then, in random order, to measure.
func (b *searchBench) alone(ctx context.Context, questions []question, r *report) error {
	progress("asking %d questions with one client, and checking the answers", len(questions))
	c := &httpClient{address: b.api.address}
	defer c.close()
	requests := make([][]byte, len(questions))
	for i, q := range questions {
		path, err := q.path(b.cursors)
		if err != nil {
			return err
		}
		requests[i] = request(b.api.address, path, b.token)
		if err := verify(ctx, c, requests[i], q); err != nil {
			return fmt.Errorf("%v: %w", q, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	r.verified = len(questions)
	for round := range b.scale.repeats {
		progress("asking them again, round %d of %d", round+1, b.scale.repeats)
		for _, i := range rand.Perm(len(questions)) { //nolint:gosec // an order, no secret
			start := time.Now()
			if _, err := c.do(ctx, requests[i]); err != nil {
				return err
			}
			r.answered(questions[i], time.Since(start))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

func verify(ctx context.Context, c *httpClient, request []byte, q question) error {
	body, err := c.do(ctx, request)
	if err != nil {
		return err
	}
	var page struct {
		Items []struct {
			ID uuid.UUID `json:"id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.ID
	}
	if !slices.Equal(ids, q.answer) {
		return fmt.Errorf("the answer is wrong: %v instead of %v", ids, q.answer)
	}
	return nil
}
