package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// streamWrite is how long a reader of a stream may take to read what is there.
const streamWrite = 15 * time.Second

// Stream is an answer that goes on for as long as its reader listens:
// server-sent events.
type Stream struct {
	c       *gin.Context
	control *http.ResponseController
	done    context.Context
	cancel  context.CancelFunc
}

// BeginStream begins to answer with server-sent events, for as long as most. The
// stream ends before that when its reader leaves or the server is told to stop,
// and at once when it was asked for with HEAD.
func BeginStream(c *gin.Context, most time.Duration) *Stream {
	if c.Request.Method == http.MethodHead {
		most = 0 // nobody listens
	}
	s := &Stream{c: c, control: http.NewResponseController(c.Writer)}
	stateOf(c).extend(c, most)
	s.done, s.cancel = context.WithCancel(c.Request.Context())
	if stopping, ok := c.Request.Context().Value(stoppingKey{}).(<-chan struct{}); ok {
		go func() {
			select {
			case <-stopping:
			case <-s.done.Done():
			}
			s.cancel()
		}()
	}
	// A writer without deadlines (a test's recorder) has none to lift.
	_ = s.control.SetReadDeadline(time.Time{})
	header := c.Writer.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no") // nginx's word for handing it on at once
	c.Status(http.StatusOK)
	return s
}

// Done is closed when the stream is to end.
func (s *Stream) Done() <-chan struct{} { return s.done.Done() }

// Write sends a text at once, and reports whether anybody reads on.
func (s *Stream) Write(text string) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(streamWrite))
	if _, err := s.c.Writer.WriteString(text); err != nil {
		s.cancel()
		return false
	}
	return s.control.Flush() == nil
}

// stoppingKey finds, in the context of a request, what is closed when its server
// is told to stop.
type stoppingKey struct{}
