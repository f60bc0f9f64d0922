package console

import (
	"context"
	"slices"
	"strings"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
)

// verb is a decision that staff take by a form.
type verb struct {
	// Name names it in addresses and texts; the action does where it is empty.
	Name       string
	Action     account.Action
	permission actor.Permission
	command    func(*service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error)
	// recent asks for a recent sign-in.
	recent bool
	// permits reports whether the account, as it is, permits it; nil asks the
	// state machine.
	permits func(account.Account) bool
	// Appeal says that it answers the account's open appeal.
	Appeal bool
	// Reasoned asks for a reason of the action's list, with a text.
	Reasoned bool
	// Told asks for a text alone.
	Told bool
	// Coded asks for a reason of the action's list alone, of which nobody is told.
	Coded bool
	// Until asks when it ends by itself.
	Until bool
	// Tone is how the button looks: "success", "danger" or "".
	Tone string
	Icon string
	// Key presses the button.
	Key string
}

// verbs are all of them, in the order in which pages show them.
var verbs = []verb{
	{
		Action: account.Approve, permission: actor.Review, Tone: "success", Icon: "check", Key: "a",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.Approve
		},
	},
	{
		Action: account.RequestChanges, permission: actor.Review, Reasoned: true, Icon: "pencil", Key: "c",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.RequestChanges
		},
	},
	{
		Action: account.Reject, permission: actor.Review, Reasoned: true, Tone: "danger", Icon: "x", Key: "r",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.Reject
		},
	},
	{
		Action: account.Reactivate, permission: actor.ManageAccess, Tone: "success", Icon: "circle-play",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.Reactivate
		},
	},
	{
		Action: account.ChangeUntil, permission: actor.ManageAccess, Until: true, Icon: "clock",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.ChangeUntil
		},
	},
	{
		Action: account.Suspend, permission: actor.ManageAccess, Reasoned: true, Until: true, Tone: "danger", Icon: "circle-pause",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.Suspend
		},
	},
	{
		Name: "grant_appeal", Action: account.Reactivate, permission: actor.ManageAccess, Appeal: true, Tone: "success", Icon: "circle-play",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.GrantAppeal
		},
	},
	{
		Action: account.DismissAppeal, permission: actor.ManageAccess, Appeal: true, Told: true, Tone: "danger", Icon: "x",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.DismissAppeal
		},
	},
	{
		Action: account.ForceReset, permission: actor.ForceReset, recent: true, permits: account.Account.HasLogin, Icon: "lock",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.ForceReset
		},
	},
	{
		Action: account.Close, permission: actor.ManageAccess, Told: true, Tone: "danger", Icon: "archive",
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.Close
		},
	},
	{
		Action: account.Erase, permission: actor.ManageData, recent: true, Coded: true, Tone: "danger", Icon: "trash-2",
		permits: func(a account.Account) bool { return a.Status == account.Closed && !a.Erased() },
		command: func(s *service.Service) func(context.Context, actor.Actor, service.Ask) (service.Decided, error) {
			return s.Erase
		},
	},
}

// Called is the name of the verb in texts.
func (v verb) Called() string {
	if v.Name != "" {
		return v.Name
	}
	return string(v.Action)
}

// Path is the last part of the address of the verb's form.
func (v verb) Path() string { return strings.ReplaceAll(v.Called(), "_", "-") }

// verbOf returns the verb of a path.
func verbOf(path string) (verb, bool) {
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.Path() == path })
	if i < 0 {
		return verb{}, false
	}
	return verbs[i], true
}

// verbsFor returns the verbs that the caller may use on the account as it is,
// of those that are asked for. Answers to appeals stand beside the appeal.
func verbsFor(caller actor.Actor, view store.AccountView, asked ...account.Action) []verb {
	var found []verb
	for _, v := range verbs {
		if slices.Contains(asked, v.Action) && !v.Appeal && caller.May(v.permission) && v.fits(view.Account) {
			found = append(found, v)
		}
	}
	return found
}

// answersFor returns the verbs that answer an appeal.
func answersFor(caller actor.Actor) []verb {
	return slices.DeleteFunc(slices.Clone(verbs), func(v verb) bool { return !v.Appeal || !caller.May(v.permission) })
}

// fits reports whether an account, as it is, permits the verb.
func (v verb) fits(a account.Account) bool {
	if v.permits != nil {
		return v.permits(a)
	}
	_, _, err := account.Next(a.Status, a.Stage, v.Action)
	return err == nil
}
