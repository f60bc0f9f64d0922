package policy

import "kibali/domain/account"

// Contacts are the rules of proving an e-mail address and a phone.
type Contacts struct {
	// EmailRequired and PhoneRequired make approval wait for the proof.
	EmailRequired bool `json:"email_required"`
	PhoneRequired bool `json:"phone_required"`
	// EmailLink is how long the link is good that proves an e-mail address.
	EmailLink Duration `json:"email_link"`
}

// Unproved returns the contacts that an account must have proved before it is
// approved, and has not.
func (c Contacts) Unproved(a account.Account) []account.Contact {
	var unproved []account.Contact
	if c.EmailRequired && !a.EmailVerified {
		unproved = append(unproved, account.ContactEmail)
	}
	if c.PhoneRequired && !a.PhoneVerified {
		unproved = append(unproved, account.ContactPhone)
	}
	return unproved
}
