package main

import (
	"context"
	"fmt"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/staff"
	"kibali/identity"
	"kibali/migrations"
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
	var problems config.Problems
	pool := c.Pool(&problems, "kibali staff")
	if err := problems.Err(); err != nil {
		return err
	}
	member, err := service.NewStaff(c.Email, c.Name, c.Role)
	if err != nil {
		return err
	}
	db, err := store.OpenConfig(ctx, pool)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := migrations.Check(ctx, db.Pool()); err != nil {
		return err
	}
	token, hash := identity.NewToken(identity.StaffToken)
	if err := staff.Add(ctx, db, member, "", hash, "kibali staff create"); err != nil {
		return err
	}
	fmt.Fprintf(term.out, "%s %s <%s> is added. Their personal access token, which is not shown again:\n%s\n",
		member.Role, member.Name, member.Email, token)
	return nil
}
