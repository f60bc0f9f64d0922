package account

import (
	"time"

	"github.com/google/uuid"
)

// Account is a registered customer of the platform.
type Account struct {
	ID      uuid.UUID
	Name    string
	Email   string
	Phone   string // E.164
	Locale  string
	Company Company
	Status  Status
	Stage   Stage
	// StageSince is when the account entered its status and stage.
	StageSince time.Time
	// RemindAt and DeadlineAt are the deadlines of the stage; zero where it
	// has none.
	RemindAt   time.Time
	DeadlineAt time.Time
	// DecidedBy is the decision that made the present status; nil when no
	// staff member did. A review that goes on because documents have come since
	// changes were asked for keeps the decision that asked for them.
	DecidedBy *uuid.UUID
	// BlockedBy is an open decision to suspend, which blocks at once.
	BlockedBy *uuid.UUID
	// SuspendedUntil is when a suspension ends by itself; zero when it does not.
	SuspendedUntil time.Time
	RegisteredAt   time.Time
	// LastActiveAt is the last login, API or gate use; zero before the first, and of
	// an account that was read to be changed.
	LastActiveAt time.Time
	// Credits is the list's copy of available + held, a few seconds old at most;
	// zero of an account that was read to be changed.
	Credits int64
	// EmailVerified and PhoneVerified say that the user has proved to have the
	// mailbox and the phone.
	EmailVerified bool
	PhoneVerified bool
	// ContactReleased says that an expired application has given its e-mail
	// and phone back, for anyone to register with.
	ContactReleased bool
	// ErasedAt is when everything personal was taken out of a closed account;
	// zero before that.
	ErasedAt time.Time
}

// ErasedName stands for the name of the person and of the company of an account
// that was erased.
const ErasedName = "Erased account"

// Erased reports whether nothing personal is left of the account.
func (a Account) Erased() bool { return !a.ErasedAt.IsZero() }

// HasLogin reports whether somebody may still sign in for the account: it is
// neither closed nor has it given its e-mail back.
func (a Account) HasLogin() bool { return a.Status != Closed && !a.ContactReleased }

// State returns the account's status and stage.
func (a Account) State() State { return State{a.Status, a.Stage} }
