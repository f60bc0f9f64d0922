package service

import (
	"context"
	"fmt"
	"time"

	"kibali/store"
)

// copiesEvery is how often the list's copies are renewed. With as long for what
// an account was last active at, and the time that writing takes, they are less
// than five seconds old.
const copiesEvery = 2 * time.Second

// RunLedger keeps what follows the ledger, until ctx ends: the list's copies of
// credits. Any number of processes may run it: one at a time does the work.
func (s *Service) RunLedger(ctx context.Context) {
	ticker := time.NewTicker(copiesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.FollowLedger(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the list's copies of credits are not kept", "cause", fmt.Sprintf("%T", err))
		}
	}
}

// FollowLedger does once what RunLedger does. It does nothing while another
// process does it.
func (s *Service) FollowLedger(ctx context.Context) error {
	_, err := s.store.Alone(ctx, store.CopiesLock, func(ctx context.Context) error {
		_, err := s.store.CopyCredits(ctx)
		return err
	})
	return err
}
