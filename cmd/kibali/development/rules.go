package development

import (
	"context"
	"reflect"
	"time"

	"kibali/domain/actor"
	"kibali/domain/policy"
	"kibali/store"
)

// ownPolicy is the policy of development: the default one, but for SMS, which
// arrive at any hour.
func ownPolicy() policy.Policy {
	p := policy.Default()
	p.QuietHours = nil
	return p
}

// demoPolicy is the policy that the demo accounts are made under: no application
// expires because its applicant does not exist, no top-up lapses for want of a
// signature, and nobody is reminded of an appeal.
func demoPolicy() policy.Policy {
	p := ownPolicy()
	const year = 365 * 24 * time.Hour
	p.Documents = policy.Patience{Remind: policy.Duration(5 * year), Expire: policy.Duration(6 * year)}
	p.Changes = p.Documents
	p.TopUps.Signature = policy.Duration(5 * year)
	p.Appeals = policy.Review{Deadline: policy.Duration(4000 * time.Hour), Escalate: policy.Duration(5000 * time.Hour)} // of work: two years
	return p
}

// ensurePolicy puts a policy in force in place of the one of a new
// installation or of another of ours. One that somebody set since stays.
func ensurePolicy(ctx context.Context, db *store.Store, wanted policy.Policy, note string) error {
	current, _, err := db.Reader().Policy(ctx)
	if err != nil || reflect.DeepEqual(current, wanted) {
		return err
	}
	replaceable := false
	for _, known := range []policy.Policy{policy.Default(), ownPolicy(), demoPolicy()} {
		replaceable = replaceable || reflect.DeepEqual(current, known)
	}
	if !replaceable {
		return nil
	}
	return db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.InsertPolicy(ctx, wanted, actor.Actor{Kind: actor.System}, note, time.Now().UTC().Truncate(time.Microsecond))
		return err
	})
}
