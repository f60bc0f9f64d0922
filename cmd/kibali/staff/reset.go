package staff

import (
	"context"
	"time"

	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// Reset is what came of ResetFactors.
type Reset struct {
	Name       string
	Sessions   int    // that ended
	Invitation string // the token of one, "" unless it was asked for
}

// invitationLife is how long the staff member may take to choose a password.
const invitationLife = 3 * 24 * time.Hour

// ResetFactors takes the second factor and the recovery codes from the staff
// member with a normalised e-mail and ends their sessions, and invites them to
// choose another password when invite says so. It is for whoever runs the
// installation, and is on record as such. It returns fault.NotFound when there is
// no such staff member, and fault.Conflict when they are disabled.
func ResetFactors(ctx context.Context, db *store.Store, email string, invite bool) (reset Reset, err error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return reset, db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, err := tx.Reader().StaffIDByEmail(ctx, email)
		if err != nil {
			return err
		}
		member, _, err := tx.LockStaffMember(ctx, id)
		if err != nil {
			return err
		}
		if member.DisabledAt != nil {
			return fault.New(fault.Conflict, "This staff member is disabled.")
		}
		reset.Name = member.Name
		if err := tx.RemoveFactor(ctx, id, now); err != nil {
			return err
		}
		if reset.Sessions, err = tx.EndStaffSessions(ctx, id, uuid.Nil, now); err != nil {
			return err
		}
		after := map[string]any{"by": "operator", "sessions_ended": reset.Sessions}
		if err := tx.AppendEvent(ctx, byOperator("staff.second_factor_reset", id, now, after)); err != nil || !invite {
			return err
		}
		token, hash := identity.NewToken(identity.InvitationToken)
		reset.Invitation = token
		i := store.Invitation{ID: uuid.Must(uuid.NewV7()), StaffID: id, Hash: hash, CreatedAt: now, ExpiresAt: now.Add(invitationLife)}
		if err := tx.InsertInvitation(ctx, i); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, byOperator("staff.invited", id, now, map[string]any{"by": "operator", "invitation_id": i.ID}))
	})
}

func byOperator(action string, id uuid.UUID, now time.Time, after map[string]any) store.Event {
	return store.Event{At: now, Actor: actor.Actor{Kind: actor.System}, Action: action, Subject: "staff", SubjectID: id.String(), After: after}
}
