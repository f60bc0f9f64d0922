package demo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/domain/message"
	"kibali/service"
	"kibali/store"
)

// aside is something that happens to an account and leaves its status alone. It
// is made once, however often its story is told.
type aside func(ctx context.Context, l *loading) error

func beside(a aside) story { return story{{aside: a}} }

// nextKey names the next thing that the story does once.
func (l *loading) nextKey() string {
	l.asides++
	return fmt.Sprintf("%s/aside/%d", l.company.email(), l.asides)
}

func idempotent(route, key string) *store.IdempotencyKey {
	return &store.IdempotencyKey{Scope: "demo", Route: route, Key: key, Fingerprint: sha256.Sum256([]byte(key))}
}

// bought gives the account credits.
func bought(amount int64, reason ledger.Reason, note string) story {
	told := beside(func(ctx context.Context, l *loading) error {
		decided, err := l.topUp(ctx, amount, reason, note)
		switch {
		case err != nil || decided.Done:
			return err
		case decided.Decision.Unsigned():
			return errors.New("a top-up waits for a signature: the demo data gives more than one person may in a day")
		}
		return l.carriedOut(ctx, decided.Decision.ID)
	})
	told[0].alone = max(amount, -amount)
	return told
}

// proposed asks for more credits than one person may give. Nobody has signed it
// yet.
func proposed(amount int64, reason ledger.Reason, note string) story {
	return beside(func(ctx context.Context, l *loading) error {
		_, err := l.topUp(ctx, amount, reason, note)
		return err
	})
}

// signed is proposed, with what an admin says to it.
func signed(amount int64, reason ledger.Reason, note string, kind account.Action, said string) story {
	return beside(func(ctx context.Context, l *loading) error {
		asked, err := l.topUp(ctx, amount, reason, note)
		if err != nil {
			return err
		}
		sign := l.Service.Countersign
		if kind == account.Decline {
			sign = l.Service.Decline
		}
		decided, err := sign(ctx, l.Staff[actor.Admin], service.Sign{DecisionID: asked.Decision.ID, Note: said, Key: idempotent("sign", l.nextKey())})
		if err != nil || decided.Done {
			return err
		}
		return l.carriedOut(ctx, asked.Decision.ID)
	})
}

func (l *loading) topUp(ctx context.Context, amount int64, reason ledger.Reason, note string) (service.Decided, error) {
	decided, err := l.Service.TopUp(ctx, l.Colleague, service.TopUp{
		AccountID: l.id, Amount: amount, Reason: string(reason), Note: note, Key: idempotent("top-up", l.nextKey()),
	})
	if err != nil {
		return decided, fmt.Errorf("top up: %w", err)
	}
	return decided, nil
}

// carriedOut waits until a decision has ended.
func (c Config) carriedOut(ctx context.Context, id uuid.UUID) error {
	var decision store.Decision
	err := until(ctx, "a top-up was not carried out", func() (open bool, err error) {
		decision, err = c.Reader.Decision(ctx, id)
		return err == nil && !decision.Open(), err
	})
	if err == nil && decision.Outcome != cases.Applied {
		err = fmt.Errorf("demo data: a top-up was %s: %s", decision.Outcome, decision.OutcomeCode)
	}
	return err
}

// keyed makes an API key, which was used since or never.
func keyed(name string, used bool) story {
	return beside(func(ctx context.Context, l *loading) error {
		id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(l.nextKey()))
		_, _, err := l.Service.CreateAPIKey(ctx, l.user, id, name)
		if err != nil && !fault.Is(err, fault.KeyReused) {
			return fmt.Errorf("API key: %w", err)
		}
		if used {
			now := time.Now().UTC()
			l.Uses.APIKey(id, now)
			l.Uses.Account(l.id, now)
		}
		return nil
	})
}

// charged takes credits for what the platform's gateway has sent.
func charged(amount int64, reference string) story {
	return beside(func(ctx context.Context, l *loading) error {
		_, err := l.Service.Charge(ctx, l.user, service.ChargeAsk{Amount: amount, Reference: reference, Key: l.nextKey()})
		if err != nil {
			return fmt.Errorf("charge: %w", err)
		}
		return nil
	})
}

// wrote sends an SMS to so many of the company's customers.
func wrote(recipients int, text string) story {
	return beside(func(ctx context.Context, l *loading) error {
		draft := message.Draft{Text: text}
		for n := range recipients {
			draft.To = append(draft.To, fmt.Sprintf("0769 %03d %03d", 300+l.number, n))
		}
		m, _, err := l.Service.SendMessage(ctx, l.user, draft, l.nextKey())
		if err != nil {
			return fmt.Errorf("send a message: %w", err)
		}
		return until(ctx, "a message was not sent", func() (bool, error) {
			current, err := l.Reader.Message(ctx, m.ID)
			return err == nil && current.SettledAt != nil, err
		})
	})
}

// appealed has the user of a suspended account ask for another look. Nobody has
// taken it yet.
func appealed(text string) story {
	return beside(func(ctx context.Context, l *loading) error {
		_, err := l.Service.Appeal(ctx, l.user, text)
		if err != nil && !fault.Is(err, fault.Conflict) { // it is there already
			return fmt.Errorf("appeal: %w", err)
		}
		return nil
	})
}

// bonus is credits for many accounts by one decision.
const (
	bonus     = 250
	bonusNote = "For everybody who was with us in the first month."
)

// giveBonus tops up the accounts of a few companies together.
func giveBonus(ctx context.Context, c Config, companies []company) error {
	var lines strings.Builder
	lines.WriteString("account,amount\n")
	given := 0
	for _, company := range companies {
		if company.story.outcome().Status == account.Active && given < 12 {
			fmt.Fprintf(&lines, "%s,%d\n", company.email(), bonus)
			given++
		}
	}
	if given == 0 {
		return nil
	}
	decided, err := c.Service.TopUpMany(ctx, c.Colleague, service.BulkTopUp{
		CSV: lines.String(), Reason: string(ledger.Complimentary), Note: bonusNote, Key: idempotent("bonus", "bonus"),
	})
	if err != nil {
		return fmt.Errorf("demo data: bonus: %w", err)
	}
	return c.carriedOut(ctx, decided.Decision.ID)
}
