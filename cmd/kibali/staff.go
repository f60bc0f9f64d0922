package main

import (
	"context"
	"fmt"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/staff"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

type staffCreateCommand struct {
	Role  string `name:"role" required:"" help:"admin, reviewer, finance, support or auditor."`
	Email string `name:"email" required:"" help:"Their e-mail address."`
	Name  string `name:"name" required:"" help:"Their name, which users and colleagues see."`
	config.Database
}

// Run adds the staff member and prints their token.
func (c staffCreateCommand) Run(ctx context.Context, term terminal) error {
	member, err := service.NewStaff(c.Email, c.Name, c.Role)
	if err != nil {
		return err
	}
	return withStore(ctx, c.Database, "kibali staff", func(db *store.Store) error {
		token, hash := identity.NewToken(identity.StaffToken)
		if err := staff.Add(ctx, db, member, "", hash, "kibali staff create"); err != nil {
			return err
		}
		fmt.Fprintf(term.out, "%s %s <%s> is added. Their personal access token, which is not shown again:\n%s\n",
			member.Role, member.Name, member.Email, token)
		return nil
	})
}
