package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/doctor"
)

type doctorCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	config.Database
	config.Owner
	config.Documents
	config.Platform
	config.Notices
	config.Secret
	config.SSO
}

// Run examines the installation that the settings describe.
func (c doctorCommand) Run(ctx context.Context, term terminal) error {
	installation, closeInbox, err := c.installation()
	if err != nil {
		return err
	}
	found := doctor.Examine(ctx, installation)
	if err := closeInbox(); err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(term.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(map[string]any{"ok": found.Well(), "checks": found}); err != nil {
			return fmt.Errorf("print the findings: %w", err)
		}
	} else {
		found.Print(term.out)
	}
	if !found.Well() {
		return errUnwell
	}
	return nil
}

func (c doctorCommand) installation() (doctor.Installation, func() error, error) {
	var problems config.Problems
	inbox, closeInbox, err := openInbox(config.Notices{EmailProvider: c.EmailProvider, SMSProvider: c.SMSProvider})
	if err != nil {
		return doctor.Installation{}, nil, err
	}
	name := c.Name(&problems)
	i := doctor.Installation{
		Database: c.Database.Pool(&problems, "kibali doctor"), Temporal: config.Temporal(&problems), Documents: c.Location(&problems),
		SecretKey: c.Key(&problems), BaseURL: c.Platform.Address(&problems),
		Email: c.Email(&problems, name, inbox), SMS: c.SMS(&problems, inbox),
	}
	i.Temporal.Logger = quiet
	i.SSO = c.SSO.Provider(&problems, i.BaseURL, i.SecretKey, slog.New(slog.DiscardHandler))
	if c.OwnerDatabaseURL != "" {
		i.Owner = c.Owner.Pool(&problems)
	}
	i.Problems = problems
	return i, closeInbox, nil
}
