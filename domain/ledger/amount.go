package ledger

import (
	"kibali/domain/account"
	"kibali/domain/fault"
)

// Most is the largest amount of a transfer, and the most that an account may
// have, available and held together. It is 2^53 - 1: the largest whole number
// that every reader of JSON reads exactly.
const Most int64 = 1<<53 - 1

// The codes of a field that is no amount, or not one that can be posted.
const (
	CodeNotPositive = "not_positive" // zero or negative, where negative is not permitted
	CodeZero        = "zero"         // where negative is permitted
	CodeTooLarge    = "too_large"    // past Most, alone or with what the account has
	CodeTooSmall    = "too_small"    // a negative amount past -Most
)

// CheckAmount returns what is wrong with an amount in a field: it must be from
// 1 to Most.
func CheckAmount(field string, amount int64) []fault.Field {
	switch {
	case amount <= 0:
		return []fault.Field{{Field: field, Code: CodeNotPositive, Detail: "Must be a whole number above zero."}}
	case amount > Most:
		return []fault.Field{tooLarge(field)}
	}
	return nil
}

// CheckTopUp is CheckAmount for a top-up, which may be negative when its reason
// is an adjustment.
func CheckTopUp(field string, amount int64, reason Reason) []fault.Field {
	switch {
	case reason != Adjustment || amount > 0:
		return CheckAmount(field, amount)
	case amount == 0:
		return []fault.Field{{Field: field, Code: CodeZero, Detail: "Must not be zero."}}
	case amount < -Most:
		return []fault.Field{{Field: field, Code: CodeTooSmall, Detail: "Is further below zero than any account's credits."}}
	}
	return nil
}

// TooLarge is what is wrong with an amount that would leave an account with
// more than Most.
func TooLarge(field string) error { return fault.InvalidFields(tooLarge(field)) }

func tooLarge(field string) fault.Field {
	return fault.Field{Field: field, Code: CodeTooLarge, Detail: "Is more than an account can have."}
}

// Permits reports whether a transfer of the kind may change the credits of an
// account with the status. The database's guard is made from it.
func (k Kind) Permits(status account.Status) bool {
	switch k {
	case Charge:
		return status == account.Active
	case TopUp:
		return status == account.Pending || status == account.Active || status == account.Suspended
	default: // what is taken back is taken back whatever has become of the account
		return true
	}
}

// Spends reports whether a transfer of the kind is a use of the platform, which
// a block forbids.
func (k Kind) Spends() bool { return k == Charge }

// Keeps reports whether credits that reach an account with the status are held.
// They are while it is suspended, and when it is closed, until they are settled.
func Keeps(status account.Status) bool {
	return status == account.Suspended || status == account.Closed
}
