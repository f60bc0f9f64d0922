package store

import (
	"context"
	"sync"
	"time"
)

const (
	// lookupsAtOnce is how many statements of one kind of look-up are under way
	// at a time.
	lookupsAtOnce = 2
	// lookupsMost is how many look-ups go into one statement.
	lookupsMost = 64
	// lookupTimeout bounds a statement for several look-ups.
	lookupTimeout = 5 * time.Second
)

// lookups answers look-ups by a key with one statement for all that come while
// others are under way, which costs PostgreSQL and this process a part of what
// a statement for each would. It remembers nothing: a look-up is answered by a
// statement that begins after it was asked for.
type lookups[K, V any] struct {
	// find returns what there is, by the place of its key among the keys. It keeps
	// PostgreSQL from seeing how many they are, which would have it make a plan
	// for each statement.
	find func(ctx context.Context, keys []K) (map[int]V, error)

	mu      sync.Mutex
	waiting []*lookup[K, V]
	running int
}

type lookup[K, V any] struct {
	key   K
	done  chan struct{}
	value V
	found bool
	err   error
}

// look returns the value of a key, and whether there is one.
func (l *lookups[K, V]) look(ctx context.Context, key K) (value V, found bool, err error) {
	mine := &lookup[K, V]{key: key, done: make(chan struct{})}
	l.mu.Lock()
	if l.running < lookupsAtOnce {
		l.running++
		l.mu.Unlock()
		defer l.goOn()
		l.answer(ctx, []*lookup[K, V]{mine})
		return mine.value, mine.found, mine.err
	}
	l.waiting = append(l.waiting, mine)
	l.mu.Unlock()
	select {
	case <-mine.done:
		return mine.value, mine.found, mine.err
	case <-ctx.Done():
		return value, false, ctx.Err()
	}
}

// goOn has those answered who came meanwhile, or leaves.
func (l *lookups[K, V]) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.running--
		return
	}
	n := min(len(l.waiting), lookupsMost)
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	go func() {
		defer l.goOn()
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		defer cancel()
		l.answer(ctx, batch)
	}()
}

func (l *lookups[K, V]) answer(ctx context.Context, batch []*lookup[K, V]) {
	keys := make([]K, len(batch))
	for i, one := range batch {
		keys[i] = one.key
	}
	values, err := l.find(ctx, keys)
	for i, one := range batch {
		one.err = err
		one.value, one.found = values[i]
		close(one.done)
	}
}
