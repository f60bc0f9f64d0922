package service

import (
	"context"
	"fmt"
	"time"

	"kibali/store"
)

// copiesEvery is how often the list's copies are renewed. With as long for
// what an account was last active at, and the time that writing takes, they
// are less than five seconds old.
const copiesEvery = 2 * time.Second

// RunLedger does what follows the ledger, until ctx ends: it keeps the list's
// copies of credits. Any number of processes may run it: one at a time does it.
func (s *Service) RunLedger(ctx context.Context) {
	s.repeat(ctx, copiesEvery, "the list's copies of credits are not kept", s.CopyCredits)
}

// repeat does something again and again until ctx ends, and logs failure when
// it cannot be done.
func (s *Service) repeat(ctx context.Context, every time.Duration, failure string, do func(context.Context) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("work that repeats has failed", "failure", failure, "cause", fmt.Sprintf("%T", err))
		}
	}
}

// CopyCredits renews the list's copies of credits once. It does nothing while
// another process does it.
func (s *Service) CopyCredits(ctx context.Context) error {
	_, err := s.store.Alone(ctx, store.CopiesLock, func(ctx context.Context) error {
		_, err := s.store.CopyCredits(ctx)
		return err
	})
	return err
}
