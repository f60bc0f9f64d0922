package operations

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Probe asks one thing that the process depends on whether it answers.
type Probe struct {
	Name string
	// Essential says that the process is not ready without it. Without another
	// one it is degraded, which is ready.
	Essential bool
	// Keep is how long an answer is good for; zero asks every time.
	Keep  time.Duration
	Check func(ctx context.Context) error
}

// probeTimeout bounds one probe: a readiness check must answer while what it
// asks for does not.
const probeTimeout = 2 * time.Second

// Health answers whether a process lives and is ready. It is safe for
// concurrent use.
type Health struct {
	log      *slog.Logger
	probes   []*probe
	stopping atomic.Bool
}

// NewHealth returns a Health that asks the probes and logs when an answer
// changes.
func NewHealth(log *slog.Logger, probes ...Probe) *Health {
	h := &Health{log: log}
	for _, p := range probes {
		h.probes = append(h.probes, &probe{Probe: p})
	}
	return h
}

// Stop makes the process not ready for good, because it is taking its leave.
func (h *Health) Stop() { h.stopping.Store(true) }

// The states of a process. The first two are ready.
const (
	Ready       = "ready"
	Degraded    = "degraded"
	Unavailable = "unavailable"
	Stopping    = "stopping"
)

// Readiness is the answer of /readyz.
type Readiness struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks"` // "ok" or "away", by the probe's name
}

// Readiness asks every probe at once.
func (h *Health) Readiness(ctx context.Context) Readiness {
	r := Readiness{Status: Ready, Checks: map[string]string{}}
	answers := make([]error, len(h.probes))
	var wg sync.WaitGroup
	for i, p := range h.probes {
		wg.Go(func() { answers[i] = p.ask(ctx, h.log) })
	}
	wg.Wait()
	for i, p := range h.probes {
		r.Checks[p.Name] = "ok"
		if answers[i] == nil {
			continue
		}
		r.Checks[p.Name] = "away"
		if p.Essential {
			r.Status = Unavailable
		} else if r.Status == Ready {
			r.Status = Degraded
		}
	}
	if h.stopping.Load() {
		r.Status = Stopping
	}
	return r
}

func (h *Health) serveLive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
}

func (h *Health) serveReady(w http.ResponseWriter, r *http.Request) {
	readiness := h.Readiness(r.Context())
	body, err := json.Marshal(readiness)
	if err != nil {
		http.Error(w, "internal", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if readiness.Status == Unavailable || readiness.Status == Stopping {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	w.Write(append(body, '\n'))
}

// probe remembers the last answer.
type probe struct {
	Probe
	mu     sync.Mutex
	asked  time.Time
	answer error
}

func (p *probe) ask(ctx context.Context, log *slog.Logger) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.asked.IsZero()
	if !first && time.Since(p.asked) < p.Keep {
		return p.answer
	}
	// A client that goes away must not leave its own end behind as the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	answer := p.Check(ctx)
	switch {
	case answer != nil && (first || p.answer == nil):
		log.Warn("dependency away", "dependency", p.Name, "cause", answer.Error())
	case answer == nil && !first && p.answer != nil:
		log.Info("dependency back", "dependency", p.Name)
	}
	p.asked, p.answer = time.Now(), answer
	return answer
}
