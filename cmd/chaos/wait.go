package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"
)

func keys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// pause returns after d, or earlier with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until asks every so often whether something has come about. It fails, saying
// what did not, after the patience.
func until(ctx context.Context, patience, every time.Duration, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		var done bool
		if done, last = ask(); done {
			return nil
		}
		if pause(ctx, every) != nil {
			if last != nil {
				return fmt.Errorf("%s within %v: %w", what, patience, last)
			}
			return fmt.Errorf("%s within %v", what, patience)
		}
	}
}
