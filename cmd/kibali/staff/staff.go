// Package staff adds the people who run the platform, and helps who is locked
// out. It imports domain, identity and store.
package staff

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/store"
)

// Add records a staff member with a personal access token, whose hash is given
// and whose name says what it is for, and the audit event of both. passwordHash
// may be empty. It returns fault.Taken when the e-mail is in use.
func Add(ctx context.Context, db *store.Store, member store.Staff, passwordHash string, token [32]byte, name string) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	tokenID := uuid.Must(uuid.NewV7())
	return db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertStaff(ctx, member, passwordHash, now); err != nil {
			return err
		}
		err := tx.InsertStaffToken(ctx, store.StaffToken{ID: tokenID, StaffID: member.ID, Name: name, Hash: token, CreatedAt: now})
		if err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: actor.Actor{Kind: actor.System}, Action: "staff.created", Subject: "staff", SubjectID: member.ID.String(),
			After: map[string]any{"role": member.Role, "token_id": tokenID},
		})
	})
}
