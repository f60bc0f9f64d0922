package demo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/service"
	"kibali/store"
)

// decide has a staff member decide and waits until it is carried out. The
// decision's key makes it the same one when the story is told again.
func (l *loading) decide(ctx context.Context, d decision) error {
	l.decided++
	key := fmt.Sprintf("%s/%d", l.company.email(), l.decided)
	ask := service.Ask{
		AccountID: l.id, ReasonCode: string(d.code), Reason: d.reason, Note: d.note,
		Key: &store.IdempotencyKey{Scope: "demo", Route: string(d.action), Key: key, Fingerprint: sha256.Sum256([]byte(key))},
	}
	if d.until > 0 {
		until := time.Now().Add(d.until)
		ask.Until = &until
	}
	decided, err := l.command(d.action)(ctx, l.Staff[d.by], ask)
	if err != nil {
		return fmt.Errorf("%s: %w", d.action, err)
	}
	l.last = &decided.Decision
	if decided.Done {
		return nil
	}
	return until(ctx, fmt.Sprintf("%s was not carried out", d.action), func() (bool, error) {
		current, err := l.Reader.Decision(ctx, decided.Decision.ID)
		if err == nil && !current.Open() && current.Outcome != cases.Applied {
			err = fmt.Errorf("%s ended as %s (%s)", d.action, current.Outcome, current.OutcomeCode)
		}
		return err == nil && !current.Open(), err
	})
}

type command func(context.Context, actor.Actor, service.Ask) (service.Decided, error)

func (l *loading) command(action account.Action) command {
	return map[account.Action]command{
		account.Approve:        l.Service.Approve,
		account.Reject:         l.Service.Reject,
		account.RequestChanges: l.Service.RequestChanges,
		account.Suspend:        l.Service.Suspend,
		account.Reactivate:     l.Service.Reactivate,
		account.Close:          l.Service.Close,
	}[action]
}
