package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/cases"
)

// customer is an applicant and the staff who deal with them: one client that
// does one thing after the other, and keeps at it until it knows how each
// ended.
type customer struct {
	*installation
	*caller
	applicant
	report   *Report
	journal  *journal
	random   *rand.Rand
	id       uuid.UUID
	patience time.Duration // with what is under way
	upload   string        // token
	session  string        // token, once it was needed
	key      string        // of its programs, once it has one
}

// newCustomer makes a customer who is not registered yet. Each has a random
// source of its own, seeded from the given one.
func (r *run) newCustomer(random *rand.Rand) *customer {
	return &customer{
		installation: r.installation, caller: r.caller, report: r.report, patience: r.Patience, journal: r.journal, applicant: r.canaries.applicant(),
		random: rand.New(rand.NewPCG(random.Uint64(), random.Uint64())), //nolint:gosec // repeatable on purpose
	}
}

// refusal is an answer that the customer had no reason to get.
func (c *customer) refusal(what string, a answer) error {
	c.report.breach("P1", "refused without a reason", "%s of account %s: %s: %s", what, c.id, a, a.problem().Detail)
	return fmt.Errorf("%s: %s", what, a)
}

// register registers, and logs in to learn its id when the answer was lost.
func (c *customer) register(ctx context.Context) error {
	a, err := c.persist(ctx, c.random.IntN(2), jsonCall(http.MethodPost, "/v1/registrations", "", "", c.form()))
	if err != nil {
		return err
	}
	if a.status == http.StatusConflict && a.attempts > 1 && a.problem().Code == "taken" {
		c.report.count("registrations found after a lost answer", 1)
		if err := c.login(ctx); err != nil {
			return err
		}
		c.upload = c.session
		c.journal.registered(c.id, c.email)
		return nil
	}
	if a.status != http.StatusCreated {
		return c.refusal("registration", a)
	}
	var registered struct {
		Account     struct{ ID uuid.UUID }
		UploadToken string `json:"upload_token"`
	}
	if err := a.decode(&registered); err != nil {
		return err
	}
	c.id, c.upload = registered.Account.ID, registered.UploadToken
	c.journal.registered(c.id, c.email)
	c.report.count("acknowledged: registrations", 1)
	return nil
}

func (c *customer) login(ctx context.Context) error {
	a, err := c.persist(ctx, c.random.IntN(2), jsonCall(http.MethodPost, "/v1/sessions", "", "", map[string]string{"email": c.email, "password": c.password}))
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		return c.refusal("login", a)
	}
	var session struct {
		Token   string
		Account struct{ ID uuid.UUID }
	}
	if err := a.decode(&session); err != nil {
		return err
	}
	c.session, c.id = session.Token, session.Account.ID
	return nil
}

// hand uploads a document.
func (c *customer) hand(ctx context.Context) error {
	kind, name, content := c.paper(c.random.IntN(4) > 0)
	a, err := c.persist(ctx, c.random.IntN(2), uploadCall(c.id.String(), c.upload, kind, name, content))
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		return c.refusal("upload", a)
	}
	return c.keepUpload(a, content)
}

func (c *customer) keepUpload(a answer, content []byte) error {
	var uploaded struct{ Document struct{ ID uuid.UUID } }
	if err := a.decode(&uploaded); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	c.journal.uploaded(acknowledgedUpload{id: uploaded.Document.ID, account: c.id, sha256: hex.EncodeToString(sum[:])})
	c.report.count("acknowledged: uploads", 1)
	return nil
}

// resubmit hands in a corrected application. A conflict after a lost answer
// means that the lost one took effect.
func (c *customer) resubmit(ctx context.Context) error {
	if c.session == "" {
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	a, err := c.persist(ctx, c.random.IntN(2), jsonCall(http.MethodPost, "/v1/me/resubmission", c.session, "", c.corrected()))
	if err != nil {
		return err
	}
	if !a.ok() && (a.status != http.StatusConflict || a.attempts == 1) {
		return c.refusal("resubmission", a)
	}
	c.report.count("acknowledged: resubmissions", 1)
	return c.awaitState(ctx, "in_review")
}

// awaitReview waits until what the customer handed in is under review: a
// document that is prepared later would put the account back into review.
func (c *customer) awaitReview(ctx context.Context) error { return c.awaitState(ctx, "in_review") }

// awaitState waits until the customer's account is in a stage or status.
func (c *customer) awaitState(ctx context.Context, wanted string) error {
	return until(ctx, c.patience, 100*time.Millisecond, fmt.Sprintf("account %s did not become %s", c.id, wanted), func() (bool, error) {
		a, err := c.persist(ctx, c.random.IntN(2), jsonCall(http.MethodGet, "/v1/accounts/"+c.id.String(), c.staff[0].token, "", nil))
		if err != nil {
			return false, err
		}
		var got struct {
			Account struct {
				Status string
				Stage  *string
			}
		}
		err = a.decode(&got)
		return got.Account.Status == wanted || got.Account.Stage != nil && *got.Account.Stage == wanted, err
	})
}

// paths of the decisions below an account.
var paths = map[account.Action]string{
	account.Approve: "approve", account.Reject: "reject", account.RequestChanges: "request-changes",
	account.Suspend: "suspend", account.Reactivate: "reactivate", account.Close: "close",
}

// newOperation is a decision about the customer by a staff member.
func (c *customer) newOperation(kind account.Action, by staffMember) *operation {
	note := fmt.Sprintf("%s %s", c.canaries.word, uuid.New())
	body := map[string]any{"note": note}
	switch kind {
	case account.Reject, account.RequestChanges:
		body["reason_code"], body["reason"] = "details_mismatch", c.canaries.word+" is not who they say"
	case account.Suspend:
		body["reason_code"], body["reason"] = "terms", c.canaries.word+" sent what nobody asked for"
	case account.Close:
		body["reason"] = c.canaries.word + " asked for it"
	}
	return c.operationOf(kind, by, note, body)
}

func (c *customer) operationOf(kind account.Action, by staffMember, note string, body map[string]any) *operation {
	path := "/v1/accounts/" + c.id.String() + "/" + paths[kind]
	return &operation{
		account: c.id, kind: kind, note: note, wants: cases.Applied, call: jsonCall(http.MethodPost, path, by.token, uuid.NewString(), body),
	}
}

// newSuspension is a decision to suspend the customer, until a time or, when
// that is zero, for good.
func (c *customer) newSuspension(by staffMember, until time.Time) *operation {
	o := c.newOperation(account.Suspend, by)
	if until.IsZero() {
		return o
	}
	return c.operationOf(account.Suspend, by, o.note, map[string]any{
		"note": o.note, "reason_code": "terms", "reason": c.canaries.word + " sent at night", "until": until.UTC().Format(time.RFC3339),
	})
}

// decide has a staff member decide, and waits until it is carried out.
func (c *customer) decide(ctx context.Context, kind account.Action) error {
	by := c.staff[0]
	if kind == account.Approve || kind == account.Reject || kind == account.RequestChanges {
		by = c.staff[c.random.IntN(len(c.staff))]
	}
	o := c.newOperation(kind, by)
	c.journal.asked(o)
	a, err := c.persist(ctx, c.random.IntN(2), o.call)
	if err != nil {
		return err
	}
	if !a.ok() {
		return c.refusal(string(kind), a)
	}
	if err := c.keepDecision(o, a); err != nil {
		return err
	}
	if c.random.IntN(10) == 0 {
		c.replay(ctx, o)
	}
	return c.awaitDecision(ctx, o)
}

// keepDecision notes what a decision was answered with.
func (c *customer) keepDecision(o *operation, a answer) error {
	var decided struct{ Decision struct{ ID uuid.UUID } }
	if err := a.decode(&decided); err != nil {
		return err
	}
	c.journal.mu.Lock()
	defer c.journal.mu.Unlock()
	o.answer, o.decision = a, decided.Decision.ID
	c.report.count(fmt.Sprintf("acknowledged: decisions with %d", a.status), 1)
	return nil
}

// awaitDecision returns when the decision is carried out.
func (c *customer) awaitDecision(ctx context.Context, o *operation) error {
	if o.answer.status == http.StatusOK || o.answer.status == http.StatusCreated {
		return nil
	}
	return c.awaitOutcome(ctx, o)
}

// awaitOutcome asks for the decision until it has ended.
func (c *customer) awaitOutcome(ctx context.Context, o *operation) error {
	return until(ctx, c.patience, 100*time.Millisecond, "decision "+o.decision.String()+" stays open", func() (bool, error) {
		a, err := c.persist(ctx, c.random.IntN(2), jsonCall(http.MethodGet, "/v1/decisions/"+o.decision.String(), c.staff[0].token, "", nil))
		if err != nil {
			return false, err
		}
		var got struct {
			Decision struct{ Outcome *cases.Result }
		}
		err = a.decode(&got)
		return got.Decision.Outcome != nil, err
	})
}

// find searches for the customer, so that what a query string holds is looked
// for in the logs as well.
func (c *customer) find(ctx context.Context) error {
	_, err := c.persist(ctx, c.random.IntN(2), jsonCall(http.MethodGet, "/v1/accounts?q="+c.email, c.staff[0].token, "", nil))
	return err
}
