package portal

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// contactView is what a user sees of how they are reached.
type contactView struct {
	Form  *page.Form // of the code
	Email contactState
	Phone contactState
}

// contactState is how far the proof of a contact is.
type contactState struct {
	Value    string
	Verified bool
	// Pending is the new address or number that waits to be proved.
	Pending string
	// Sent says that a link or a code is on its way, or has arrived.
	Sent bool
}

// contact shows what is proved, what is not, and what may be done about it.
func (s *server) contact(c *gin.Context) { s.showContact(c, http.StatusOK, page.NewForm()) }

func (s *server) showContact(c *gin.Context, status int, form *page.Form) {
	of := readerOf(c).Account
	view := contactView{
		Form:  form,
		Email: contactState{Value: of.Email, Verified: of.EmailVerified}, Phone: contactState{Value: of.Phone, Verified: of.PhoneVerified},
	}
	open, err := s.reader.OpenProofs(c.Request.Context(), of.ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	for _, p := range open {
		state := &view.Email
		if p.Contact == account.ContactPhone {
			state = &view.Phone
		}
		if p.Change {
			state.Pending = p.Value
		}
		state.Sent = !p.Over(s.now()) && p.Tries < account.CodeTries
	}
	s.face.Render(c, status, "contact", view)
}

// sendProof has a link or a code sent.
func (s *server) sendProof(contact account.Contact) gin.HandlerFunc {
	return func(c *gin.Context) {
		_, err := s.service.AskProof(c.Request.Context(), web.CallerOf(c).Actor, contact)
		switch {
		case err == nil:
			s.face.Tell(c, sentNotice(contact))
			page.See(c, contactPath)
		case fault.Is(err, fault.Conflict): // it was proved elsewhere
			page.See(c, contactPath)
		default:
			web.Fail(c, err)
		}
	}
}

// sentNotice is what a reader is told of a link or a code that is on its way.
func sentNotice(contact account.Contact) string {
	if contact == account.ContactPhone {
		return "notice.phone_proof_sent"
	}
	return "notice.email_proof_sent"
}

// confirmPhone tries a code.
func (s *server) confirmPhone(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	_, err = s.service.ConfirmPhone(c.Request.Context(), web.CallerOf(c).Actor, form.Value("code"))
	switch {
	case err == nil:
		s.face.Tell(c, "notice.phone_proved")
		page.See(c, contactPath)
	case form.Refused(err):
		s.showContact(c, http.StatusUnprocessableEntity, form)
	default:
		web.Fail(c, err)
	}
}

// changeView is what the form of another address or phone shows.
type changeView struct {
	Form    *page.Form
	Contact account.Contact
	Path    string
}

// changeForm asks for another address or phone, and for the password.
func (s *server) changeForm(contact account.Contact) gin.HandlerFunc {
	return func(c *gin.Context) {
		s.face.Render(c, http.StatusOK, "change", changeView{Form: page.NewForm(), Contact: contact, Path: c.FullPath()})
	}
}

// changeContact has the new one proved; nothing changes before.
func (s *server) changeContact(contact account.Contact) gin.HandlerFunc {
	return func(c *gin.Context) {
		form, err := page.ReadForm(c)
		if err != nil {
			web.Fail(c, err)
			return
		}
		caller := web.CallerOf(c)
		_, err = s.service.ChangeContact(c.Request.Context(), caller.Actor, service.ContactChange{
			Contact: contact, Value: form.Value(string(contact)), Password: form.Value("current_password"), Session: caller.SessionID,
		})
		switch {
		case err == nil:
			s.face.Tell(c, sentNotice(contact))
			page.See(c, contactPath)
		case form.Refused(err):
			s.face.Render(c, http.StatusUnprocessableEntity, "change", changeView{Form: form, Contact: contact, Path: c.FullPath()})
		default:
			web.Fail(c, err)
		}
	}
}

// verifyView is what the page behind a link that proves an address shows.
type verifyView struct {
	Path string // of the page, which its form is sent to
	// State is "ask" while the link is good, "done", "spent" or "taken".
	State string
}

// verifyForm asks to confirm an address. Opening it uses nothing up: programs
// that look at e-mails do.
func (s *server) verifyForm(c *gin.Context) {
	web.SecretAddress(c)
	s.showVerify(c, http.StatusOK, "")
}

// showVerify shows how the link of the page stands, or what came of its use.
func (s *server) showVerify(c *gin.Context, status int, state string) {
	p, err := s.reader.ProofByToken(c.Request.Context(), identity.HashToken(c.Param("token")))
	switch {
	case err != nil && !fault.Is(err, fault.NotFound):
		web.Fail(c, err)
		return
	case state != "":
	case err != nil:
		state = "spent"
	case p.Outcome == store.ProofProved:
		state = "done"
	case p.Over(s.now()):
		state = "spent"
	default:
		state = "ask"
	}
	s.face.Render(c, status, "verify", verifyView{Path: c.Request.URL.Path, State: state})
}

// verify confirms an address. Sent twice, it is confirmed once and says so
// twice.
func (s *server) verify(c *gin.Context) {
	web.SecretAddress(c)
	err := s.service.CompleteEmailProof(c.Request.Context(), web.CallerOf(c).Actor, c.Param("token"))
	switch {
	case err == nil:
		s.showVerify(c, http.StatusOK, "done")
	case fault.Is(err, fault.Taken):
		s.showVerify(c, http.StatusConflict, "taken")
	case fault.Is(err, fault.Invalid):
		s.showVerify(c, http.StatusUnprocessableEntity, "")
	default:
		web.Fail(c, err)
	}
}
