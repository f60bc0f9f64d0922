package development

import (
	"context"
	"fmt"
	"time"

	"kibali/cmd/kibali/staff"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

// ensurePeople records the staff and the service of the keys, those that are
// there already excepted, and returns the staff by role.
func ensurePeople(ctx context.Context, db *store.Store, hasher *identity.Hasher, k keys) (map[actor.Role]actor.Actor, error) {
	people := map[actor.Role]actor.Actor{}
	for _, who := range k.Staff {
		member, err := ensureStaff(ctx, db, hasher, who)
		if err != nil {
			return nil, fmt.Errorf("add the %s: %w", who.Role, err)
		}
		people[who.Role] = actor.Actor{Kind: actor.Staff, ID: member.ID, Role: member.Role, RequestID: "kibali dev"}
	}
	if err := ensureService(ctx, db, k.ServiceToken); err != nil {
		return nil, fmt.Errorf("add the gateway: %w", err)
	}
	return people, nil
}

func ensureStaff(ctx context.Context, db *store.Store, hasher *identity.Hasher, who staffKeys) (store.Staff, error) {
	token := identity.HashToken(who.Token)
	holder, err := db.Reader().StaffByToken(ctx, token, time.Now())
	if !fault.Is(err, fault.NotFound) {
		return holder.Staff, err
	}
	hash, err := hasher.Hash(ctx, who.Password)
	if err != nil {
		return store.Staff{}, err
	}
	member, err := service.NewStaff(who.Email, staffNames[who.Role], string(who.Role))
	if err != nil {
		return store.Staff{}, err
	}
	return member, staff.Add(ctx, db, member, hash, token, "kibali dev")
}

// ensureService adds the gateway of the keys, which may do everything.
func ensureService(ctx context.Context, db *store.Store, token string) error {
	if _, err := db.Reader().ServiceByToken(ctx, identity.HashToken(token)); !fault.Is(err, fault.NotFound) {
		return err // from an earlier start, or trouble
	}
	gateway, err := service.NewGateway("Development gateway", actor.Scopes())
	if err != nil {
		return err
	}
	gateway.Prefix, gateway.CreatedAt = identity.ShownOf(token), time.Now().UTC().Truncate(time.Microsecond)
	return db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return service.AddGateway(ctx, tx, actor.Actor{Kind: actor.System}, gateway, identity.HashToken(token))
	})
}
