package service_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// commands are all that somebody may ask of the service, with the events that
// each writes in the transaction of its change. One that writes none says why
// after a dash. That the events are there is seen by the witnesses of all tests.
var commands = map[string]string{
	"AskProof": "- " + ofContact, "ChangeContact": "- " + ofContact, "CompleteEmailProof": "- " + ofContact, "ConfirmPhone": "- " + ofContact,

	"AcceptInvitation": "staff.invitation_accepted", "AddStaff": "staff.created", "Appeal": "appeal.made", "Approve": "approve.requested",
	"AskReset": "password_reset.asked", "ChangePassword": "password.changed", "ChangePolicy": "policy.changed",
	"ChangeStaff": "staff.changed", "ChangeStaffPassword": "staff.password_changed", "ChangeUntil": "change_until.requested", "Close": "close.requested",
	"CompleteReset": "password_reset.used", "ConfirmFactor": "staff.second_factor_confirmed", "Countersign": "top_up.countersigned",
	"CreateAPIKey": "api_key.created", "CreateService": "service.created", "CreateStaff": "staff.created staff.invited",
	"CreateStaffToken": "staff.token_created", "Decline": "top_up.declined", "DisableStaff": "staff.disabled",
	"DismissAppeal": "dismiss_appeal.requested", "EnableStaff": "staff.enabled", "EndSession": "session.ended", "Export": "account.exported", "Erase": "erase.requested",
	"FinishUpload": "document.received", "ForceReset": "password_reset.requested", "GrantAppeal": "reactivate.requested",
	"InviteStaff": "staff.invited", "Login": "session.begun appeal.permitted", "Logout": "session.ended", "BeginFactor": "staff.second_factor_begun",
	"NewRecoveryCodes": "staff.recovery_codes_replaced", "OpenAccount": "- the store names it: account.viewed", "OpenDocument": "document.downloaded", "OpenPage": "document.viewed",
	"Reactivate": "reactivate.requested", "RecordUsersExport": "users.exported", "Register": "register", "Reject": "reject.requested", "RequestChanges": "request_changes.requested",
	"ResetFactor": "staff.second_factor_reset", "Resubmit": "resubmit.requested", "RevokeAPIKey": "api_key.revoked", "RevokeService": "service.revoked",
	"RevokeStaffToken": "staff.token_revoked", "StaffSignIn": "staff.signed_in staff.code_refused", "StaffSignOn": "staff.signed_in staff.sign_on_linked staff.sign_on_refused",
	"StaffSignOnAgain": "staff.stepped_up", "StaffSignOut": "staff.signed_out", "StaffStepUp": "staff.stepped_up", "Suspend": "suspend.requested",
	"TopUp": "top_up.requested", "TopUpMany": "top_up.requested", "Upload": "document.received",

	"Charge": "- the transfer is the record", "RefundCharge": "- the transfer is the record", "SendMessage": "- the message and its transfer are the record",
	"Claim": "- who looks at what just now is no part of the record", "Unclaim": "- as Claim", "NextReview": "- as Claim",
	"BeginUpload": "- nothing is handed in before FinishUpload", "ContinueUpload": "- as BeginUpload", "PartialUpload": "- it reads",
	"NeedsSignature": "- it reads", "PreviewTopUps": "- it reads",
	"SaveView": "- how somebody likes their own list is no part of the record", "DeleteView": "- as SaveView",
}

// ofContact says that the events are named after what is proved or changed.
const ofContact = "email. or phone., with what happened to it"

func TestEveryCommandIsOnRecord(t *testing.T) {
	t.Parallel()
	packages, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // of one package without build constraints
	require.NoError(t, err)
	var written strings.Builder // every text of the service
	found := map[string]bool{}
	for _, file := range packages["service"].Files {
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.BasicLit:
				written.WriteString(n.Value + "\n")
			case *ast.FuncDecl:
				if n.Recv != nil && n.Name.IsExported() && isService(n.Recv.List[0].Type) && takesActor(n) {
					found[n.Name.Name] = true
					require.NotEmpty(t, commands[n.Name.Name], "say in commands which events %s writes, and see that it does", n.Name.Name)
				}
			}
			return true
		})
	}
	for name, events := range commands {
		require.True(t, found[name], "%s is gone", name)
		if strings.HasPrefix(events, "- ") {
			continue
		}
		for event := range strings.FieldsSeq(events) {
			if kind, suffix, _ := strings.Cut(event, "."); suffix == "requested" && kind != "resubmit" {
				continue // of a decision, named after its kind
			}
			if event == "policy.changed" || event == "top_up.countersigned" || event == "top_up.declined" {
				continue // the store names it; named after the signature
			}
			require.Contains(t, written.String(), `"`+event+`"`, "of %s", name)
		}
	}
}

func isService(receiver ast.Expr) bool {
	star, ok := receiver.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := star.X.(*ast.Ident)
	return ok && name.Name == "Service"
}

func takesActor(f *ast.FuncDecl) bool {
	for _, parameter := range f.Type.Params.List {
		selector, ok := parameter.Type.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "actor" && selector.Sel.Name == "Actor" {
			return true
		}
	}
	return false
}
