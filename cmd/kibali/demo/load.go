package demo

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
)

// Config is what Load needs.
type Config struct {
	Service  *service.Service
	Reader   *store.Reader
	Staff    map[actor.Role]actor.Actor // one of each role
	Password string                     // of every demo user
	// Colleague tops up. It is somebody beside Staff, who may give as much alone as
	// if there were no demo data.
	Colleague actor.Actor
	Uses      *store.Uses // is told of uses
	// Progress is told how far it is, in the manner of fmt.Printf.
	Progress func(format string, args ...any)
}

// atATime is how many accounts are made at a time.
const atATime = 8

// Load makes every account of the demo data and returns when each is in the
// state that its story ends in. A worker must be running. What an earlier call
// has made is found again by its e-mail and by the keys of its decisions, and
// continued, so a call may be repeated after it was cut short.
func Load(ctx context.Context, c Config) error { return load(ctx, c, companies) }

func load(ctx context.Context, c Config, companies []company) error {
	var done atomic.Int64
	c.Progress("demo data: making %d accounts ...", len(companies))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for number, company := range companies {
		group.Go(func() error {
			l := loading{Config: c, company: company, number: number}
			if err := l.load(groupCtx); err != nil {
				return fmt.Errorf("demo data: %s: %w", company.name, err)
			}
			if n := done.Add(1); n%20 == 0 || int(n) == len(companies) {
				c.Progress("demo data: %d of %d accounts", n, len(companies))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return giveBonus(ctx, c, companies)
}

// loading is the making of one account.
type loading struct {
	Config
	company company
	number  int

	id   uuid.UUID
	user actor.Actor
	// last is the latest decision of the story so far; nil before the first.
	last *store.Decision
	// decided counts the decisions of the story so far.
	decided int
	// asides counts what else was done once.
	asides int
}

func (l *loading) load(ctx context.Context) error {
	if err := l.register(ctx); err != nil {
		return err
	}
	l.user = actor.Actor{Kind: actor.Account, ID: l.id, RequestID: requestID}
	for _, step := range l.company.story {
		if err := l.take(ctx, step); err != nil {
			return err
		}
	}
	return l.arrive(ctx, l.company.story.outcome())
}

const requestID = "demo"

func (l *loading) take(ctx context.Context, step step) error {
	switch {
	case step.document != "":
		return l.upload(ctx, step.document)
	case step.decision != nil:
		return l.decide(ctx, *step.decision)
	case step.resubmit:
		return l.resubmit(ctx)
	case step.aside != nil:
		return step.aside(ctx, l)
	default:
		return l.login(ctx)
	}
}

func (l *loading) register(ctx context.Context) error {
	registered, err := l.Service.Register(ctx, actor.Actor{RequestID: requestID}, l.company.application(l.number), l.Password)
	if err == nil {
		l.id = registered.Account.ID
		return nil
	}
	if !fault.Is(err, fault.Taken) {
		return err
	}
	login, err := l.Reader.LoginByEmail(ctx, l.company.email())
	l.id = login.AccountID
	return err
}

// login looks in as the user, once.
func (l *loading) login(ctx context.Context) error {
	view, err := l.Reader.Account(ctx, l.id)
	if err != nil || view.Status != account.Active || !view.LastActiveAt.IsZero() {
		return err
	}
	_, err = l.Service.Login(ctx, actor.Actor{RequestID: requestID}, l.company.email(), l.Password)
	return err
}

// resubmit hands in a corrected application, if that has not happened since the
// last decision.
func (l *loading) resubmit(ctx context.Context) error {
	view, err := l.Reader.Account(ctx, l.id)
	if err != nil {
		return err
	}
	waits := view.Stage == account.ChangesRequested || view.Status == account.Rejected
	if !waits || view.DecidedBy == nil || l.last == nil || *view.DecidedBy != l.last.ID {
		return nil
	}
	application := l.company.application(l.number)
	_, _, err = l.Service.Resubmit(ctx, l.user, account.Resubmission{Name: application.Name, Company: application.Company})
	if err != nil && !fault.Is(err, fault.Conflict) { // one is on its way
		return err
	}
	return l.arrive(ctx, account.State{Status: account.Pending, Stage: account.InReview})
}

// patience is how long a case may take for one thing.
const patience = 2 * time.Minute

// arrive waits until the account is in a state and nothing of it is under way.
func (l *loading) arrive(ctx context.Context, wanted account.State) error {
	return until(ctx, fmt.Sprintf("account %s did not become %s", l.id, wanted), func() (bool, error) {
		view, err := l.Reader.Account(ctx, l.id)
		return err == nil && view.State() == wanted, err
	})
}

// until asks every few milliseconds whether something has come about.
func until(ctx context.Context, failure string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		done, err := ask()
		if done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return errors.New(failure)
			}
			return ctx.Err()
		}
	}
}
