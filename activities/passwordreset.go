package activities

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/notify"
	"kibali/store"
)

const (
	// An account is mailed this many links in linksWithin; what more is asked for
	// is not mailed and leaves the last link good, so that nobody can fill
	// somebody's mailbox or take their way back from them.
	maxLinks    = 5
	linksWithin = time.Hour
	// A request that could not be taken up for this long is given up.
	resetGivenUp = 24 * time.Hour
)

// IssueReset takes a request for another password up: it makes the link's token,
// keeps its hash, replaces earlier requests of the account, and mails the link.
// The token leaves this activity in the e-mail only; a repetition makes the same
// one. For an e-mail that nobody has it does the rest, and answers the same. A
// link that was mailed already is not mailed again.
func (a *Activities) IssueReset(ctx context.Context, id uuid.UUID) (cases.ResetState, error) {
	var state cases.ResetState
	var mail *store.Notice
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := a.lockReset(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.Open() {
			if err := a.issue(ctx, tx, &r); err != nil {
				return err
			}
		}
		state = resetState(r.PasswordReset)
		mail, err = r.link(ctx, tx)
		return err
	})
	if err == nil && mail != nil && mail.Status == store.NoticePending {
		err = a.SendNotice(ctx, mail.ID)
	}
	return state, err
}

// CloseReset ends a request whose time is over, and returns what is owed because
// of how it ended: that a link was not used in time, or that the password was
// changed. One whose link is still good stays open.
func (a *Activities) CloseReset(ctx context.Context, id uuid.UUID) (cases.ResetState, error) {
	var state cases.ResetState
	err := a.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := a.lockReset(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.Open() && r.over(a.now()) {
			if err := a.expireReset(ctx, tx, &r); err != nil {
				return err
			}
		}
		state = resetState(r.PasswordReset)
		if r.Open() || r.account == nil {
			return nil
		}
		state.Notices, err = owedBy(ctx, tx.Reader(), r.account.ID, cases.PasswordResetID(id))
		return err
	})
	return state, err
}

// reset is a request under way: it and the account, when there is one, are
// locked.
type reset struct {
	store.PasswordReset
	account *account.Account
}

// lockReset finds out whose request it is, and locks both. An account that gave
// its e-mail back or is closed is as good as none.
func (a *Activities) lockReset(ctx context.Context, tx *store.Tx, id uuid.UUID) (reset, error) {
	found, err := tx.Reader().Reset(ctx, id)
	if err != nil {
		return reset{}, err
	}
	accountID := found.AccountID
	if accountID == nil && found.Email != "" {
		login, err := tx.Reader().LoginByEmail(ctx, found.Email)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return reset{}, err
		}
		if err == nil {
			accountID = &login.AccountID
		}
	}
	var r reset
	if accountID != nil {
		acc, err := tx.LockAccount(ctx, *accountID)
		if err != nil {
			return reset{}, err
		}
		if acc.HasLogin() {
			r.account = &acc
		}
	}
	r.PasswordReset, err = tx.LockReset(ctx, id)
	return r, err
}

func resetState(r store.PasswordReset) cases.ResetState {
	state := cases.ResetState{Outcome: r.Outcome}
	if r.ExpiresAt != nil {
		state.ExpiresAt = toInstant(*r.ExpiresAt)
	}
	return state
}

// over reports whether nothing more can come of an open request at now.
func (r reset) over(now time.Time) bool {
	if r.ExpiresAt == nil {
		return now.Sub(r.RequestedAt) > resetGivenUp
	}
	return !now.Before(*r.ExpiresAt)
}

// link returns the notice that the link is mailed with, nil when there is none.
func (r reset) link(ctx context.Context, tx *store.Tx) (*store.Notice, error) {
	notice, err := tx.Reader().NoticeByKey(ctx, r.noticeKey())
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return &notice, err
}

func (r reset) noticeKey() string { return string(notify.PasswordReset) + "/" + r.ID.String() }

// issue records that the request was taken up. Of one that was before, it renews
// the hash, since the key may have been changed before the link was mailed.
func (a *Activities) issue(ctx context.Context, tx *store.Tx, r *reset) error {
	now := a.now()
	again := r.IssuedAt != nil
	if again && r.over(now) {
		return nil
	}
	if !again {
		p, _, err := tx.Reader().Policy(ctx)
		if err != nil {
			return err
		}
		expires := now.Add(time.Duration(p.ResetLink))
		r.IssuedAt, r.ExpiresAt = &now, &expires
	}
	if r.DecisionID != nil && !again {
		if applied, err := a.applyReset(ctx, tx, r, now); err != nil || !applied {
			return err
		}
	}
	if r.account == nil {
		if err := tx.IssueReset(ctx, r.PasswordReset, nil); err != nil || again {
			return err
		}
		return tx.AppendEvent(ctx, r.event("password_reset.withheld", now))
	}
	r.AccountID = &r.account.ID
	if !again {
		owed, err := a.oweLink(ctx, tx, r, now)
		if err != nil || !owed {
			return err
		}
	} else if mail, err := r.link(ctx, tx); err != nil || mail == nil || mail.Status != store.NoticePending {
		return err
	}
	hash := identity.HashToken(a.links.Token(identity.ResetToken, r.ID))
	return tx.IssueReset(ctx, r.PasswordReset, hash[:])
}

// oweLink replaces earlier requests of the account and owes it the e-mail with
// the link. It reports false when there will be none, because a later request
// has been taken up already or the account was mailed too many.
func (a *Activities) oweLink(ctx context.Context, tx *store.Tx, r *reset, now time.Time) (bool, error) {
	links, later, err := tx.Reader().LinksSince(ctx, r.PasswordReset, now.Add(-linksWithin))
	if err != nil {
		return false, err
	}
	forced := r.DecisionID != nil
	switch {
	case later && !forced:
		r.Outcome = store.ResetReplaced
		if err := tx.CloseReset(ctx, r.ID, store.ResetReplaced, now); err != nil {
			return false, err
		}
		return false, tx.AppendEvent(ctx, r.event("password_reset.replaced", now))
	case links >= maxLinks && !forced:
		if err := tx.IssueReset(ctx, r.PasswordReset, nil); err != nil {
			return false, err
		}
		return false, tx.AppendEvent(ctx, r.event("password_reset.withheld", now))
	}
	replaced, err := tx.ReplaceResets(ctx, r.PasswordReset, now)
	if err != nil {
		return false, err
	}
	events := []store.Event{r.event("password_reset.issued", now)}
	for _, earlier := range replaced {
		events = append(events, reset{PasswordReset: earlier}.event("password_reset.replaced", now))
	}
	kind := notify.PasswordReset
	if forced {
		kind = notify.PasswordResetForced
	}
	err = tx.InsertNotices(ctx, store.Notice{
		ID: newID(), Key: r.noticeKey(), AccountID: r.account.ID, DecisionID: r.DecisionID, CaseID: cases.PasswordResetID(r.ID),
		Kind: string(kind), Channel: store.Email, CreatedAt: now,
	})
	if err != nil {
		return false, err
	}
	return true, tx.AppendEvents(ctx, events...)
}

// event is something that happened to the request.
func (r reset) event(action string, now time.Time) store.Event {
	e := store.Event{
		At: now, Actor: actor.Actor{Kind: actor.System}, Action: action, Subject: "password_reset", SubjectID: r.ID.String(),
		AccountID: r.AccountID, DecisionID: r.DecisionID, WorkflowID: cases.PasswordResetID(r.ID),
	}
	if r.ExpiresAt != nil {
		e.After = map[string]any{"expires_at": r.ExpiresAt.UTC()}
	}
	return e
}

// applyReset closes the decision that forces the reset, as applied or, when the
// account has no login any more, as refused; then the reset ends too.
func (a *Activities) applyReset(ctx context.Context, tx *store.Tx, r *reset, now time.Time) (applied bool, err error) {
	d, err := tx.Reader().Decision(ctx, *r.DecisionID)
	if err != nil || !d.Open() {
		return true, err
	}
	if r.account == nil {
		acc, err := tx.LockAccount(ctx, d.AccountID)
		if err != nil {
			return false, err
		}
		if _, err := a.refuse(ctx, tx, acc, d, fault.Conflict); err != nil {
			return false, err
		}
		r.Outcome = store.ResetLapsed
		return false, tx.LapseReset(ctx, d.ID, now)
	}
	role, err := tx.Reader().DecisionRole(ctx, d)
	if err != nil {
		return false, err
	}
	if err := tx.CloseDecision(ctx, d.ID, cases.Applied, "", now); err != nil {
		return false, err
	}
	e := r.event(string(account.ForceReset), now)
	e.Subject, e.SubjectID, e.AccountID = "account", r.account.ID.String(), &r.account.ID
	e.Actor = actor.Actor{Kind: actor.Staff, ID: d.StaffID, Role: role, RequestID: d.RequestID}
	return true, tx.AppendEvent(ctx, e)
}

// expireReset ends a request whose link was not used in time, and owes a word
// about that to whoever was mailed one.
func (a *Activities) expireReset(ctx context.Context, tx *store.Tx, r *reset) error {
	now := a.now()
	r.Outcome = store.ResetExpired
	if err := tx.CloseReset(ctx, r.ID, store.ResetExpired, now); err != nil {
		return err
	}
	if err := tx.AppendEvent(ctx, r.event("password_reset.expired", now)); err != nil || r.account == nil {
		return err
	}
	mail, err := r.link(ctx, tx)
	if err != nil || mail == nil || mail.Status == store.NoticeFailed {
		return err
	}
	if mail.Status == store.NoticeSent {
		err = tx.InsertNotices(ctx, store.Notice{
			ID: newID(), Key: string(notify.PasswordResetExpired) + "/" + r.ID.String(), AccountID: r.account.ID, DecisionID: r.DecisionID,
			CaseID: cases.PasswordResetID(r.ID), Kind: string(notify.PasswordResetExpired), Channel: store.Email, CreatedAt: now,
		})
	} else {
		err = tx.FailNotice(ctx, mail.ID, failureObsolete, now)
	}
	return err
}

// resetLink makes the letter of a link one, or one that will never be sent when
// the link is not good any more.
func (a *Activities) resetLink(ctx context.Context, l letter, caseID string) (letter, error) {
	r, err := a.reader.Reset(ctx, cases.ResetOf(caseID))
	if err != nil {
		return letter{}, err
	}
	if !r.Open() || r.ExpiresAt == nil || !a.now().Before(*r.ExpiresAt) {
		return letter{failure: failureObsolete}, nil
	}
	l.data.Link = a.sender.Link("/reset-password/" + a.links.Token(identity.ResetToken, r.ID))
	l.data.Deadline = r.ExpiresAt
	return l, nil
}
