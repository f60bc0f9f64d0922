package main

import (
	"context"
	"fmt"
	"time"

	"kibali/cmd/kibali/config"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

type serviceCreateCommand struct {
	Name  string        `name:"name" required:"" help:"What it is known as."`
	Scope []actor.Scope `name:"scope" help:"What it may do: authorize, charges, refunds; all of it when not given."`
	config.Database
}

// Run adds the service and prints its credential.
func (c serviceCreateCommand) Run(ctx context.Context, term terminal) error {
	scopes := c.Scope
	if len(scopes) == 0 {
		scopes = actor.Scopes()
	}
	added, err := service.NewGateway(c.Name, scopes)
	if err != nil {
		return err
	}
	return withStore(ctx, c.Database, "kibali service", func(db *store.Store) error {
		token, hash := identity.NewToken(identity.ServiceToken)
		added.Prefix, added.CreatedAt = identity.ShownOf(token), time.Now().UTC().Truncate(time.Microsecond)
		err := db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return service.AddGateway(ctx, tx, actor.Actor{Kind: actor.System}, added, hash)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(term.out, "%s is added and may do: %v. Its credential, which is not shown again:\n%s\n", added.Name, added.Scopes, token)
		return nil
	})
}
