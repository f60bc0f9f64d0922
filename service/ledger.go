package service

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"kibali/store"
)

const (
	// copiesEvery is how often the list's copies are renewed. With as long for
	// what an account was last active at, and the time that writing takes, they
	// are less than five seconds old.
	copiesEvery = 2 * time.Second
	// sealEvery is how often the ledger is sealed.
	sealEvery = 10 * time.Second
)

// RunLedger does what follows the ledger, until ctx ends: it keeps the list's
// copies of credits, and seals transfers. Any number of processes may run it:
// one at a time does each.
func (s *Service) RunLedger(ctx context.Context) {
	var following sync.WaitGroup
	following.Go(func() { s.repeat(ctx, copiesEvery, "the list's copies of credits are not kept", s.CopyCredits) })
	following.Go(func() { s.repeat(ctx, sealEvery, "the ledger is not sealed", s.SealLedger) })
	following.Wait()
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
			s.log.Error("the ledger is not followed", "failure", failure, "cause", fmt.Sprintf("%T", err))
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

// SealLedger seals what has been posted, once. It does nothing while another
// process does it. The log keeps the hash of each seal, out of reach of whoever
// can change the database.
func (s *Service) SealLedger(ctx context.Context) error {
	_, err := s.store.Alone(ctx, store.SealLock, func(ctx context.Context) error {
		seals, err := s.store.SealLedger(ctx, s.now())
		for _, seal := range seals {
			s.log.Info("sealed", "seal", seal.Number, "transfers", seal.Transfers, "hash", hex.EncodeToString(seal.Hash))
		}
		return err
	})
	return err
}
