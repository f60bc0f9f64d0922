package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
)

// caller speaks to the replicas as a client behind a proxy that fails over.
type caller struct {
	replicas []string
	http     *http.Client
	report   *Report
	run      context.Context // of the whole run
	missing  string          // what is away and must not be missed; "" for nothing
}

func newCaller(run context.Context, replicas []string, report *Report, patience time.Duration) *caller {
	return &caller{run: run, replicas: replicas, report: report, http: &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{MaxIdleConnsPerHost: 128, IdleConnTimeout: 10 * time.Second},
	}}
}

// without is a caller for whom something is away that the answers do without:
// it takes it for a breach when one does not come at the first attempt.
func (c *caller) without(missing string) *caller {
	other := *c
	other.missing = missing
	return &other
}

// call is one request, however often it is sent.
type call struct {
	method, path, token, key string
	account                  string // that a service asks about
	contentType              string
	body                     []byte
}

// answer is what came of a call.
type answer struct {
	status      int
	contentType string
	location    string
	body        []byte
	attempts    int
	took        time.Duration
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// problem is what an answer says when it is a problem document.
type problem struct {
	Code    string
	Detail  string
	Errors  []struct{ Field, Code string }
	Current *struct {
		Status, Stage, Action string
		Pending               bool
		Actor                 *struct{ Kind, Name string }
		DecidedAt             *time.Time `json:"decided_at"`
	}
}

func (a answer) problem() problem {
	var p problem
	if strings.HasPrefix(a.contentType, "application/problem+json") {
		_ = json.Unmarshal(a.body, &p) // what is no problem document has no code, which is found
	}
	return p
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s after %d attempts", a.status, a.problem().Code, a.attempts)
}

// once sends a call to one replica. An error means that the outcome is unknown.
func (c *caller) once(ctx context.Context, replica int, r call) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, r.method, c.replicas[replica%len(c.replicas)]+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	for name, value := range map[string]string{"Content-Type": r.contentType, "Idempotency-Key": r.key, "X-Account-Id": r.account} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	began := time.Now()
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return answer{}, err
	}
	return answer{
		status: response.StatusCode, contentType: response.Header.Get("Content-Type"), location: response.Header.Get("Location"),
		body: body, attempts: 1, took: time.Since(began),
	}, nil
}

var errUnknown = errors.New("the outcome was never learned")

// opPatience is how long a client goes on asking.
const opPatience = 45 * time.Second

// persist sends a call until its outcome is known, on one replica after the
// other: a broken connection, a time-out and a 5xx say nothing of it. What is
// begun is brought to its end, even when ctx ends, unless the whole run does.
func (c *caller) persist(ctx context.Context, replica int, r call) (answer, error) {
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), opPatience)
	defer cancel()
	defer context.AfterFunc(c.run, cancel)()
	for attempt := 1; ; attempt++ {
		a, err := c.once(ctx, replica+attempt, r)
		a.attempts = attempt
		if c.missing != "" && c.run.Err() == nil && (err != nil || a.status >= 500) {
			c.report.breach("P1", "not at the first attempt without "+c.missing, "%s %s: %s: %v", r.method, shape(r.path), a, err)
		}
		switch {
		case err != nil:
			c.report.count("unknown outcomes: connection or time-out", 1)
		case a.status == http.StatusInternalServerError:
			c.report.breach("P16", "internal error", "%s %s: %s", r.method, shape(r.path), a.body)
		case a.status >= 500:
			c.report.count(fmt.Sprintf("unknown outcomes: %d", a.status), 1)
			if a.problem().Code == "" {
				c.report.breach("P16", "5xx without a problem document", "%s %s: %d", r.method, shape(r.path), a.status)
			}
		default:
			return a, nil
		}
		if pause(ctx, min(time.Duration(attempt)*100*time.Millisecond, time.Second)) != nil {
			return answer{attempts: attempt}, errUnknown
		}
	}
}

// shape is a path without its ids.
func shape(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if len(part) == 36 {
			parts[i] = ":id"
		}
	}
	return strings.Join(parts, "/")
}

func jsonCall(method, path, token, key string, body any) call {
	r := call{method: method, path: path, token: token, key: key}
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			panic(err) // a map of strings
		}
		r.contentType, r.body = "application/json", encoded
	}
	return r
}

func uploadCall(accountID, token, kind, name string, content []byte) call {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	writeErr := form.WriteField("kind", kind)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err := errors.Join(writeErr, err, form.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return call{
		method: http.MethodPost, path: "/v1/registrations/" + accountID + "/documents", token: token,
		contentType: form.FormDataContentType(), body: body.Bytes(),
	}
}

// decode reads an answer that must be what it says.
func (a answer) decode(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("an answer of status %d cannot be read: %w", a.status, err)
	}
	return nil
}
