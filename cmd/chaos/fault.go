package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// victim is something that is killed and started again.
type victim struct {
	name  string
	kill  func() error
	start func(ctx context.Context) error
}

func (i *installation) victims() []victim {
	found := []victim{
		{"postgres", i.stack.Postgres.Kill, i.stack.Postgres.Start},
		{"temporal", i.stack.Temporal.Kill, i.stack.Temporal.Start},
	}
	for _, c := range i.processes() {
		found = append(found, victim{c.name, c.kill, func(context.Context) error { return c.start() }})
	}
	return found
}

// storm kills one victim after another with kill -9, at random instants, each
// of them once before any of them twice, and starts each again after a moment.
// It returns when all have been started again.
func (i *installation) storm(ctx context.Context, length time.Duration, random *rand.Rand) error {
	storming, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	victims := i.victims()
	busy := make([]sync.Mutex, len(victims))
	failures := make(chan error, 1)
	var group sync.WaitGroup
	var deck []int
	// Between two of them the load must get somewhere.
	apart := int(min(length/8, 2500*time.Millisecond) / time.Millisecond)
	for pause(storming, between(random, apart/3, apart*5/3)) == nil {
		if len(deck) == 0 {
			deck = random.Perm(len(victims))
		}
		n := deck[0]
		deck = slices.Delete(deck, 0, 1)
		downtime := between(random, 50, 1000)
		group.Go(func() {
			busy[n].Lock()
			defer busy[n].Unlock()
			if err := i.strike(ctx, victims[n], downtime); err != nil {
				select {
				case failures <- err:
				default: // one is enough
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return ctx.Err()
	}
}

func (i *installation) strike(ctx context.Context, v victim, downtime time.Duration) error {
	if err := v.kill(); err != nil {
		return err
	}
	i.report.count("kill -9 of "+v.name, 1)
	if err := pause(ctx, downtime); err != nil {
		return err
	}
	if err := v.start(ctx); err != nil {
		return err
	}
	return i.auditor.afterFault(ctx)
}

func between(random *rand.Rand, least, most int) time.Duration {
	return time.Duration(least+random.IntN(most-least)) * time.Millisecond
}
