package demo

import (
	"time"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/ledger"
)

// story is what happens to an account after it is registered.
type story []step

// step is one thing that happens; one of its fields is set.
type step struct {
	document account.DocumentKind
	decision *decision
	// resubmit is a corrected application.
	resubmit bool
	// login is the user looking in.
	login bool
	aside aside
	// alone is how many credits the step gives on one person's word.
	alone int64
}

// decision is what a staff member decides.
type decision struct {
	by     actor.Role
	action account.Action
	code   account.ReasonCode
	reason string
	note   string
	until  time.Duration // from now on; zero is for good
}

func tell(steps ...story) story {
	var whole story
	for _, s := range steps {
		whole = append(whole, s...)
	}
	return whole
}

func decide(d decision) story { return story{{decision: &d}} }

var (
	certificate = story{{document: account.TINCertificate}}
	licence     = story{{document: account.BusinessLicence}}
	photo       = story{{document: account.DirectorID}}
	login       = story{{login: true}}
	again       = story{{resubmit: true}}

	approve = decide(decision{by: actor.Reviewer, action: account.Approve, note: "Licence and TIN checked."})
)

const year = 365 * 24 * time.Hour

// The stories, by how they end.
var (
	awaitingDocuments = story(nil)
	inReview          = tell(certificate, licence, photo)
	changesRequested  = tell(licence, decide(decision{
		by: actor.Reviewer, action: account.RequestChanges, code: account.ReasonDetailsMismatch,
		reason: "The name on the business licence is not the company's name on the application.", note: "Asked for the current licence.",
	}))

	active             = tell(certificate, photo, approve, login)
	activeAfterChanges = tell(certificate, decide(decision{
		by: actor.Reviewer, action: account.RequestChanges, code: account.ReasonDocumentsUnreadable,
		reason: "The TIN certificate cannot be read. Please upload a sharper copy.",
	}), again, photo, approve, login)
	activeAfterRejection = tell(certificate, decide(decision{
		by: actor.Reviewer, action: account.Reject, code: account.ReasonDocumentsMissing,
		reason: "The certificate of incorporation is missing.",
	}), again, photo, decide(decision{by: actor.Admin, action: account.Approve, note: "Complete the second time."}), login)
	activeAgain = tell(active, suspend(account.ReasonNonPayment, "An invoice is overdue.", 0), decide(decision{
		by: actor.Admin, action: account.Reactivate, note: "Paid.",
	}))

	// Of those who use the platform.
	shopkeeper = tell(active,
		bought(5_000, ledger.Refund, "Invoice 2026-0417."), keyed("Web shop", true), keyed("Old till", false),
		charged(120, "Campaign: Saba Saba"), wrote(3, "Karibu! Leo bei ya nyanya ni nafuu sokoni Kariakoo."),
		charged(45, "Order updates"), wrote(1, "Oda yako iko njiani."))
	lender = tell(active,
		bought(9_000, ledger.Refund, "Invoice 2026-0431."), signed(150_000, ledger.Refund, "Invoice 2026-0502, paid by bank.", account.Countersign, "Seen on the statement."),
		keyed("Core banking", true), charged(2_300, "Repayment reminders"), wrote(2, "Your repayment of TZS 45,000 is due on Friday."))
	grower = tell(active,
		bought(3_000, ledger.Complimentary, "Welcome."), keyed("Field officers", true), charged(260, "Prices of the week"),
		bought(-500, ledger.Adjustment, "Given twice by mistake."))
	carrier = tell(active,
		bought(8_000, ledger.Refund, "Invoice 2026-0440."), keyed("Dispatch", true), charged(640, "Delivery notices"),
		wrote(2, "Mzigo wako utafika leo saa kumi jioni."), proposed(180_000, ledger.Refund, "Invoice 2026-0519: a whole year ahead."))
	school = tell(active,
		bought(1_500, ledger.Complimentary, "Welcome."), keyed("Timetable", false), wrote(3, "Mitihani inaanza Jumatatu saa mbili asubuhi."))
	provider = tell(active,
		signed(400_000, ledger.Complimentary, "For their partners.", account.Decline, "Not without a contract."),
		proposed(120_000, ledger.Refund, "Invoice 2026-0523."), bought(900, ledger.Refund, "Invoice 2026-0388."), charged(899, "Alerts"))

	suspendedFraud    = tell(active, bought(12_000, ledger.Refund, "Invoice 2026-0399."), charged(3_150, "Loans"), suspend(account.ReasonFraud, "Messages that imitate a bank were reported.", 0))
	suspendedTerms    = tell(active, suspend(account.ReasonTerms, "Advertising to people who had asked for none.", 0))
	suspendedPromoter = tell(active, bought(7_500, ledger.Refund, "Invoice 2026-0402."), charged(1_020, "Promotion"),
		suspend(account.ReasonTerms, "Advertising to people who had asked for none.", 0),
		appealed("All of them had signed up at our stand at the trade fair; we can show the forms."))
	suspendedUnpaid      = tell(active, bought(2_000, ledger.Complimentary, "Welcome."), charged(1_700, "Price list"), suspend(account.ReasonNonPayment, "Two invoices are overdue.", 0))
	suspendedByRegulator = tell(active, suspend(account.ReasonRegulation, "The regulator has ordered the sender name blocked.", 0))
	suspendedUntil       = tell(active, bought(4_000, ledger.Refund, "Invoice 2026-0411."), suspend(account.ReasonTerms, "Repeated messages at night.", 5*year))

	rejectedNotEligible = tell(certificate, reject(account.ReasonNotEligible, "Lotteries need a licence of the Gaming Board."))
	rejectedMismatch    = tell(certificate, photo, reject(account.ReasonDetailsMismatch, "The TIN belongs to another company."))
	rejectedUnreadable  = tell(photo, reject(account.ReasonDocumentsUnreadable, "The photo of the identity card is too dark to read."))
	rejectedMissing     = reject(account.ReasonDocumentsMissing, "No documents were handed in.")
	rejectedTwice       = tell(certificate, reject(account.ReasonDocumentsMissing, "The business licence has expired."), again,
		reject(account.ReasonOther, "The new licence is for another line of business."))

	closedActive    = tell(active, closeIt("Closed at the customer's request."))
	closedSuspended = tell(suspendedTerms, closeIt("The terms were broken again."))
	closedRejected  = tell(rejectedMissing, closeIt("The company no longer exists."))
)

func suspend(code account.ReasonCode, reason string, until time.Duration) story {
	return decide(decision{by: actor.Admin, action: account.Suspend, code: code, reason: reason, until: until})
}

func reject(code account.ReasonCode, reason string) story {
	return decide(decision{by: actor.Reviewer, action: account.Reject, code: code, reason: reason})
}

func closeIt(reason string) story {
	return decide(decision{by: actor.Admin, action: account.Close, reason: reason})
}

// outcome is the state that a story ends in.
func (s story) outcome() account.State {
	state := account.Registered
	move := func(action account.Action) {
		if status, stage, err := account.Next(state.Status, state.Stage, action); err == nil {
			state = account.State{Status: status, Stage: stage}
		}
	}
	for _, step := range s {
		switch {
		case step.document != "":
			move(account.DocumentsReceived)
		case step.resubmit:
			move(account.Resubmit)
		case step.decision != nil:
			move(step.decision.action)
		}
	}
	return state
}
