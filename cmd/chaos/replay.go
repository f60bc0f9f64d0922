package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
)

// replay sends what was answered well again, to both replicas, and once with
// another payload.
func (c *caller) replay(ctx context.Context, o *operation) {
	for replica := range c.replicas {
		a, err := c.persist(ctx, replica, o.call)
		if err != nil {
			return // known not to be known; the fault is under way
		}
		c.report.count("replays", 1)
		c.compare(o, a)
	}
	var changed map[string]any
	if err := json.Unmarshal(o.call.body, &changed); err != nil {
		panic(err) // our own body
	}
	changed["note"] = "another payload"
	other := jsonCall(o.call.method, o.call.path, o.call.token, o.call.key, changed)
	a, err := c.persist(ctx, 0, other)
	if err == nil && (a.status != http.StatusConflict || a.problem().Code != "idempotency_key_reused") {
		c.report.breach("P2", "a key took another payload", "decision %s: %s", o.decision, a)
	}
}

// compare checks a replay against what was acknowledged: the same decision, and
// the same answer byte for byte.
func (c *caller) compare(o *operation, a answer) {
	var got struct{ Decision struct{ ID uuid.UUID } }
	if !a.ok() || a.decode(&got) != nil || got.Decision.ID != o.decision {
		c.report.breach("P2", "a replay had another effect", "decision %s was answered with %s, its replay with %s", o.decision, o.answer, a)
		return
	}
	if a.status == o.answer.status && bytes.Equal(a.body, o.answer.body) {
		return
	}
	c.report.breach("P2", "a replay was answered otherwise", "decision %s: %s, then %s: %s, then %s",
		o.decision, o.answer, a, o.answer.body, a.body)
}
