package service

import (
	"context"
	"time"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/letters"
	"kibali/store"
)

// Preview is what a user would be told of a decision.
type Preview struct {
	letters.Letter
	Locale string
	// SMSAfter is when the SMS goes out, if it would not go at once.
	SMSAfter *time.Time
}

// Preview returns what the user would be told of a decision that is asked for
// now, exactly as it would be sent. It records nothing. What is not valid yet
// of the Ask is shown as it stands.
func (s *Service) Preview(ctx context.Context, kind account.Action, ask Ask) (Preview, error) {
	view, err := s.reader.Account(ctx, ask.AccountID)
	if err != nil {
		return Preview{}, err
	}
	told, ok := letters.KindOf(store.Decision{Kind: kind, AppealID: ask.AppealID})
	if !ok {
		return Preview{}, fault.New(fault.NotFound, "Nobody is told of this.")
	}
	if reason, err := (account.Reason{Code: account.ReasonCode(ask.ReasonCode), Text: ask.Reason}).Normalise(kind); err == nil {
		ask.ReasonCode, ask.Reason = string(reason.Code), reason.Text
	}
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return Preview{}, err
	}
	zone, err := p.Location()
	if err != nil {
		return Preview{}, err
	}
	after, err := s.afterwards(ctx, view.Account, kind)
	if err != nil {
		return Preview{}, err
	}
	decision := store.Decision{Kind: kind, ReasonCode: ask.ReasonCode, Reason: ask.Reason, Until: ask.Until}
	data := s.letters.Data(told, after, zone)
	letters.Explain(&data, decision)
	letter, err := letters.Write(told, view.Locale, data)
	if err != nil {
		return Preview{}, err
	}
	preview := Preview{Letter: letter, Locale: view.Locale}
	preview.SMSAfter, err = letters.QuietUntil(p, zone, s.now())
	return preview, err
}

// afterwards is the account as the decision would leave it, as far as a notice
// tells of that: when a correction would have to be there.
func (s *Service) afterwards(ctx context.Context, a account.Account, kind account.Action) (account.Account, error) {
	status, stage, err := account.Next(a.Status, a.Stage, kind)
	if err != nil {
		return a, nil //nolint:nilerr // whoever decides is told so; a preview shows what would be said
	}
	a.Status, a.Stage = status, stage
	if kind != account.RequestChanges {
		return a, nil
	}
	application, err := s.reader.CurrentApplication(ctx, a.ID)
	if err != nil {
		return a, err
	}
	p, err := s.reader.PolicyVersion(ctx, application.PolicyVersion)
	if err != nil {
		return a, err
	}
	a.RemindAt, a.DeadlineAt, err = p.Deadlines(stage, s.now())
	return a, err
}

// PreviewTopUp returns what the user of an account would be told of a top-up,
// exactly as it would be sent when it is posted now.
func (s *Service) PreviewTopUp(ctx context.Context, view store.AccountView, amount int64, reason string) (Preview, error) {
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return Preview{}, err
	}
	zone, err := p.Location()
	if err != nil {
		return Preview{}, err
	}
	told := letters.KindOfTopUp(amount)
	data := s.letters.Data(told, view.Account, zone)
	letters.Explain(&data, store.Decision{Kind: account.TopUp, ReasonCode: reason})
	data.Credits, data.Held = max(amount, -amount), ledger.Keeps(view.Status)
	letter, err := letters.Write(told, view.Locale, data)
	if err != nil {
		return Preview{}, err
	}
	preview := Preview{Letter: letter, Locale: view.Locale}
	preview.SMSAfter, err = letters.QuietUntil(p, zone, s.now())
	return preview, err
}

// NeedsSignature reports whether a top-up that the staff member asked for now
// would wait for a second signature.
func (s *Service) NeedsSignature(ctx context.Context, by actor.Actor, amount int64) (bool, error) {
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return false, err
	}
	alone, err := s.reader.ToppedUpAlone(ctx, by.ID, s.now())
	return needsSignature(p.TopUps, alone, amount), err
}

// NoticeKinds returns the kinds of notices, in the order in which they are
// documented.
func (s *Service) NoticeKinds() []string { return letters.Kinds() }

// SampleNotice returns what a notice of a kind says in a language, about an
// example.
func (s *Service) SampleNotice(ctx context.Context, kind, locale string) (Preview, error) {
	p, _, err := s.reader.Policy(ctx)
	if err != nil {
		return Preview{}, err
	}
	zone, err := p.Location()
	if err != nil {
		return Preview{}, err
	}
	letter, err := s.letters.Sample(kind, locale, s.now(), zone)
	return Preview{Letter: letter, Locale: locale}, err
}
