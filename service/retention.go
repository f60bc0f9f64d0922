package service

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/store"
)

const (
	// retainEvery is how often is looked for what is kept for too long.
	retainEvery = 10 * time.Minute
	retainBatch = 100
	// discardedAge is how long after its discarding the file of a document is still
	// deleted by whoever discarded it.
	discardedAge = 10 * time.Minute
)

// RunRetention deletes what the policy keeps no longer, until ctx ends. Any number
// of processes may run it: one at a time does the work.
func (s *Service) RunRetention(ctx context.Context) {
	s.repeat(ctx, retainEvery, "what is kept for too long is not deleted", s.Retain)
}

// Retain does once what the policy's retention asks for: it discards the documents
// of applicants who were rejected long ago, deletes files that were discarded and
// are in storage still, and begins the erasure of accounts that were closed long
// ago. It does nothing while another process does it.
func (s *Service) Retain(ctx context.Context) error {
	_, err := s.store.Alone(ctx, store.RetentionLock, func(ctx context.Context) error {
		p, _, err := s.reader.Policy(ctx)
		if err != nil {
			return err
		}
		return errors.Join(s.discardRejected(ctx, p.Retention), s.deleteDiscarded(ctx), s.eraseLapsed(ctx, p.Retention))
	})
	return err
}

// discardRejected discards documents of applicants who were rejected and have not
// applied again.
func (s *Service) discardRejected(ctx context.Context, r policy.Retention) error {
	if r.RejectedDocuments == 0 {
		return nil
	}
	before := s.now().Add(-time.Duration(r.RejectedDocuments))
	for {
		accounts, err := s.reader.KeptAfterRejection(ctx, before, retainBatch)
		if err != nil {
			return err
		}
		for _, id := range accounts {
			if err := s.discardOf(ctx, id, before); err != nil {
				return err
			}
		}
		if len(accounts) < retainBatch {
			return nil
		}
	}
}

// discardOf discards the documents of an account, unless it has applied again
// meanwhile, and deletes their files.
func (s *Service) discardOf(ctx context.Context, id uuid.UUID, before time.Time) error {
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.LockAccount(ctx, id); err != nil {
			return err
		}
		still, err := tx.Reader().RejectedSince(ctx, id, before)
		if err != nil || !still {
			return err
		}
		return tx.DiscardDocuments(ctx, id, store.Discard{For: store.ForRetention, Actor: actor.Actor{Kind: actor.System}, At: s.now()})
	})
	if err != nil {
		return err
	}
	discarded, err := s.reader.DiscardedDocuments(ctx, id, time.Time{}, retainBatch)
	if err != nil {
		return err
	}
	return s.deleteFiles(ctx, discarded)
}

// deleteDiscarded deletes the files that whoever discarded them did not.
func (s *Service) deleteDiscarded(ctx context.Context) error {
	discarded, err := s.reader.DiscardedDocuments(ctx, uuid.Nil, s.now().Add(-discardedAge), retainBatch)
	if err != nil {
		return err
	}
	return s.deleteFiles(ctx, discarded)
}

func (s *Service) deleteFiles(ctx context.Context, discarded []store.Document) error {
	var failures []error
	for _, d := range discarded {
		err := s.documents.Discard(ctx, d.StorageKey)
		if err == nil {
			err = s.store.FilesDeleted(ctx, d.ID, s.now())
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// eraseLapsed opens the cases that erase accounts which were closed long ago.
func (s *Service) eraseLapsed(ctx context.Context, r policy.Retention) error {
	if r.ClosedAccounts == 0 {
		return nil
	}
	lapsed, err := s.reader.KeptAfterClosing(ctx, s.now().Add(-time.Duration(r.ClosedAccounts)), retainBatch)
	if err != nil {
		return err
	}
	var failures []error
	for _, id := range lapsed {
		err := s.eraseClosed(ctx, id)
		failures = append(failures, err)
		if unreachable(err) {
			break // the next one would fail as well
		}
	}
	return errors.Join(failures...)
}

// eraseClosed opens the case that erases a closed account.
func (s *Service) eraseClosed(ctx context.Context, id uuid.UUID) error {
	view, err := s.reader.Account(ctx, id)
	if err != nil {
		return err
	}
	o, err := openingFor(cases.ErasureID(id), view.Account, nil)
	if err != nil {
		return err
	}
	o.input = cases.ErasureInput{AccountID: id, Lapsed: true}
	ctx, cancel := context.WithTimeout(ctx, s.reach)
	defer cancel()
	_, err = s.temporal.ExecuteWorkflow(ctx, o.options, o.workflow, o.input)
	return err
}
