package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// claimLife is how long a reviewer who shows no sign of life keeps an
// application from being offered to others.
const claimLife = 5 * time.Minute

// Claim makes an application the reviewer's to look at, for as long as they ask
// again within some minutes, and returns whose it is. It keeps nobody from
// deciding.
func (s *Service) Claim(ctx context.Context, by actor.Actor, accountID uuid.UUID) (store.ReviewClaim, error) {
	if err := permitted(by, actor.Review); err != nil {
		return store.ReviewClaim{}, err
	}
	now := s.now()
	return s.store.Claim(ctx, accountID, by.ID, now, now.Add(claimLife))
}

// Unclaim ends the reviewer's claim of an application.
func (s *Service) Unclaim(ctx context.Context, by actor.Actor, accountID uuid.UUID) error {
	if err := permitted(by, actor.Review); err != nil {
		return err
	}
	return s.store.Unclaim(ctx, accountID, by.ID)
}

// candidates is how many applications are tried at a time for one that nobody
// claims in the same moment.
const candidates = 10

// NextReview claims the application that is due first among those that nobody
// looks at, beyond the one that is skipped (uuid.Nil skips none), and returns its
// account. At the end of the queue it begins anew. It returns fault.NotFound
// when there is none.
func (s *Service) NextReview(ctx context.Context, by actor.Actor, skip uuid.UUID) (uuid.UUID, error) {
	if err := permitted(by, actor.Review); err != nil {
		return uuid.Nil, err
	}
	found, err := s.claimNext(ctx, by, skip)
	if err != nil || found != uuid.Nil || skip == uuid.Nil {
		return found, orNothing(found, err)
	}
	found, err = s.claimNext(ctx, by, uuid.Nil)
	if found == skip {
		found = uuid.Nil
	}
	return found, orNothing(found, err)
}

func orNothing(found uuid.UUID, err error) error {
	if err == nil && found == uuid.Nil {
		return fault.New(fault.NotFound, "No application waits for a review.")
	}
	return err
}

func (s *Service) claimNext(ctx context.Context, by actor.Actor, skip uuid.UUID) (uuid.UUID, error) {
	ids, err := s.reader.NextReviews(ctx, by.ID, skip, s.now(), candidates)
	if err != nil {
		return uuid.Nil, err
	}
	for _, id := range ids {
		claim, err := s.Claim(ctx, by, id)
		if err != nil {
			return uuid.Nil, err
		}
		if claim.StaffID == by.ID {
			return id, nil
		}
	}
	return uuid.Nil, nil
}
