package development

import (
	"context"

	"kibali/cmd/kibali/staff"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

// colleagueEmail is the e-mail of the one who has made the top-ups of the demo
// data.
const colleagueEmail = "credits@kibali.example"

// ensureColleague adds a second member of finance, who has made the top-ups of
// the demo data: what one member may give alone in a day is left to the one whose
// token is told. Nobody knows the colleague's.
func ensureColleague(ctx context.Context, db *store.Store) (actor.Actor, error) {
	member, err := db.Reader().StaffByEmail(ctx, colleagueEmail)
	if fault.Is(err, fault.NotFound) {
		if member, err = service.NewStaff(colleagueEmail, "Hassan Mwinyi", string(actor.Finance)); err != nil {
			return actor.Actor{}, err
		}
		_, token := identity.NewToken(identity.StaffToken)
		err = staff.Add(ctx, db, member, "", token, "kibali dev")
	}
	return actor.Actor{Kind: actor.Staff, ID: member.ID, Role: member.Role, RequestID: "kibali dev"}, err
}
