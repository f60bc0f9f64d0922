package service

import (
	"context"
	"time"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// How many wrong codes in how much time a staff member may give. Only somebody
// with the password gets to give one, so that no stranger can keep them out.
const (
	factorTries  = 10
	factorWindow = 15 * time.Minute
)

// proof is what a staff member proves in a transaction who they are with,
// beyond the password that was found right before it.
type proof struct {
	password store.StaffLogin
	code     string
}

// give checks the second factor of the staff member, whom it locks, and uses
// its code up. factor says that there is one. The proof is refused with
// fault.SecondFactorRequired when there is one and no code was given, with
// fault.Unauthenticated, naming code, when it is wrong or was used before, and
// with fault.RateLimited after too many wrong ones. A refusal is not an error
// of the transaction, which keeps count of them.
func (p proof) give(ctx context.Context, s *Service, tx *store.Tx, by actor.Actor) (factor bool, refused, err error) {
	if err := unchanged(ctx, tx, p.password); err != nil {
		return false, nil, err
	}
	f, err := tx.LockFactor(ctx, p.password.ID)
	if err != nil || !f.Confirmed() {
		return false, nil, err
	}
	now := s.now()
	if now.Sub(f.TriesSince) >= factorWindow {
		f.Tries, f.TriesSince = 0, now
	}
	switch {
	case p.code == "":
		return true, fault.New(fault.SecondFactorRequired, "Give a code of your authenticator app too, or a recovery code."), nil
	case f.Tries >= factorTries:
		wait := f.TriesSince.Add(factorWindow).Sub(now)
		return true, fault.New(fault.RateLimited, "Too many wrong codes. Try again later.").With("retry_after", int(wait.Seconds())+1), nil
	}
	right, err := s.useCode(ctx, tx, p.password.Staff, &f, p.code, now)
	if err != nil {
		return true, nil, err
	}
	if right {
		f.Tries = 0
		return true, nil, tx.PutFactor(ctx, p.password.ID, f)
	}
	f.Tries++
	if err := tx.PutFactor(ctx, p.password.ID, f); err != nil {
		return true, nil, err
	}
	by.Kind, by.ID, by.Role = actor.Staff, p.password.ID, p.password.Role
	return true, wrongCode(fault.Unauthenticated), tx.AppendEvent(ctx, store.Event{
		At: now, Actor: by, Action: "staff.code_refused", Subject: "staff", SubjectID: p.password.ID.String(),
		After: map[string]any{"tries": f.Tries},
	})
}

func wrongCode(code fault.Code) error {
	e := fault.New(code, "The code is wrong, or was used before.")
	e.Fields = []fault.Field{{Field: "code", Code: "wrong", Detail: "Is wrong, or was used before."}}
	return e
}

// useCode reports whether a code is right, and uses it up when it is: of the
// factor's present secret, or a recovery code.
func (s *Service) useCode(ctx context.Context, tx *store.Tx, staff store.Staff, f *store.Factor, code string, now time.Time) (bool, error) {
	step, right, err := s.factors.Check(staff.ID.String(), f.Secret, code, now)
	if err != nil {
		// The key has changed: recovery codes still work.
		s.log.ErrorContext(ctx, "a second factor cannot be read", "staff", staff.ID, "cause", err.Error())
	}
	if right {
		if step <= f.LastStep {
			return false, nil
		}
		f.LastStep = step
		return true, nil
	}
	err = tx.UseRecoveryCode(ctx, staff.ID, identity.HashRecoveryCode(code), now)
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// NewFactor is a second factor that waits for its first code.
type NewFactor struct {
	Secret string // for typing into an authenticator app
	URL    string // otpauth://..., for a QR code
}

// BeginFactor makes a second factor for the staff member who asks. It counts
// once it is confirmed; until then the one that they have, if any, does.
func (s *Service) BeginFactor(ctx context.Context, by actor.Actor) (NewFactor, error) {
	staff, err := s.reader.Staff(ctx, by.ID)
	if err != nil {
		return NewFactor{}, err
	}
	made := s.factors.New(staff.ID.String(), staff.Email)
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.LockStaffLogin(ctx, staff.ID); err != nil {
			return err
		}
		f, err := tx.LockFactor(ctx, staff.ID)
		if err != nil {
			return err
		}
		now := s.now()
		f.Pending, f.PendingSince = made.Sealed, &now
		if err := tx.PutFactor(ctx, staff.ID, f); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "staff.second_factor_begun", Subject: "staff", SubjectID: staff.ID.String(),
		})
	})
	return NewFactor{Secret: made.Secret, URL: made.URL}, err
}

// pendingFactorLife is how long a new second factor waits for its first code.
const pendingFactorLife = 15 * time.Minute

// ConfirmFactor makes the second factor that the staff member began the one
// that counts, when code is of it, and returns new recovery codes. Their other
// sessions end, and this one goes on with a second factor. A wrong code is
// fault.Invalid, naming code; without a factor that waits it is fault.Conflict.
func (s *Service) ConfirmFactor(ctx context.Context, by actor.Actor, session store.StaffSession, code string) ([]string, error) {
	codes, hashes := identity.NewRecoveryCodes()
	return codes, s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.LockStaffLogin(ctx, by.ID); err != nil {
			return err
		}
		f, err := tx.LockFactor(ctx, by.ID)
		if err != nil {
			return err
		}
		now := s.now()
		if f.PendingSince == nil || now.Sub(*f.PendingSince) > pendingFactorLife {
			return fault.New(fault.Conflict, "No second factor waits to be confirmed. Begin anew.")
		}
		step, right, err := s.factors.Check(by.ID.String(), f.Pending, code, now)
		if err != nil {
			return err
		}
		if !right {
			return wrongCode(fault.Invalid)
		}
		confirmed := store.Factor{Secret: f.Pending, ConfirmedAt: &now, LastStep: step, TriesSince: now}
		if err := tx.PutFactor(ctx, by.ID, confirmed); err != nil {
			return err
		}
		if err := tx.ReplaceRecoveryCodes(ctx, by.ID, hashes); err != nil {
			return err
		}
		ended, err := tx.EndStaffSessions(ctx, by.ID, session.ID, now)
		if err != nil {
			return err
		}
		if err := tx.GiveSecondFactor(ctx, session.ID); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "staff.second_factor_confirmed", Subject: "staff", SubjectID: by.ID.String(),
			After: map[string]any{"sessions_ended": ended},
		})
	})
}

// NewRecoveryCodes replaces the recovery codes of the staff member who asks. It
// returns fault.Conflict when they have no second factor.
func (s *Service) NewRecoveryCodes(ctx context.Context, by actor.Actor) ([]string, error) {
	codes, hashes := identity.NewRecoveryCodes()
	return codes, s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.LockStaffLogin(ctx, by.ID); err != nil {
			return err
		}
		f, err := tx.LockFactor(ctx, by.ID)
		if err != nil {
			return err
		}
		if !f.Confirmed() {
			return fault.New(fault.Conflict, "Recovery codes stand in for a second factor, and there is none yet.")
		}
		if err := tx.ReplaceRecoveryCodes(ctx, by.ID, hashes); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: s.now(), Actor: by, Action: "staff.recovery_codes_replaced", Subject: "staff", SubjectID: by.ID.String(),
		})
	})
}
