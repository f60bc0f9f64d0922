package service

import (
	"context"

	"kibali/domain/account"
	"kibali/domain/actor"
)

// Approve asks for a pending account to be let in. Documents are not required:
// the reviewer judges. See decide for the errors.
func (s *Service) Approve(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.review(ctx, by, ask, account.Approve)
}

// Reject asks for a pending account to be turned away, with a reason that the
// applicant is told. See decide for the errors.
func (s *Service) Reject(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.review(ctx, by, ask, account.Reject)
}

// RequestChanges asks the applicant of a pending account for a corrected
// application, with a reason. See decide for the errors.
func (s *Service) RequestChanges(ctx context.Context, by actor.Actor, ask Ask) (Decided, error) {
	return s.review(ctx, by, ask, account.RequestChanges)
}

func (s *Service) review(ctx context.Context, by actor.Actor, ask Ask, kind account.Action) (Decided, error) {
	if err := permitted(by, actor.Review); err != nil {
		return Decided{}, err
	}
	if err := ask.normalise(kind); err != nil {
		return Decided{}, err
	}
	return s.decide(ctx, by, order{Ask: ask, kind: kind})
}

// normalise puts the reason and note into the form in which they are stored,
// or returns fault.Invalid.
func (a *Ask) normalise(kind account.Action) error {
	reason, err := account.Reason{Code: account.ReasonCode(a.ReasonCode), Text: a.Reason, Note: a.Note}.Normalise(kind)
	if err != nil {
		return err
	}
	a.ReasonCode, a.Reason, a.Note = string(reason.Code), reason.Text, reason.Note
	return nil
}
