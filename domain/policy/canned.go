package policy

import (
	"fmt"
	"slices"

	"kibali/domain/account"
	"kibali/domain/fault"
)

// CannedReason is a text that staff begin from when they give the reason of a
// decision. They may change it before it is sent.
type CannedReason struct {
	Action account.Action     `json:"action"`
	Code   account.ReasonCode `json:"code"`
	// Text is what the user would read, by language.
	Text map[string]string `json:"text"`
}

// In returns the text in a language, in English where it has no other.
func (c CannedReason) In(locale string) string {
	if text, ok := c.Text[locale]; ok {
		return text
	}
	return c.Text["en"]
}

// CannedFor returns the canned reasons of an action, in the order in which forms
// show them.
func (p Policy) CannedFor(action account.Action) []CannedReason {
	return slices.DeleteFunc(slices.Clone(p.Canned), func(c CannedReason) bool { return c.Action != action })
}

// maxCanned bounds how many there are: forms show all of an action.
const maxCanned = 100

func refuseCanned(canned []CannedReason) []fault.Field {
	if len(canned) > maxCanned {
		return []fault.Field{{Field: "canned_reasons", Code: "invalid", Detail: fmt.Sprintf("May be at most %d.", maxCanned)}}
	}
	var bad []fault.Field
	for i, c := range canned {
		field := fmt.Sprintf("canned_reasons.%d", i)
		if !slices.Contains(account.ReasonCodes(c.Action), c.Code) {
			bad = append(bad, fault.Field{Field: field + ".code", Code: "invalid", Detail: "Must be a reason code of the action."})
		}
		if c.Text["en"] == "" {
			bad = append(bad, fault.Field{Field: field + ".text", Code: "required", Detail: "Must have a text in English."})
		}
		for _, text := range c.Text {
			reason := account.Reason{Code: c.Code, Text: text}
			if kept, err := reason.Normalise(c.Action); err != nil || kept.Text != text {
				bad = append(bad, fault.Field{Field: field + ".text", Code: "invalid", Detail: "Must be a reason as it is stored: 1 to 1000 characters, trimmed."})
				break
			}
		}
	}
	return bad
}

// defaultCanned are the canned reasons of a new installation.
func defaultCanned() []CannedReason {
	reason := func(action account.Action, code account.ReasonCode, en, sw string) CannedReason {
		return CannedReason{Action: action, Code: code, Text: map[string]string{"en": en, "sw": sw}}
	}
	return []CannedReason{
		reason(account.RequestChanges, account.ReasonDocumentsMissing,
			"Please upload your business licence and your TIN certificate.",
			"Tafadhali pakia leseni ya biashara na cheti cha TIN."),
		reason(account.RequestChanges, account.ReasonDocumentsUnreadable,
			"A document cannot be read. Please upload it again as a sharp photo or scan with all four corners.",
			"Hati moja haisomeki. Tafadhali ipakie tena ikiwa picha inayoonekana vizuri na pembe zote nne."),
		reason(account.RequestChanges, account.ReasonDetailsMismatch,
			"The details you entered differ from your documents. Please correct them so that both say the same.",
			"Taarifa ulizojaza zinatofautiana na hati zako. Tafadhali zirekebishe ili zilingane."),
		reason(account.Reject, account.ReasonDocumentsMissing,
			"The documents that we asked for were not provided.",
			"Hati tulizoomba hazikuletwa."),
		reason(account.Reject, account.ReasonDocumentsUnreadable,
			"The documents cannot be read, so the company could not be verified.",
			"Hati hazisomeki, hivyo kampuni haikuweza kuthibitishwa."),
		reason(account.Reject, account.ReasonDetailsMismatch,
			"The company in the documents is not the one that was registered.",
			"Kampuni iliyo kwenye hati siyo iliyosajiliwa."),
		reason(account.Reject, account.ReasonNotEligible,
			"The service is for companies and organisations that are registered in Tanzania.",
			"Huduma hii ni kwa kampuni na taasisi zilizosajiliwa Tanzania."),
		reason(account.Suspend, account.ReasonTerms,
			"Messages were sent that our terms of use do not permit.",
			"Ujumbe uliotumwa hauruhusiwi na masharti yetu ya matumizi."),
		reason(account.Suspend, account.ReasonRegulation,
			"The regulator (TCRA) has asked us to suspend the sending of messages from this account.",
			"Mamlaka ya Mawasiliano (TCRA) imetuomba kusimamisha utumaji wa ujumbe kutoka akaunti hii."),
		reason(account.Suspend, account.ReasonFraud,
			"Messages from this account were reported as fraudulent. We are looking into it.",
			"Ujumbe kutoka akaunti hii umeripotiwa kuwa wa udanganyifu. Tunalichunguza."),
		reason(account.Suspend, account.ReasonNonPayment,
			"An invoice of this account has not been paid.",
			"Ankara ya akaunti hii haijalipwa."),
	}
}
