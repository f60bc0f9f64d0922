package service

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// errOwnAccount refuses what somebody would decide in their own favour.
var errOwnAccount = fault.New(fault.Forbidden, "Nobody decides in favour of an account of their own e-mail address.")

// notOwn returns errOwnAccount when one of the accounts has the e-mail address of
// the staff member.
func notOwn(ctx context.Context, r *store.Reader, by actor.Actor, accounts ...uuid.UUID) error {
	own, err := r.AccountOfStaff(ctx, by.ID)
	if err == nil && own != uuid.Nil && slices.Contains(accounts, own) {
		return errOwnAccount
	}
	return err
}

// notOwnTopUp is notOwn for the accounts of a top-up.
func notOwnTopUp(ctx context.Context, r *store.Reader, by actor.Actor, d store.Decision) error {
	if d.AccountID != uuid.Nil {
		return notOwn(ctx, r, by, d.AccountID)
	}
	lines, err := r.TopUpLines(ctx, d.ID, 0, 0)
	if err != nil {
		return err
	}
	accounts := make([]uuid.UUID, len(lines))
	for i, line := range lines {
		accounts[i] = line.AccountID
	}
	return notOwn(ctx, r, by, accounts...)
}
