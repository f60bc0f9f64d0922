package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kibali/domain/message"
)

// provider plays SendGrid and Twilio over HTTP: it counts what it is asked by the
// id of the notice or of the message's recipient, and misbehaves while it is told
// to.
type provider struct {
	address string
	server  *http.Server
	report  *Report
	rude    atomic.Bool

	mu       sync.Mutex
	random   *rand.Rand
	messages map[string]*delivery
}

// delivery is what became of one notice, or of a message to one recipient.
type delivery struct {
	asked    int
	accepted int
	refused  int // asked without being accepted, or accepted without saying so
	// unclear says that the last answer left open whether it was taken, and again
	// how often it was asked for after one of those.
	unclear bool
	again   int
	// What Twilio lists, of an SMS.
	phone, text string
	at          time.Time
}

// rudeness bounds how often one notice is treated badly, so that the time until
// it is sent has a bound too: Temporal waits twice as long each time.
const rudeness = 3

func startProvider(ctx context.Context, report *Report, random *rand.Rand) (*provider, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &provider{address: "http://" + listener.Addr().String(), report: report, random: random, messages: map[string]*delivery{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/mail/send", p.email)
	mux.HandleFunc("POST /2010-04-01/Accounts/{sid}/Messages.json", p.sms)
	mux.HandleFunc("GET /2010-04-01/Accounts/{sid}/Messages.json", p.list)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			report.breach("P8", "provider ended", "%v", err)
		}
	}()
	return p, nil
}

func (p *provider) stop() { _ = p.server.Close() }

// deliveries returns what was asked so far, by notice.
func (p *provider) deliveries() map[string]delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	copied := make(map[string]delivery, len(p.messages))
	for id, d := range p.messages {
		copied[id] = *d
	}
	return copied
}

func (p *provider) email(w http.ResponseWriter, r *http.Request) {
	var mail struct {
		Personalizations []struct {
			To         []struct{ Email string }
			CustomArgs map[string]string `json:"custom_args"`
		}
	}
	err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&mail)
	if err != nil || len(mail.Personalizations) != 1 || len(mail.Personalizations[0].To) != 1 || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		p.report.breach("P8", "provider asked wrongly", "an e-mail that SendGrid would refuse")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.treat(w, r, mail.Personalizations[0].CustomArgs["notice_id"], func() { w.WriteHeader(http.StatusAccepted) })
}

func (p *provider) sms(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	id := r.Header.Get("I-Twilio-Idempotency-Token")
	if r.ParseForm() != nil || !strings.HasPrefix(r.PostForm.Get("To"), "+255") || r.PostForm.Get("Body") == "" {
		p.report.breach("P8", "provider asked wrongly", "an SMS that Twilio would refuse")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.describe(id, r.PostForm.Get("To"), r.PostForm.Get("Body"))
	if _, _, ours := message.ParseRecipientID(id); ours && strings.HasSuffix(r.PostForm.Get("To"), landline) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"code": 21614, "status": 400}`) // not a mobile number
		return
	}
	p.treat(w, r, id, func() {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]string{"sid": sid(id), "status": "queued"})
	})
}

// landline ends the numbers that no message reaches.
const landline = "9"

func sid(id string) string { return "SM" + strings.NewReplacer("-", "", ".", "r").Replace(id) }

// list answers what has become of the SMS to a phone. It does so politely: what
// is learnt by asking is exact.
func (p *provider) list(w http.ResponseWriter, r *http.Request) {
	found := []map[string]any{}
	p.mu.Lock()
	for id, d := range p.messages {
		if d.accepted > 0 && d.phone == r.FormValue("To") {
			found = append(found, map[string]any{
				"sid": sid(id), "status": "sent", "body": d.text, "direction": "outbound-api", "date_created": d.at.UTC().Format(time.RFC1123Z),
			})
		}
	}
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": found})
}

// treat answers one message, well or badly.
func (p *provider) treat(w http.ResponseWriter, r *http.Request, id string, accept func()) {
	switch p.mood(id) {
	case "busy":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case "broken":
		w.WriteHeader(http.StatusInternalServerError)
	case "taken and broken":
		p.accepted(id)
		w.WriteHeader(http.StatusInternalServerError)
	case "dropped":
		panic(http.ErrAbortHandler)
	case "taken and dropped":
		p.accepted(id)
		panic(http.ErrAbortHandler)
	case "silent":
		// Nothing is answered: the client has to lose its patience.
		select {
		case <-r.Context().Done():
		case <-time.After(30 * time.Second):
		}
	case "malformed":
		p.accepted(id)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "<html>thank you")
	case "slow":
		if pause(r.Context(), 1500*time.Millisecond) == nil {
			p.accepted(id)
			accept()
		}
	default:
		p.accepted(id)
		accept()
	}
}

// unclear are the moods after which nobody can know whether it was taken.
var unclear = []string{"broken", "taken and broken", "dropped", "taken and dropped", "silent", "malformed"}

var moods = []string{"busy", "broken", "taken and broken", "dropped", "taken and dropped", "silent", "malformed", "slow"}

func (p *provider) mood(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.of(id)
	d.asked++
	if d.unclear {
		d.again++
	}
	if !p.rude.Load() || d.refused >= rudeness || p.random.IntN(10) >= 4 {
		return ""
	}
	mood := moods[p.random.IntN(len(moods))]
	if mood != "slow" {
		d.refused++
	}
	d.unclear = slices.Contains(unclear, mood)
	return mood
}

// of returns what is known by an id; the caller has the lock.
func (p *provider) of(id string) *delivery {
	d := p.messages[id]
	if d == nil {
		d = &delivery{}
		p.messages[id] = d
	}
	return d
}

func (p *provider) describe(id, phone, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.of(id)
	d.phone, d.text, d.at = phone, text, time.Now()
}

func (p *provider) accepted(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages[id].accepted++
}
