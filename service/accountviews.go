package service

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/store"
)

// viewedFor is how long a look at an account is the same look: there is one event
// of it, however often somebody goes back to the page.
const viewedFor = time.Hour

// OpenAccount returns an account to a staff member who looks at it by itself, and
// records that they do, once an hour. It returns fault.NotFound when there is
// none. What cannot be recorded is not shown.
func (s *Service) OpenAccount(ctx context.Context, by actor.Actor, id uuid.UUID) (store.AccountView, error) {
	if err := permitted(by, actor.ReadAccounts); err != nil {
		return store.AccountView{}, err
	}
	view, err := s.reader.Account(ctx, id)
	if err != nil {
		return store.AccountView{}, err
	}
	return view, s.recordView(ctx, by, id)
}

// recordView remembers what it has recorded, so that whoever goes on looking
// costs no statement. Other replicas, and this one after a restart, ask the audit
// trail.
func (s *Service) recordView(ctx context.Context, by actor.Actor, id uuid.UUID) error {
	now, key := s.now(), slices.Concat(by.ID[:], id[:])
	if !s.viewed.until(key, now).IsZero() {
		return nil
	}
	var at time.Time // of the event
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if at, err = tx.LastViewed(ctx, by.ID, id); err != nil || now.Before(at.Add(viewedFor)) {
			return err
		}
		at = now
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: store.AccountViewed, Subject: "account", SubjectID: id.String(), AccountID: &id,
		})
	})
	if err == nil {
		s.viewed.note(key, at.Add(viewedFor))
	}
	return err
}
