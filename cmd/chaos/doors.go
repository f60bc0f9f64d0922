package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// doors are watched while an account is suspended: clients try all ways in, over
// and over, on every replica. What is asked for after the suspension was
// answered must be refused.
type doors struct {
	*customer
	answered atomic.Pointer[time.Time] // when the answer was there; nil before
	until    time.Time                 // when the suspension may end by itself; zero for never
	stop     context.CancelFunc
	watchers sync.WaitGroup
	// breach is told of a door that stood open.
	breach func(door string, a answer)
}

// ways are the doors: each returns what is asked, and the posting that it makes,
// if it makes one.
var ways = map[string]func(*customer) (call, *posting){
	"authorize": func(c *customer) (call, *posting) {
		return call{method: http.MethodPut, path: "/v1/gate/authorize/send", token: c.key}, nil
	},
	"authorize for a service": func(c *customer) (call, *posting) {
		return call{method: http.MethodGet, path: "/v1/gate/authorize", token: c.gateway, account: c.id.String()}, nil
	},
	"charge":              func(c *customer) (call, *posting) { p := c.chargeSelf(1); return p.call, p },
	"charge by a service": func(c *customer) (call, *posting) { p := c.chargeFor(1); return p.call, p },
	"message":             func(c *customer) (call, *posting) { p := c.newMessage(1); return p.call, p },
	"own account":         func(c *customer) (call, *posting) { return jsonCall(http.MethodGet, "/v1/me", c.session, "", nil), nil },
	"own keys": func(c *customer) (call, *posting) {
		return jsonCall(http.MethodGet, "/v1/me/api-keys", c.session, "", nil), nil
	},
}

// watch begins to try all doors of the customer's account, which is about to be
// suspended, until a time or, when that is zero, for good.
func (c *customer) watch(ctx context.Context, until time.Time) *doors {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	d := &doors{customer: c, stop: stop, until: until}
	d.breach = func(door string, a answer) {
		c.report.breach("P6", "accepted after the answer of a suspension", "account %s, %s: %s", c.id, door, a)
	}
	for door, way := range ways {
		random := rand.New(rand.NewPCG(c.random.Uint64(), c.random.Uint64())) //nolint:gosec // repeatable on purpose
		d.watchers.Go(func() {
			for watching.Err() == nil {
				d.try(watching, door, way, random.IntN(len(c.caller.replicas)))
				_ = pause(watching, between(random, 5, 40))
			}
		})
	}
	return d
}

// shut notes that the suspension was answered.
func (d *doors) shut() {
	now := time.Now()
	d.answered.Store(&now)
}

// leave ends the watch, when everything that was asked is answered.
func (d *doors) leave() {
	d.stop()
	d.watchers.Wait()
}

func (d *doors) try(ctx context.Context, door string, way func(*customer) (call, *posting), replica int) {
	asked, p := way(d.customer)
	if p != nil {
		d.journal.posted(p)
	}
	after := d.answered.Load() != nil
	a, err := d.once(context.WithoutCancel(ctx), replica, asked)
	after = after && (d.until.IsZero() || time.Now().Before(d.until))
	if p != nil {
		d.note(p, a, after)
	}
	if !after {
		return
	}
	switch {
	case err != nil || a.status >= http.StatusInternalServerError:
		d.report.count("doors that did not answer after a suspension's", 1)
	case a.ok():
		d.breach(door, a)
	case a.status != http.StatusForbidden || a.problem().Code != "account_suspended":
		d.report.breach("P6", "suspended account was refused otherwise", "account %s, %s: %s", d.id, door, a)
	default:
		d.report.count("doors shut after a suspension's answer", 1)
	}
}

// note records what is known of a posting that went through a door, or did not.
func (d *doors) note(p *posting, a answer, late bool) {
	if a.status > 0 && a.status < http.StatusInternalServerError {
		if err := d.journal.answered(p, a); err != nil {
			d.report.breach("P2", "answer that cannot be read", "%v", err)
		}
	}
	d.journal.mu.Lock()
	defer d.journal.mu.Unlock()
	p.late = late
}
