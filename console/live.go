package console

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/store"
	"kibali/web"
)

// The stream that open consoles follow.
const (
	livePath      = Root + "/live"
	streamLife    = 10 * time.Minute // then the browser asks anew, and is asked who it is
	heartbeat     = 25 * time.Second
	listenerAhead = 64 // changes that a slow reader may be behind
	reconnectMost = 15 * time.Second
)

// signal is what a console is told: a change, or, after a gap, that anything may
// have changed.
type signal struct {
	Kind    string     `json:"kind"`
	Account *uuid.UUID `json:"account,omitempty"`
}

var afterGap = signal{Kind: "resync"}

// live hands changes on to every console that listens to this process. While
// one does, it has one connection to the database, and finds it again when it
// is lost.
type live struct {
	changes func(ctx context.Context, ready func(), hear func(store.Change)) error
	log     *slog.Logger

	mu        sync.Mutex
	listeners map[chan signal]bool
	since     time.Time          // when it began to hear; zero while it does not
	last      time.Time          // when it told something
	stop      context.CancelFunc // of the connection; nil without one
}

// linger is how long the connection is kept when the last console has left: most
// only go on to another page.
const linger = 5 * time.Second

func newLive(reader *store.Reader, log *slog.Logger) *live {
	return &live{changes: reader.Changes, log: log, listeners: map[chan signal]bool{}}
}

// join returns what is told from now on, to a page that was made at the given
// time: there was a gap if something may have been missed since. leave ends it.
func (l *live) join(made time.Time) (told <-chan signal, leave func()) {
	listener := make(chan signal, listenerAhead)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listeners[listener] = true
	switch {
	case l.stop == nil:
		ctx, cancel := context.WithCancel(context.Background())
		l.stop = cancel
		go l.follow(ctx) // tells of a gap when it begins to hear
	case l.since.IsZero():
	case l.since.After(made), l.last.After(made):
		listener <- afterGap
	}
	return listener, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.listeners, listener)
		if len(l.listeners) == 0 {
			time.AfterFunc(linger, l.rest)
		}
	}
}

// rest gives the connection up when nobody listens.
func (l *live) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.listeners) == 0 && l.stop != nil {
		l.stop()
		l.stop, l.since = nil, time.Time{}
	}
}

// follow listens until ctx ends, and again when the connection is lost. What
// happened meanwhile nobody heard of, so everybody is told to look again.
func (l *live) follow(ctx context.Context) {
	wait := time.Second
	for ctx.Err() == nil {
		err := l.changes(ctx, func() {
			wait = time.Second
			l.hears(ctx, time.Now())
			l.tell(afterGap)
		}, func(c store.Change) { l.tell(signalOf(c)) })
		if ctx.Err() != nil {
			return
		}
		l.hears(ctx, time.Time{})
		l.log.WarnContext(ctx, "consoles hear of no changes", "cause", web.Describe(err))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, reconnectMost)
	}
}

// hears notes since when changes are heard of, unless another connection does
// that by now.
func (l *live) hears(ctx context.Context, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() == nil {
		l.since = since
	}
}

func signalOf(c store.Change) signal {
	s := signal{Kind: c.Kind}
	if c.AccountID != uuid.Nil {
		s.Account = &c.AccountID
	}
	return s
}

// tell tells every listener. One who is too far behind is told that there was a
// gap once it has caught up, and misses what lies between.
func (l *live) tell(s signal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
	for listener := range l.listeners {
		select {
		case listener <- s:
		default:
			select {
			case <-listener:
			default: // it was read just now
			}
			listener <- afterGap // nobody else sends, so there is room
		}
	}
}

// madeAt reads when a page was made, by the clock of the process that made it,
// and leaves room for those that go wrong. What cannot be read was made long ago.
func madeAt(text string) time.Time {
	milliseconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).Add(-time.Second)
}

// follow is the stream of a console: server-sent events, until it is as old as
// a stream may be, the reader leaves, or the process ends.
func (s *server) follow(c *gin.Context) {
	told, leave := s.live.join(madeAt(c.Query("made")))
	defer leave()
	stream := web.BeginStream(c, streamLife)
	if !stream.Write("retry: 3000\n\n") {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		text := ": still here\n\n"
		select {
		case <-stream.Done():
			return
		case <-beat.C:
		case change := <-told:
			encoded, err := json.Marshal(change)
			if err != nil {
				return
			}
			text = "data: " + string(encoded) + "\n\n"
		}
		if !stream.Write(text) {
			return
		}
	}
}
