package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/message"
	"kibali/notify"
	"kibali/store"
)

const (
	// handedAtOnce is how many recipients of a message the provider is asked to
	// take at a time. A worker that is killed leaves that many unknown.
	handedAtOnce = 8
	// sendFor is how long one step hands recipients over; the next step goes on.
	sendFor = 10 * time.Minute
	// blockedFor is how long is waited for a decision to suspend that is on its
	// way.
	blockedFor = 5 * time.Second
	// recordFor is how long it is tried to record what the provider has answered:
	// what is not recorded is unknown, and somebody has paid for it.
	recordFor = 30 * time.Second
	// lateBy is how much later than planned a case may act before it counts as lost.
	lateBy = 2 * time.Minute
)

// SendMessage hands the queued recipients of a message to the provider. Each is
// known as being sent before the provider is asked and is asked for once: of
// what was being sent when a worker died nobody knows whether it was, and it is
// never sent again.
//
// The account is looked at before each few recipients. While a decision to
// suspend it is on its way, the rest waits; when it is suspended or closed, or
// the time to give up has come, the rest fails and is refunded. A refund to a
// suspended account is held.
func (a *Activities) SendMessage(ctx context.Context, step cases.MessageStep) (cases.MessageProgress, error) {
	m, err := a.reader.Message(ctx, step.MessageID)
	if err != nil {
		return cases.MessageProgress{}, err
	}
	if err := a.store.PlanMessage(ctx, m.ID, a.now().Add(sendFor+lateBy), false, a.now()); err != nil {
		return cases.MessageProgress{}, err
	}
	lost, err := a.store.LoseAttempts(ctx, m.ID, a.now())
	if err != nil {
		return cases.MessageProgress{}, err
	}
	a.counted(message.Unknown, lost)
	wait, err := a.sendQueued(ctx, m)
	if err != nil {
		return cases.MessageProgress{}, err
	}
	return a.progress(ctx, m, step, wait)
}

// sendQueued sends until nothing is queued, or the rest must wait: then it
// returns how long at least.
func (a *Activities) sendQueued(ctx context.Context, m store.Message) (time.Duration, error) {
	for began := a.clock(); a.clock().Sub(began) < sendFor && !stopping(ctx); {
		if !a.now().Before(m.GiveUpAt) {
			return 0, a.giveUp(ctx, m, message.FailureExpired)
		}
		claimed, err := a.store.ClaimRecipients(ctx, m, handedAtOnce, a.now())
		switch {
		case err != nil:
			return 0, err
		case claimed.Status == account.Suspended:
			return 0, a.giveUp(ctx, m, message.FailureSuspended)
		case claimed.Status != account.Active:
			return 0, a.giveUp(ctx, m, message.FailureClosed)
		case claimed.Blocked:
			return blockedFor, nil
		case len(claimed.Recipients) == 0:
			return 0, nil
		}
		wait, err := a.hand(ctx, m, claimed.Recipients)
		if err != nil || wait > 0 {
			return wait, err
		}
		activity.RecordHeartbeat(ctx)
	}
	return 0, nil
}

// stopping reports whether the worker is to stop, or nobody waits for the
// activity any more.
func stopping(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

func (a *Activities) giveUp(ctx context.Context, m store.Message, failure string) error {
	n, err := a.store.FailQueued(ctx, m.ID, failure, a.now())
	a.counted(message.Failed, n)
	return err
}

// hand asks the provider to take some recipients, all at the same time, and
// records what it answers. It returns how long the others wait, when the
// provider takes none at the moment.
func (a *Activities) hand(ctx context.Context, m store.Message, recipients []store.Recipient) (time.Duration, error) {
	waits, failures := make([]time.Duration, len(recipients)), make([]error, len(recipients))
	var group sync.WaitGroup
	for i, r := range recipients {
		group.Go(func() { waits[i], failures[i] = a.handOne(ctx, m, r) })
	}
	group.Wait()
	var longest time.Duration
	for _, wait := range waits {
		longest = max(longest, wait)
	}
	return longest, errors.Join(failures...)
}

func (a *Activities) handOne(ctx context.Context, m store.Message, r store.Recipient) (time.Duration, error) {
	// What has been begun is finished when the worker is told to stop: the
	// exchange has a limit of its own.
	ctx = context.WithoutCancel(ctx)
	id := message.RecipientID(m.ID, r.Position)
	sms := notify.SMS{ID: id, To: r.Phone, Text: m.Text, Sender: m.SenderID}
	if a.reports != nil {
		sms.ReportTo = a.reports.Address(id, a.now())
	}
	receipt, err := a.sms.SendSMS(ctx, sms)
	fate := store.Fate{MessageID: m.ID, Position: r.Position, Status: message.Sent, Provider: receipt.Provider, ProviderMessageID: receipt.MessageID}
	refusal, ok := errors.AsType[*notify.Error](err)
	switch {
	case err == nil:
	case !ok: // a sender that does not keep its promise
		fate.Status, fate.Failure = message.Unknown, string(fault.Internal)
	case refusal.Kind == notify.Temporary || refusal.Kind == notify.Misconfigured:
		return max(refusal.RetryAfter, time.Second), a.recorded(ctx, func(ctx context.Context) error {
			return a.store.Requeue(ctx, m.ID, r.Position, codeOf(refusal), a.now())
		})
	case refusal.Kind == notify.Permanent:
		fate.Status, fate.Failure, fate.Provider = message.Failed, codeOf(refusal), refusal.Provider
	default:
		fate.Status, fate.Failure, fate.Provider = message.Unknown, codeOf(refusal), refusal.Provider
	}
	return 0, a.recorded(ctx, func(ctx context.Context) error { return a.learn(ctx, fate) })
}

// recorded tries to record until it succeeds or recordFor is over.
func (a *Activities) recorded(ctx context.Context, record func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, recordFor)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		err := record(ctx)
		if err == nil || fault.As(err) != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// learn records a fate and counts what it changed.
func (a *Activities) learn(ctx context.Context, f store.Fate) error {
	learnt, err := a.store.RecordFate(ctx, f, a.now())
	if learnt.Changed {
		a.counted(f.Status, 1)
	}
	if learnt.Late {
		a.count("late", 1)
	}
	return err
}

func (a *Activities) counted(status message.Status, n int) { a.count(string(status), n) }

func (a *Activities) count(outcome string, n int) {
	if a.observe != nil && n > 0 {
		a.observe(outcome, n)
	}
}

// SettleMessage asks the provider what has become of the recipients of a message
// whose outcome is open, where the provider can be asked, and refunds those
// whose outcome was unknown for long enough.
func (a *Activities) SettleMessage(ctx context.Context, step cases.MessageStep) (cases.MessageProgress, error) {
	m, err := a.reader.Message(ctx, step.MessageID)
	if err != nil {
		return cases.MessageProgress{}, err
	}
	if tracker, ok := a.sms.(notify.SMSTracker); ok {
		if err := a.lookUp(ctx, m, tracker); err != nil {
			return cases.MessageProgress{}, err
		}
	}
	since := a.now().Add(-m.SettleWithin)
	if step.Last {
		since = a.now().Add(time.Hour) // the case has waited; clocks may differ
	}
	refunded, err := a.store.RefundUnknown(ctx, m.ID, since, a.now())
	if err != nil {
		return cases.MessageProgress{}, err
	}
	a.count("unknown_refunded", refunded)
	return a.progress(ctx, m, step, 0)
}

// lookUp asks about each recipient whose outcome is open. Who cannot be asked
// about now is asked about at the next step.
func (a *Activities) lookUp(ctx context.Context, m store.Message, tracker notify.SMSTracker) error {
	recipients, err := a.reader.MessageRecipients(ctx, m.ID)
	if err != nil {
		return err
	}
	for _, r := range recipients {
		if r.Status != message.Unknown && (r.Status != message.Sent || !a.asks()) {
			continue
		}
		if stopping(ctx) {
			return ctx.Err()
		}
		activity.RecordHeartbeat(ctx)
		sought, err := a.sought(ctx, m, r)
		if err != nil {
			return err
		}
		report, err := tracker.LookUp(ctx, sought)
		if err != nil {
			a.log.WarnContext(ctx, "A provider could not be asked what became of an SMS.", "message_id", m.ID, "error", err)
			return nil
		}
		if report.Status == "" {
			continue
		}
		err = a.learn(ctx, store.Fate{
			MessageID: m.ID, Position: r.Position, Status: report.Status, Failure: report.Failure(),
			Provider: report.Provider, ProviderMessageID: report.MessageID,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// asks reports whether it is by asking that is learnt what has become of an SMS
// which the provider took: it can be asked, and does not report by itself.
func (a *Activities) asks() bool {
	_, can := a.sms.(notify.SMSTracker)
	return can && a.reports == nil
}

// sought is how a provider may know a recipient.
func (a *Activities) sought(ctx context.Context, m store.Message, r store.Recipient) (notify.Sought, error) {
	s := notify.Sought{MessageID: r.ProviderMessageID, Phone: r.Phone, Text: m.Text}
	if s.MessageID != "" || r.AttemptedAt == nil {
		return s, nil
	}
	s.From, s.To = *r.AttemptedAt, r.AttemptedAt.Add(recordFor)
	var err error
	s.Others, err = a.reader.OtherMessageIDs(ctx, r.Phone, s.From.Add(-5*time.Minute), s.To.Add(5*time.Minute))
	return s, err
}

// progress says how far a message has come, and notes when its case acts next.
func (a *Activities) progress(ctx context.Context, m store.Message, step cases.MessageStep, wait time.Duration) (cases.MessageProgress, error) {
	recipients, err := a.reader.MessageRecipients(ctx, m.ID)
	if err != nil {
		return cases.MessageProgress{}, err
	}
	p := cases.MessageProgress{RetryAfter: wait}
	for _, r := range recipients {
		switch {
		case r.Status == message.Queued:
			p.Queued++
		case step.Last:
		case r.Status == message.Sending, r.Status == message.Unknown && r.RefundedAt == nil, r.Status == message.Sent && a.asks():
			p.Open++
		}
	}
	next := step.Next
	if next.IsZero() {
		next = a.now().Add(max(wait, 5*time.Minute)) // which is the most that the case waits by itself
	}
	return p, a.store.PlanMessage(ctx, m.ID, next.Add(lateBy), p.Queued+p.Open == 0, a.now())
}
