package service

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/message"
	"kibali/store"
)

// SendMessage charges the caller's account for a message and records it, in one
// transaction, and opens the case that sends it. The same ask with the same key
// gives the message of the first one. It returns
//
//	fault.Invalid              naming what is wrong: to[n], text, sender_id
//	fault.InsufficientCredits  with available and held
//	fault.AccountSuspended     and the other codes of an account that is not active
//	fault.KeyReused            the key was used with something else
//
// and has charged and recorded nothing then. It succeeds without Temporal: the
// case is then opened by the sweep.
func (s *Service) SendMessage(ctx context.Context, by actor.Actor, draft message.Draft, key string) (store.Message, []string, error) {
	if err := itself(by); err != nil {
		return store.Message{}, nil, err
	}
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return store.Message{}, nil, err
	}
	if draft, err = draft.Normalise(p.Messages.SenderIDs); err != nil {
		return store.Message{}, nil, err
	}
	fingerprint, err := json.Marshal(draft)
	if err != nil {
		return store.Message{}, nil, fmt.Errorf("fingerprint a message: %w", err)
	}
	now := s.now()
	m, replayed, err := s.store.AcceptMessage(ctx, store.Order{
		Message: store.Message{
			ID: newID(), AccountID: by.ID, ChargeID: newID(), SenderID: draft.SenderID, Text: draft.Text,
			Segments: message.Segments(draft.Text), Recipients: len(draft.To), CreatedAt: now,
			GiveUpAt: now.Add(time.Duration(p.Messages.GiveUp)), SettleWithin: time.Duration(p.Messages.Settle),
		},
		Phones: draft.To, Fingerprint: sha256.Sum256(fingerprint), Key: key, Actor: by,
	})
	if err != nil {
		return store.Message{}, nil, s.uncharged(ctx, by.ID, err)
	}
	if !replayed {
		// Nobody waits for it: what is recorded is sent, whether Temporal answers
		// now or not.
		go func() {
			if err := s.openMessage(context.WithoutCancel(ctx), m, startPatience); err != nil {
				s.unreached(cases.MessageID(m.ID), err)
			}
		}()
	}
	return m, draft.To, nil
}

// startPatience is how long Temporal may take to start the case of a message
// before that is left to the sweep: a burst queues there for a while, and comes
// sooner than the sweep.
const startPatience = sweepAge - 5*time.Second

// openMessage starts the case that sends a message, unless it is there.
func (s *Service) openMessage(ctx context.Context, m store.Message, patience time.Duration) error {
	ctx, cancel := detached(ctx, patience)
	defer cancel()
	options := startOptions(cases.MessageID(m.ID), fmt.Sprintf("Message to %d", m.Recipients),
		[]temporal.SearchAttributeUpdate{caseAccount.ValueSet(m.AccountID.String())})
	_, err := s.temporal.ExecuteWorkflow(ctx, options, cases.Message, cases.MessageInput{MessageID: m.ID, Settle: m.SettleWithin})
	return err
}

// sweepMessages opens the cases of messages that should have acted by now: such
// a case was never opened, or was lost.
func (s *Service) sweepMessages(ctx context.Context, before time.Time, swept *Swept) error {
	waiting, err := s.reader.WaitingMessages(ctx, before, sweepBatch)
	if err != nil {
		return err
	}
	for _, m := range waiting {
		if err := s.retell(m.ID, cases.MessageID(m.ID), &swept.Messages, func() error { return s.openMessage(ctx, m, s.reach) }); err != nil {
			return err
		}
	}
	return nil
}

// DeliveryReport is what a provider reports of an SMS of a message, and has
// proved to come from it.
type DeliveryReport struct {
	ID                string // as in message.RecipientID
	Provider          string
	ProviderMessageID string
	Status            message.Status
	Failure           string
}

// RecordReport records a provider's report, each once, and refunds what the
// network could not deliver. It returns fault.NotFound for an SMS that is no
// message's.
func (s *Service) RecordReport(ctx context.Context, r DeliveryReport) (store.Learnt, error) {
	id, position, ok := message.ParseRecipientID(r.ID)
	if !ok {
		return store.Learnt{}, fault.New(fault.NotFound, "There is no such message.")
	}
	return s.store.ReportedFate(ctx, store.Fate{
		MessageID: id, Position: position, Status: r.Status, Failure: r.Failure,
		Provider: r.Provider, ProviderMessageID: r.ProviderMessageID,
	}, s.now())
}

// chargesMessage returns fault.NotFound when a charge is a message's: that is
// refunded by what becomes of the message, and by nobody else.
func (s *Service) chargesMessage(ctx context.Context, chargeID uuid.UUID) error {
	ours, err := s.reader.ChargesMessage(ctx, chargeID)
	if err == nil && ours {
		err = fault.New(fault.NotFound, "There is no such charge; a message's is refunded by what becomes of the message.")
	}
	return err
}
