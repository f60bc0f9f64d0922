package service

import (
	"context"

	"kibali/domain/actor"
	"kibali/store"
)

// RecordUsersExport puts on record that somebody takes the list of users away,
// with the names and contacts of all that it shows. It comes before the first
// line. What was searched for can be a name, so only that there was something is
// kept.
func (s *Service) RecordUsersExport(ctx context.Context, by actor.Actor, q store.AccountsQuery) error {
	if err := permitted(by, actor.ReadAccounts); err != nil {
		return err
	}
	status := string(q.Status)
	if status == "" {
		status = "all"
	}
	return s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.AppendEvent(ctx, store.Event{
			At: s.now(), Actor: by, Action: "users.exported", Subject: "users", SubjectID: status, After: map[string]any{"searched": q.Q != ""},
		})
	})
}
