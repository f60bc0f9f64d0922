package web

import (
	"context"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// The kinds of access that take an account to be active. ActiveUser admits a
// session, UserOrKey an API key as well. KeyOrService admits an API key, and a
// service whose credential has the scope; Service such a service alone.
var (
	ActiveUser = Access{who: activeUser}
	UserOrKey  = Access{who: userOrKey}
)

// KeyOrService admits an API key, and services with the scope.
func KeyOrService(s actor.Scope) Access { return Access{who: keyOrService, scope: s} }

// Service admits services with the scope.
func Service(s actor.Scope) Access { return Access{who: service, scope: s} }

// credentials says which credentials of accounts each of these admits.
var credentials = map[who][]string{
	activeUser:   {store.PurposeSession},
	userOrKey:    {store.PurposeSession, purposeKey},
	keyOrService: {purposeKey},
	service:      {},
}

// purposeKey is the purpose of an API key, beside those of users' tokens.
const purposeKey = "api_key"

// admitsProgram returns nil when the caller may use a route of these kinds.
func (a Access) admitsProgram(caller Caller, now standing) error {
	if a.scope != "" && caller.Can(a.scope) {
		return nil
	}
	if caller.Kind != actor.Account || !slices.Contains(credentials[a.who], now.purpose) {
		return errForbidden
	}
	return now.pass()
}

// pass returns nil when an account may use what only active ones may, and
// otherwise says why not.
func (s standing) pass() error {
	switch {
	case s.barred():
		return errSuspended
	case s.status == account.Active:
		return nil
	case s.status == account.Pending:
		return fault.New(fault.AccountPending, "This account is not approved yet.")
	case s.status == account.Rejected:
		return fault.New(fault.AccountRejected, "The application of this account was rejected.")
	default:
		return fault.New(fault.AccountClosed, "This account is closed.")
	}
}

// barred reports whether the account is suspended, or about to be.
func (s standing) barred() bool { return s.blocked || s.status == account.Suspended }

func identifyKey(ctx context.Context, reader *store.Reader, caller *Caller, hash [32]byte) (standing, error) {
	pass, err := reader.PassByAPIKey(ctx, hash)
	if err != nil {
		return standing{}, unknownToken(err)
	}
	caller.Kind, caller.ID, caller.KeyID, caller.KeyEpoch = actor.Account, pass.AccountID, pass.CredentialID, pass.KeyEpoch
	caller.keyUsedAt, caller.keyHash = pass.UsedAt, hash
	return standing{purposeKey, pass.Status, pass.Blocked}, nil
}

func identifyService(ctx context.Context, reader *store.Reader, caller *Caller, hash [32]byte) error {
	found, err := reader.ServiceByToken(ctx, hash)
	if err != nil {
		return unknownToken(err)
	}
	caller.Kind, caller.ID, caller.Scopes = actor.Service, found.ID, found.Scopes
	return nil
}

// keyUsesApart is how exactly the last use of an API key is kept: a key that is
// used all the time is written to once in so long.
const keyUsesApart = time.Minute

// noteUse remembers that a credential was used and let in. The token of an
// upload is for one application, that of an appeal for one appeal: neither is a
// use of the account.
func (config Config) noteUse(caller *Caller) {
	kind := identity.TokenKind(caller.Token)
	if config.Uses == nil || kind == identity.UploadToken || kind == identity.AppealToken {
		return
	}
	switch caller.Kind {
	case actor.Account:
		config.Uses.Account(caller.ID, config.Now())
		config.noteKeyUse(caller)
	case actor.Staff:
		if caller.Session != nil {
			config.Uses.StaffSession(caller.Session.ID, config.Now())
		} else {
			config.Uses.StaffToken(caller.TokenID, config.Now())
		}
	case actor.Service:
		config.Uses.Service(caller.ID, config.Now())
	}
}

// noteKeyUse remembers that an API key was used, unless that was written down a
// short while ago.
func (config Config) noteKeyUse(caller *Caller) {
	now := config.Now()
	if config.Uses != nil && caller.KeyID != uuid.Nil && now.Sub(caller.keyUsedAt) >= keyUsesApart {
		config.Uses.APIKey(caller.KeyID, now)
		caller.keyUsedAt = now
	}
}

// NoteAccountUse remembers that an account was used by a service.
func NoteAccountUse(c *gin.Context, id uuid.UUID) {
	s := stateOf(c)
	if s.config.Uses != nil && s.caller.Kind == actor.Service {
		s.config.Uses.Account(id, s.config.Now())
	}
}

// pass is check, which says why not as fully as can be told, and remembers the use
// of a credential that was let in.
func (a Access) pass(c *gin.Context, config Config) error {
	err := a.check(c, config)
	caller := &stateOf(c).caller
	if err != nil {
		return explain(c, config.Reader, *caller, err)
	}
	config.noteUse(caller)
	if a.provenByHandler && caller.KeyID != uuid.Nil {
		config.keys.add(caller)
	}
	return nil
}

// explain adds to a refusal of a suspended account why it is suspended, since
// when and until when: once it is refused, it may take another query.
func explain(c *gin.Context, reader *store.Reader, caller Caller, err error) error {
	if !fault.Is(err, fault.AccountSuspended) {
		return err
	}
	why, readErr := reader.Suspension(c.Request.Context(), caller.ID)
	if readErr != nil {
		return err // refused it is
	}
	return why.Fault()
}
