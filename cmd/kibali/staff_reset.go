package main

import (
	"context"
	"fmt"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/staff"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/store"
)

type staffResetFactorsCommand struct {
	Email  string `name:"email" required:"" help:"Their e-mail address."`
	Invite bool   `name:"invite" help:"Print an invitation to choose another password too, once."`
	config.Database
}

// Run takes the second factor from the staff member and says what they do next.
func (c staffResetFactorsCommand) Run(ctx context.Context, term terminal) error {
	email, field := account.ParseEmail(c.Email)
	if field != nil {
		return fault.InvalidFields(*field)
	}
	return withStore(ctx, c.Database, "kibali staff", func(db *store.Store) error {
		reset, err := staff.ResetFactors(ctx, db, email, c.Invite)
		if err != nil {
			return err
		}
		fmt.Fprintf(term.out, "%s <%s> has no second factor now; sessions ended: %d. Where one is required they set up another at the next sign-in.\n",
			reset.Name, email, reset.Sessions)
		if c.Invite {
			fmt.Fprintf(term.out, "They choose another password once, within three days, at this path below the base URL, which is not shown again:\n/console/invitation/%s\n", reset.Invitation)
		}
		return nil
	})
}
