package service

import (
	"context"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/store"
)

// ChangePolicy puts another policy in force, in place of the version that the
// change was made from, and returns its number. It returns fault.Invalid for
// what cannot be a policy, and fault.Conflict when another version is in force
// by now. A policy that says what the one in force says changes nothing.
func (s *Service) ChangePolicy(ctx context.Context, by actor.Actor, p policy.Policy, note string, from int) (int, error) {
	if err := permitted(by, actor.Administer); err != nil {
		return 0, err
	}
	version := from
	err := s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.LockPolicy(ctx); err != nil {
			return err
		}
		present, now, err := tx.Reader().Policy(ctx)
		switch {
		case err != nil:
			return err
		case now != from:
			return fault.New(fault.Conflict, "Another version of the policy is in force by now.")
		case present.Equal(p):
			return nil
		}
		version, err = tx.InsertPolicy(ctx, p, by, note, s.now())
		return err
	})
	return version, err
}
