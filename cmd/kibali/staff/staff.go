// Package staff adds the people who run the platform. It imports domain and
// store.
package staff

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// maxName is the length of the longest name, in bytes.
const maxName = 120

// New returns a staff member with a new id, or a fault.Invalid that names what
// is wrong with the e-mail, the name or the role.
func New(email, name, role string) (store.Staff, error) {
	var bad []fault.Field
	address, field := account.ParseEmail(email)
	if field != nil {
		bad = append(bad, *field)
	}
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || len(name) > maxName {
		bad = append(bad, fault.Field{Field: "name", Code: "invalid", Detail: "Must have 1 to 120 characters."})
	}
	if !slices.Contains(actor.Roles(), actor.Role(role)) {
		bad = append(bad, fault.Field{Field: "role", Code: "invalid", Detail: "Must be admin, reviewer, finance, support or auditor."})
	}
	return store.Staff{ID: uuid.Must(uuid.NewV7()), Email: address, Name: name, Role: actor.Role(role)}, fault.InvalidFields(bad...)
}

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
