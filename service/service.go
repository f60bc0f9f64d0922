// Package service is what people may ask of Kibali: register, hand in
// documents, decide, log in. The API and the console share it. A command
// checks who asks, records what is asked in one transaction and tells the case
// that carries it out; it never carries it out itself. It imports domain,
// store, identity, documents, letters, sso and the Temporal client; never workflows
// or activities.
package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"kibali/documents"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/letters"
	"kibali/sso"
	"kibali/store"
)

// Config is what a Service needs. The fields down to Log are required.
type Config struct {
	Store     *store.Store
	Temporal  client.Client
	Documents *documents.Store
	Hasher    *identity.Hasher
	Log       *slog.Logger
	// Factors are the second factors of staff, and Results seals what is answered
	// again to requests that are sent again. They and Links are nil in a process
	// that answers nobody.
	Factors *identity.Factors
	Results *identity.Sealer
	// SSO is the identity provider of staff; nil for none.
	SSO *sso.Provider
	// Links makes the codes that prove phones, the same as the workers'.
	Links *identity.Links
	// Limits say how often things may be tried; zero is no limit.
	Limits Limits
	// Letters is in whose name notices are written, for those who want to see
	// one before it is sent.
	Letters letters.Sender
	// Heads is where the heads of sealed chains are published; nil is Documents.
	Heads *documents.Store
	// Sealed hears of the newest seal of a chain, and when a head of it was last
	// published by this process; nil for nobody.
	Sealed func(chain string, number int64, at, published time.Time)
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Answer is how long a command waits for its case to carry it out before
	// it answers that it is recorded; zero is 3 s.
	Answer time.Duration
	// Reach is how long a command tries to tell a case what was recorded
	// before it leaves that to the sweep; zero is 2 s.
	Reach time.Duration
}

// Service carries commands. It is safe for concurrent use.
type Service struct {
	store     *store.Store
	reader    *store.Reader
	temporal  client.Client
	documents *documents.Store
	hasher    *identity.Hasher
	factors   *identity.Factors
	results   *identity.Sealer
	sso       *sso.Provider
	links     *identity.Links
	limits    Limits
	over      over
	viewed    over // looks at accounts that are on record
	letters   letters.Sender
	log       *slog.Logger
	now       func() time.Time
	answer    time.Duration
	reach     time.Duration
	told      *told
	heads     *documents.Store
	sealed    func(chain string, number int64, at, published time.Time)
	published map[string]*publication
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, reader: c.Store.Reader(), temporal: c.Temporal, documents: c.Documents, hasher: c.Hasher, factors: c.Factors,
		results: c.Results, links: c.Links, sso: c.SSO, limits: c.Limits, letters: c.Letters,
		log: c.Log, now: c.Now, answer: c.Answer, reach: c.Reach, told: newTold(),
		heads: c.Heads, sealed: c.Sealed, published: map[string]*publication{LedgerChain: {}, AuditChain: {}},
	}
	if s.heads == nil {
		s.heads = c.Documents
	}
	if s.sealed == nil {
		s.sealed = func(string, int64, time.Time, time.Time) {}
	}
	if s.now == nil {
		// PostgreSQL keeps microseconds; what is answered is what is read later.
		s.now = func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	}
	if s.answer == 0 {
		s.answer = 3 * time.Second
	}
	if s.reach == 0 {
		s.reach = 2 * time.Second
	}
	return s
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func permitted(by actor.Actor, p actor.Permission) error {
	if by.May(p) {
		return nil
	}
	return fault.New(fault.Forbidden, "Your role does not permit this.")
}

func itself(by actor.Actor) error {
	if by.Kind == actor.Account && by.ID != uuid.Nil {
		return nil
	}
	return fault.New(fault.Forbidden, "Only the user of the account may do this.")
}

// detached is ctx without its end: what was recorded is told to its case even
// when the client has gone away.
func detached(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

func isNotFound(err error) bool { return fault.Is(err, fault.NotFound) }

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
