package activities_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"kibali/activities"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/ledger"
	"kibali/domain/message"
	"kibali/notify"
	"kibali/store"
)

// carrier is a provider of SMS that speaks Twilio's protocol. What it does
// depends on the recipient, by the last digit of the phone.
type carrier struct {
	mu     sync.Mutex
	asked  map[string]int // by recipient: how often it was asked to send
	answer map[byte]http.HandlerFunc
	listed string // what a look-up finds, in JSON
	before func() // runs when it is asked to send
	forms  []map[string][]string
}

func newCarrier(t *testing.T) (*carrier, func(*activities.Config)) {
	t.Helper()
	c := &carrier{asked: map[string]int{}, answer: map[byte]http.HandlerFunc{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	sender, err := notify.SMSConfig{
		Provider: "twilio", BaseURL: server.URL, Username: "AC1", Secret: "secret", SenderID: "KIBALI", Timeout: time.Second,
	}.Sender(nil)
	require.NoError(t, err)
	return c, func(config *activities.Config) { config.SMS = sender }
}

func (c *carrier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		c.mu.Lock()
		defer c.mu.Unlock()
		fmt.Fprintf(w, `{"messages":[%s]}`, c.listed)
		return
	}
	_ = r.ParseForm()
	to := r.PostForm.Get("To")
	c.mu.Lock()
	c.asked[to]++
	c.forms = append(c.forms, r.PostForm)
	answer, before, n := c.answer[to[len(to)-1]], c.before, c.asked[to]
	c.mu.Unlock()
	if before != nil {
		before()
	}
	if answer != nil {
		answer(w, r)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"sid":"SM%s%d","status":"queued"}`, to[1:], n)
}

func (c *carrier) will(digit byte, answer http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer[digit] = answer
}

func (c *carrier) times(phone string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[phone]
}

func refuse(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprint(w, `{"code":21211}`)
}

func busy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "7")
	w.WriteHeader(http.StatusServiceUnavailable)
}

// hangUp breaks the connection off after the message was handed over.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// text records a message of one segment to phones that end in the digits.
func (d *desk) text(digits string) (account.Account, store.Message) {
	d.t.Helper()
	a := d.register()
	d.decide(a, account.Approve)
	d.in(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.TopUp(ctx, store.Posting{
			ID: uuid.New(), Request: store.Request{Scope: uuid.New(), Key: "k"}, AccountID: a.ID, Amount: 100,
			Reason: ledger.Complimentary, Actor: actor.Actor{Kind: actor.System}, At: d.clock(),
		})
		return err
	})
	phones := make([]string, len(digits))
	for i := range digits {
		phones[i] = fmt.Sprintf("+25571%06d%c", serial.Add(1), digits[i])
	}
	m, _, err := d.store.AcceptMessage(d.t.Context(), store.Order{
		Message: store.Message{
			ID: uuid.Must(uuid.NewV7()), AccountID: a.ID, ChargeID: uuid.New(), Text: "Habari", Segments: 1, Recipients: len(phones),
			CreatedAt: d.clock(), GiveUpAt: d.clock().Add(time.Hour), SettleWithin: 24 * time.Hour,
		},
		Phones: phones, Key: uuid.NewString(), Actor: actor.Actor{Kind: actor.Account, ID: a.ID},
	})
	require.NoError(d.t, err)
	return d.account(a.ID), m
}

func (d *desk) step(activity any, step cases.MessageStep) cases.MessageProgress {
	d.t.Helper()
	environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	environment.RegisterActivity(d.Activities)
	value, err := environment.ExecuteActivity(activity, step)
	require.NoError(d.t, err)
	var progress cases.MessageProgress
	require.NoError(d.t, value.Get(&progress))
	return progress
}

func (d *desk) send(m store.Message) cases.MessageProgress {
	d.t.Helper()
	return d.step(d.SendMessage, cases.MessageStep{MessageID: m.ID})
}

func (d *desk) settleMessage(m store.Message, last bool) cases.MessageProgress {
	d.t.Helper()
	return d.step(d.SettleMessage, cases.MessageStep{MessageID: m.ID, Last: last})
}

func (d *desk) recipients(m store.Message) []store.Recipient {
	d.t.Helper()
	recipients, err := d.reader.MessageRecipients(d.t.Context(), m.ID)
	require.NoError(d.t, err)
	return recipients
}

func (d *desk) requireFates(m store.Message, want ...message.Status) {
	d.t.Helper()
	var got []message.Status
	for _, r := range d.recipients(m) {
		got = append(got, r.Status)
	}
	require.Equal(d.t, want, got)
}

func (d *desk) credits(a account.Account) ledger.Balance {
	d.t.Helper()
	b, err := d.reader.Balance(d.t.Context(), a.ID)
	require.NoError(d.t, err)
	return b
}

func TestSendMessage(t *testing.T) {
	t.Parallel()

	t.Run("hands each recipient over once and remembers the provider's id", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		d := setup(t, with, func(config *activities.Config) {
			config.Reports = notify.NewTwilioReports("secret", "https://id.example.co.tz/v1/delivery-reports/twilio")
		})
		a, m := d.text("00000000000000000000")
		require.Equal(t, cases.MessageProgress{}, d.send(m), "nothing is left to do: the provider reports by itself")
		for _, r := range d.recipients(m) {
			require.Equal(t, message.Sent, r.Status)
			require.Equal(t, "SM"+r.Phone[1:]+"1", r.ProviderMessageID)
			require.Equal(t, 1, c.times(r.Phone))
		}
		require.Equal(t, int64(80), d.credits(a).Available)
		require.Contains(t, c.forms[0]["StatusCallback"][0], "https://id.example.co.tz/v1/delivery-reports/twilio?at=")
		require.Equal(t, cases.MessageProgress{}, d.send(m))
		require.Equal(t, 1, c.times(d.recipients(m)[0].Phone))
	})
	t.Run("refunds what the provider refuses for good", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		c.will('1', refuse)
		d := setup(t, with)
		a, m := d.text("010")
		d.send(m)
		d.requireFates(m, message.Sent, message.Failed, message.Sent)
		require.Equal(t, "twilio_21211", d.recipients(m)[1].Failure)
		require.Equal(t, int64(98), d.credits(a).Available)
	})
	t.Run("waits for a provider that takes nothing now, and then sends the rest first", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		c.will('1', busy)
		d := setup(t, with)
		_, m := d.text("10000000000000")
		progress := d.send(m)
		require.Equal(t, 7*time.Second, progress.RetryAfter)
		require.Equal(t, 7, progress.Queued, "the one that is busy, and those behind the first eight")
		d.pass(10 * time.Second)
		progress = d.send(m)
		require.Equal(t, 1, progress.Queued, "one does not keep the others waiting")
		c.will('1', nil)
		require.Zero(t, d.send(m).Queued)
		require.Equal(t, 3, c.times(d.recipients(m)[0].Phone))
	})
	t.Run("never sends again what may have been sent", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		c.will('1', hangUp)
		c.will('2', func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }) // until it times out
		c.will('3', func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		d := setup(t, with)
		a, m := d.text("0123")
		progress := d.send(m)
		d.requireFates(m, message.Sent, message.Unknown, message.Unknown, message.Unknown)
		require.Equal(t, 4, progress.Open, "and what was sent can be asked about")
		d.send(m)
		for _, r := range d.recipients(m) {
			require.Equal(t, 1, c.times(r.Phone))
		}
		require.Equal(t, int64(96), d.credits(a).Available, "not refunded yet")
	})
	t.Run("takes for unknown what was being sent when a worker died", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		d := setup(t, with)
		_, m := d.text("00")
		claimed, err := d.store.ClaimRecipients(t.Context(), m, 1, d.clock())
		require.NoError(t, err)
		require.Len(t, claimed.Recipients, 1) // and it died here, before or after it asked
		d.send(m)
		d.requireFates(m, message.Unknown, message.Sent)
		require.Zero(t, c.times(d.recipients(m)[0].Phone))
	})
	t.Run("gives up in time, and refunds", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		c.will('1', busy)
		d := setup(t, with)
		a, m := d.text("1")
		require.Equal(t, 1, d.send(m).Queued)
		d.pass(time.Hour)
		require.Equal(t, cases.MessageProgress{}, d.send(m))
		d.requireFates(m, message.Failed)
		require.Equal(t, message.FailureExpired, d.recipients(m)[0].Failure)
		require.Equal(t, int64(100), d.credits(a).Available)
	})
	t.Run("sends nothing once the account is suspended, and refunds the rest to held", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		d := setup(t, with)
		a, m := d.text("00000000000000000000")
		var once sync.Once
		c.before = func() { once.Do(func() { d.decide(a, account.Suspend) }) } // in the middle of the batch
		require.Zero(t, d.send(m).Queued)
		sent, failed := 0, 0
		for _, r := range d.recipients(m) {
			switch r.Status {
			case message.Sent:
				sent++
				require.Nil(t, r.RefundedAt)
				require.Equal(t, 1, c.times(r.Phone))
			case message.Failed:
				failed++
				require.Equal(t, message.FailureSuspended, r.Failure)
				require.NotNil(t, r.RefundedAt)
				require.Zero(t, c.times(r.Phone))
			default:
				require.Fail(t, "neither sent nor refunded", "%+v", r)
			}
		}
		require.Equal(t, 8, sent, "those that were being handed over")
		require.Equal(t, 12, failed)
		require.Equal(t, ledger.Balance{Held: 92}, d.credits(a))
	})
	t.Run("waits while a decision to suspend is on its way", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		d := setup(t, with)
		a, m := d.text("0")
		decision := d.decides(a, account.Suspend)
		d.in(func(ctx context.Context, tx *store.Tx) error { return tx.BlockAccount(ctx, a.ID, &decision.DecisionID) })
		progress := d.send(m)
		require.Equal(t, 1, progress.Queued)
		require.Positive(t, progress.RetryAfter)
		require.Zero(t, c.times(d.recipients(m)[0].Phone))
		d.in(func(ctx context.Context, tx *store.Tx) error { return tx.BlockAccount(ctx, a.ID, nil) })
		require.Zero(t, d.send(m).Queued, "it was refused")
		d.requireFates(m, message.Sent)
	})
	t.Run("fails and refunds what an account that was closed has left", func(t *testing.T) {
		t.Parallel()
		_, with := newCarrier(t)
		d := setup(t, with)
		a, m := d.text("0")
		d.decide(a, account.Close)
		d.send(m)
		d.requireFates(m, message.Failed)
		require.Equal(t, message.FailureClosed, d.recipients(m)[0].Failure)
		require.Zero(t, d.credits(a), "what came back was settled")
		require.Equal(t, []string{"1 0"}, d.read(`
			SELECT (before #>> '{credits,held}') || ' ' || (after #>> '{credits,held}') FROM audit_events WHERE account_id = $1 AND action = 'credits.settled'`, a.ID))
	})
	t.Run("counts what becomes of recipients", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		c.will('1', refuse)
		c.will('2', hangUp)
		var mu sync.Mutex
		counts := map[string]int{}
		d := setup(t, with, func(config *activities.Config) {
			config.Observe = func(outcome string, n int) {
				mu.Lock()
				defer mu.Unlock()
				counts[outcome] += n
			}
		})
		_, m := d.text("0012")
		d.send(m)
		d.settleMessage(m, true)
		require.Equal(t, map[string]int{"sent": 2, "failed": 1, "unknown": 1, "unknown_refunded": 1}, counts)
	})
}

func TestSettleMessage(t *testing.T) {
	t.Parallel()
	listed := func(d *desk, phone, status string) string {
		return fmt.Sprintf(`{"sid":"SMfound%s","status":%q,"body":"Habari","direction":"outbound-api","date_created":%q}`,
			phone[1:], status, d.clock().Format(time.RFC1123Z))
	}

	t.Run("learns by a look-up what is unknown", func(t *testing.T) {
		t.Parallel()
		for found, want := range map[string]struct {
			status  message.Status
			open    int
			credits int64
		}{"sent": {message.Sent, 1, 99}, "delivered": {message.Delivered, 0, 99}, "undelivered": {message.Failed, 0, 100}} {
			c, with := newCarrier(t)
			c.will('1', hangUp)
			d := setup(t, with)
			a, m := d.text("1")
			d.send(m)
			d.requireFates(m, message.Unknown)
			c.mu.Lock()
			c.listed = listed(d, d.recipients(m)[0].Phone, found)
			c.mu.Unlock()
			require.Equal(t, want.open, d.settleMessage(m, false).Open, found)
			d.requireFates(m, want.status)
			require.Equal(t, want.credits, d.credits(a).Available)
			require.NotEmpty(t, d.recipients(m)[0].ProviderMessageID)
		}
	})
	t.Run("refunds what nobody knows after the policy's time, once, and is told the truth later", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		c.will('1', hangUp)
		d := setup(t, with)
		a, m := d.text("11")
		d.send(m)
		require.Equal(t, 2, d.settleMessage(m, false).Open)
		require.Equal(t, int64(98), d.credits(a).Available)
		d.pass(24 * time.Hour)
		require.Zero(t, d.settleMessage(m, false).Open)
		require.Equal(t, int64(100), d.credits(a).Available)
		require.Zero(t, d.settleMessage(m, true).Open)
		require.Equal(t, int64(100), d.credits(a).Available)
		d.requireFates(m, message.Unknown, message.Unknown)
		read, err := d.reader.Message(t.Context(), m.ID)
		require.NoError(t, err)
		require.NotNil(t, read.SettledAt)

		learnt, err := d.store.ReportedFate(t.Context(), store.Fate{MessageID: m.ID, Position: 0, Status: message.Delivered, Provider: "twilio", ProviderMessageID: "SM1"}, d.clock())
		require.NoError(t, err)
		require.True(t, learnt.Late)
		require.Equal(t, int64(100), d.credits(a).Available, "what was given back stays given back")
	})
	t.Run("refunds at its last step whatever the clocks say", func(t *testing.T) {
		t.Parallel()
		c, with := newCarrier(t)
		c.will('1', hangUp)
		d := setup(t, with)
		a, m := d.text("1")
		d.send(m)
		require.Zero(t, d.settleMessage(m, true).Open)
		require.Equal(t, int64(100), d.credits(a).Available)
	})
}
