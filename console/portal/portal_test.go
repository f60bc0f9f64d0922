package portal_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process/processtest"
	"kibali/devstack/browser/browsertest"
	"kibali/devstack/devtest"
	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/store"
)

func TestMain(m *testing.M) { devtest.Main(m, browsertest.Stop) }

// stand is everything, for the steps of one test.
type stand struct {
	*processtest.Stand
}

// by returns a staff member of a role.
func (s stand) by(role actor.Role) actor.Actor {
	return actor.Actor{Kind: actor.Staff, ID: s.Staff[role].ID, Role: role}
}

// active returns an account that was approved.
func (s stand) active(t *testing.T) account.Account {
	t.Helper()
	a := s.Register(t, nil)
	s.approve(t, a)
	return a
}

func (s stand) approve(t *testing.T, a account.Account) {
	t.Helper()
	decided, err := s.Process.Service.Approve(t.Context(), s.by(actor.Reviewer), service.Ask{AccountID: a.ID})
	require.NoError(t, err)
	require.True(t, decided.Done)
}

func (s stand) reject(t *testing.T, a account.Account, reason string) {
	t.Helper()
	decided, err := s.Process.Service.Reject(t.Context(), s.by(actor.Reviewer), service.Ask{AccountID: a.ID, ReasonCode: string(account.ReasonDetailsMismatch), Reason: reason})
	require.NoError(t, err)
	require.True(t, decided.Done)
}

func (s stand) suspend(t *testing.T, a account.Account, reason string) {
	t.Helper()
	decided, err := s.Process.Service.Suspend(t.Context(), s.by(actor.Admin), service.Ask{AccountID: a.ID, ReasonCode: string(account.ReasonTerms), Reason: reason})
	require.NoError(t, err)
	require.True(t, decided.Done)
}

// logIn opens a window in which the user of an account has logged in.
func (s stand) logIn(t *testing.T, a account.Account, look browsertest.Look) *browsertest.Window {
	t.Helper()
	w := browsertest.Open(t, s.URL, look)
	w.Go("/login")
	enter(w, a.Email, processtest.Password)
	w.See("nav.sections")
	return w
}

const send = "#form button[type=submit]"

func enter(w *browsertest.Window, email, password string) {
	w.Fill("#email", email)
	w.Fill("#password", password)
	w.Click(send)
}

// choose puts a file into a field, as a person's choice does: the same file when
// it is chosen again.
func choose(w *browsertest.Window, selector, name, kind string, content []byte) {
	browsertest.Eval[bool](w, fmt.Sprintf(`(() => {
		const bytes = Uint8Array.from(atob(%q), c => c.charCodeAt(0));
		const chosen = new DataTransfer();
		chosen.items.add(new File([bytes], %q, {type: %q, lastModified: 1}));
		const field = document.querySelector(%q);
		field.files = chosen.files;
		field.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, base64.StdEncoding.EncodeToString(content), name, kind, selector))
}

// refused waits until a form has come back with what is wrong, and the reader
// stands before it.
func refused(w *browsertest.Window, text string) {
	w.Read(text)
	w.Until(`document.activeElement.id === "wrong" && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling")`)
}

var phones = time.Now().UnixNano() % 1_000_000

// details fills in who registers, and returns the e-mail.
func details(w *browsertest.Window, name string) string {
	phones++
	email := fmt.Sprintf("neema%d@pwani.example", phones)
	w.Fill("#name", name)
	w.Fill("#email", email)
	w.Fill("#phone", fmt.Sprintf("0755%06d", phones%1_000_000))
	w.Fill(`[id="company.name"]`, "Pwani Traders Ltd")
	w.Put(`[id="company.industry"]`, "retail")
	w.Fill("#password", processtest.Password)
	return email
}

func TestPortal(t *testing.T) {
	t.Parallel()
	s := stand{processtest.Start(t)}
	for name, step := range map[string]func(*testing.T, stand){
		"leads from the registration to the first API key":                 wholeWay,
		"works without JavaScript":                                         withoutScript,
		"tells a suspended user why, and takes an appeal":                  suspended,
		"lets a rejected user correct what was wrong, all of it filled in": rejected,
		"has an e-mail and a phone confirmed and changed":                  contacts,
		"lets a forgotten password be replaced":                            forgotten,
		"speaks Swahili, and keeps what was typed":                         swahili,
		"keeps what was typed when the session ends":                       sessionEnds,
		"hands a user's data out":                                          takesData,
		"logs a suspended user out for good":                               logsOut,
		"runs nothing that people wrote":                                   probes,
		"takes ten thousand characters in every field":                     tooLong,
		"goes on with a file where the line was cut":                       cutUpload,
		"does a thing once that is sent twice":                             twice,
		"says of a link that it is spent":                                  spentLink,
	} {
		t.Run(name, func(t *testing.T) { step(t, s) })
	}
}

func wholeWay(t *testing.T, s stand) {
	w := browsertest.Open(t, s.URL, browsertest.Look{Width: 360, Height: 740})
	w.Expected = []string{"status of 422"} // the console tells of an answer that a form was sent back with
	w.Go("/")
	w.Fits()
	w.Click(`a[href="/register"]`)
	w.At("/register")
	w.Click(send)
	refused(w, "Tell us your name.")
	w.Read("Choose a password.")
	w.Fits()
	w.Accessible()
	email := details(w, "Neema Mushi")
	w.Fill("#phone", "022 211 0000")
	w.Click(send)
	refused(w, "This number cannot receive SMS.")
	require.Equal(t, processtest.Password, browsertest.Eval[string](w, `document.querySelector("#password").value`), "what was typed stays, the password too")
	phones++
	w.Fill("#phone", fmt.Sprintf("0755%06d", phones%1_000_000))
	w.Click(send)
	w.At("/documents")
	w.Read("None yet.")

	choose(w, "#file", "notes.txt", "text/plain", []byte("no picture"))
	w.Click(send)
	refused(w, "This is no JPEG, PNG, WebP or PDF.")
	require.Equal(t, "environment", browsertest.Eval[string](w, `document.querySelector("#photo").getAttribute("capture")`))
	choose(w, "#photo", "licence.jpg", "image/jpeg", sample.JPEG(640, 480, 1))
	w.Click(send)
	w.Read("The document has arrived.")
	w.Read("licence.jpg")
	w.Fits()
	w.Accessible()
	w.Click(`a[href="/status"]`)
	w.At("/status")
	w.Read("We are reviewing your application")
	w.Read("What happens next")
	w.Read("Expect an answer by")
	w.Accessible()
	w.Go("/")
	w.At("/status")

	login, err := s.Process.Store.Reader().LoginByEmail(t.Context(), email)
	require.NoError(t, err)
	s.approve(t, account.Account{ID: login.AccountID})
	w.Go("/status")
	w.Read("Your application is approved")
	w.Click(`main a[href="/login"]`)
	enter(w, email, processtest.Password)
	w.At("/home")
	w.Read("Pwani Traders Ltd")
	w.Read("Credits available")
}

func withoutScript(t *testing.T, s stand) {
	w := browsertest.Open(t, s.URL, browsertest.Look{NoScript: true})
	w.Expected = []string{"status of 422"}
	w.Go("/register")
	email := details(w, "Asha Juma")
	w.Fill("#phone", "12")
	w.Click(send)
	w.Read("This is no phone number.")
	w.Read("Type the password once more")
	w.Fill("#phone", fmt.Sprintf("0756%06d", phones%1_000_000))
	w.Fill("#password", processtest.Password)
	w.Click(send)
	w.At("/documents")
	w.Click(send)
	w.Read("Choose a file, or take a picture.")
	choose(w, "#file", "tin.pdf", "application/pdf", sample.PDF("TIN", email))
	w.Click(send)
	w.Read("The document has arrived.")
	w.Go("/login")
	enter(w, email, processtest.Password)
	w.At("/status")
	w.Click(".switch button[value=sw]")
	w.Read("Tunapitia ombi lako")
	w.Click(`form[action="/logout"] button`)
	w.At("/login")
	w.Read("Umeondoka.")
}

func suspended(t *testing.T, s stand) {
	a := s.active(t)
	before := s.logIn(t, a, browsertest.Look{})
	before.Expected = []string{"status of 403"}
	s.suspend(t, a, "Messages at night.\nThree times.")
	before.Go("/billing")
	before.Read("Messages at night.")
	before.Read("To appeal, log in again")

	w := browsertest.Open(t, s.URL, browsertest.Look{Dark: true})
	w.Expected = []string{"status of 4"}
	w.Go("/login")
	enter(w, a.Email, "another password altogether")
	w.Read("The e-mail or the password is wrong.")
	require.NotContains(t, w.Seen(), "suspended", "only the right password is told why")
	enter(w, a.Email, processtest.Password)
	w.Read("Your account is suspended")
	w.Read("Messages at night.")
	w.Read("Breach of terms")
	w.Read("no end is set")
	w.Accessible()
	w.Click(send)
	refused(w, "Write what happened.")
	w.Fill("#text", "It was a test of <b>ours</b>.")
	w.Click(send)
	w.Read("Your appeal has arrived.")
	w.Accessible()
	appeal, err := s.Process.Store.Reader().OpenAppeal(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, "It was a test of <b>ours</b>.", appeal.Text)
	w.Go("/login")
	enter(w, a.Email, processtest.Password)
	w.Read("We are looking at your appeal of")
}

func rejected(t *testing.T, s stand) {
	a := s.Register(t, nil)
	s.reject(t, a, "The TIN belongs to another company.")
	w := s.logIn(t, a, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.At("/status")
	w.Read("Your application was not approved")
	w.Read("The TIN belongs to another company.")
	w.Accessible()
	w.Click(`a[href="/correct"]`)
	w.Until(`document.querySelector("[id='company.tin']").value !== ""`)
	require.Equal(t, a.Company.Name, browsertest.Eval[string](w, `document.querySelector("[id='company.name']").value`))
	w.Accessible()
	w.Fill(`[id="company.tin"]`, "12")
	w.Click(send)
	refused(w, "A TIN has nine digits")
	w.Fill(`[id="company.tin"]`, "123-456-780")
	w.Click(send)
	w.At("/documents")
	w.Read("Your corrected application has arrived.")
	view, err := s.Process.Store.Reader().Account(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, "123456780", view.Company.TIN)
	require.Equal(t, account.Pending, view.Status)
}

// arrives waits for what matches in a message to an address or phone, and returns
// the newest.
func arrives(t *testing.T, s stand, to string, looked *regexp.Regexp) (found string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, item := range s.Inbox.List() { // the newest first
			if match := looked.FindString(item.Text); item.To == to && match != "" {
				found = match
				return true
			}
		}
		return false
	}, 20*time.Second, 20*time.Millisecond)
	return found
}

var (
	verifyLink = regexp.MustCompile(`(?m)/verify-email/\S+$`)
	phoneCode  = regexp.MustCompile(`\b[0-9]{6}\b`)
)

func contacts(t *testing.T, s stand) {
	a := s.Register(t, nil)
	stranger := browsertest.Open(t, s.URL, browsertest.Look{})
	stranger.Expected = []string{"status of 4"}
	link := arrives(t, s, a.Email, verifyLink)
	stranger.Go(link)
	stranger.Go(link) // looking at it uses nothing up
	stranger.Accessible()
	stranger.Click("main button[type=submit]")
	stranger.Read("The e-mail address is confirmed.")
	stranger.Accessible()
	stranger.Go(link)
	stranger.Read("The e-mail address is confirmed.")
	stranger.Go("/verify-email/kbe_nothing")
	stranger.Read("This link has expired")

	w := s.logIn(t, a, browsertest.Look{})
	w.Expected = []string{"status of 4"}
	w.Go("/status")
	w.Click(`a[href="/contact"]`)
	w.At("/contact")
	w.Click(`form[action="/contact/phone/proof"] button`)
	w.Read("The code is on its way.")
	w.Accessible()
	code := arrives(t, s, a.Phone, phoneCode)
	w.Fill("#code", "12345")
	w.Click(`form[action="/contact/phone/confirm"] button`)
	w.Read("The code has six digits.")
	w.Accessible()
	w.Fill("#code", code)
	w.Click(`form[action="/contact/phone/confirm"] button`)
	w.Read("The phone is confirmed.")

	w.Click(`a[href="/contact/email"]`)
	w.At("/contact/email")
	w.Fill("#email", a.Email)
	w.Fill("#current_password", "wrong")
	w.Click("main button[type=submit]")
	w.Read("This is not your present password.")
	w.Accessible()
	view, err := s.Process.Store.Reader().Account(t.Context(), a.ID)
	require.NoError(t, err)
	require.True(t, view.EmailVerified)
	require.True(t, view.PhoneVerified)
}

var resetLink = regexp.MustCompile(`(?m)/reset-password/\S+$`)

func forgotten(t *testing.T, s stand) {
	a := s.active(t)
	w := browsertest.Open(t, s.URL, browsertest.Look{})
	w.Expected = []string{"status of 4"}
	w.Go("/forgot-password")
	w.Accessible()
	w.Fill("#email", "nobody@example.co.tz")
	w.Click(send)
	w.Read("If there is an account with this e-mail")
	said := browsertest.Eval[string](w, "document.querySelector('main').innerText")
	w.Go("/forgot-password")
	w.Fill("#email", a.Email)
	w.Click(send)
	w.Read("If there is an account with this e-mail")
	require.Equal(t, said, browsertest.Eval[string](w, "document.querySelector('main').innerText"), "nobody learns who is registered")
	link := ""
	require.Eventually(t, func() bool {
		for _, item := range s.Inbox.List() {
			if found := resetLink.FindString(item.Text); item.To == a.Email && found != "" {
				link = found
			}
		}
		return link != ""
	}, 20*time.Second, 20*time.Millisecond)
	w.Go(link)
	w.Go(link) // looking at it uses nothing up
	w.Accessible()
	require.Empty(t, browsertest.Eval[string](w, `(() => { const a = document.createElement("a"); return document.referrer; })()`))
	w.Fill("#password", "short")
	w.Click(send)
	refused(w, "Is too short: at least 12 characters.")
	const another = "a brown kettle on nine shelves"
	w.Fill("#password", another)
	w.Click(send)
	w.At("/login")
	w.Read("Your new password counts from now on.")
	enter(w, a.Email, processtest.Password)
	w.Read("The e-mail or the password is wrong.")
	enter(w, a.Email, another)
	w.At("/home")
	w.Go(link)
	w.Read("This link has expired")
}

func spentLink(t *testing.T, s stand) {
	w := browsertest.Open(t, s.URL, browsertest.Look{})
	w.Go("/reset-password/kbr_nothing")
	w.Read("This link has expired")
	w.Accessible()
	w.Click(`a[href="/forgot-password"]`)
	w.At("/forgot-password")
}

func swahili(t *testing.T, s stand) {
	w := browsertest.Open(t, s.URL, browsertest.Look{})
	w.Expected = []string{"status of 422"}
	w.Go("/register")
	w.Fill("#name", "Neema")
	w.Click(".switch button[value=sw]")
	w.Read("Sajili kampuni yako")
	require.Equal(t, "Neema", browsertest.Eval[string](w, `document.querySelector("#name").value`))
	w.Click(send)
	w.Read("Weka barua pepe yako")
	w.Accessible()
	require.Equal(t, "sw", browsertest.Eval[string](w, "document.documentElement.lang"))

	a := s.Register(t, func(app *account.Application) { app.Locale = "sw" })
	own := s.logIn(t, a, browsertest.Look{})
	own.Read("Tunasubiri hati zako") // the account's language, without a choice
}

func sessionEnds(t *testing.T, s stand) {
	a := s.Register(t, nil)
	s.reject(t, a, "Where is the address?")
	w := s.logIn(t, a, browsertest.Look{})
	w.Expected = []string{"status of 401"}
	w.Go("/correct")
	w.Click("details.more:not([open]) summary, details.more summary")
	browsertest.Eval[bool](w, `document.querySelector("details.more").open = true`)
	w.Fill(`[id="company.address"]`, "Plot 7, Samora Avenue")
	_, err := s.Owner.Exec(t.Context(), `UPDATE sessions SET ended_at = now() WHERE account_id = $1`, a.ID)
	require.NoError(t, err)
	w.Click(send)
	w.Read("Your session has ended.")
	w.Accessible()
	enter(w, a.Email, processtest.Password)
	w.Read("You are logged in again")
	w.Click("main form button[type=submit]")
	w.Read("Your corrected application has arrived.")
	view, err := s.Process.Store.Reader().Account(t.Context(), a.ID)
	require.NoError(t, err)
	require.Equal(t, "Plot 7, Samora Avenue", view.Company.Address)
}

func probes(t *testing.T, s stand) {
	const probe = `"><img src=x onerror=alert(1)><script>alert(1)</script>`
	a := s.Register(t, func(app *account.Application) {
		app.Name, app.Company.Name, app.Company.Address = "A"+probe, "B"+probe, "C"+probe
		app.Company.RegistrationNumber = `"><b>1</b>`
	})
	s.reject(t, a, "D"+probe)
	w := s.logIn(t, a, browsertest.Look{})
	for _, path := range []string{"/status", "/correct", "/account"} {
		w.Go(path)
		w.Until(fmt.Sprintf("document.documentElement.outerHTML.includes(%q) || true", "alert"))
		require.Zero(t, browsertest.Eval[int](w, `document.querySelectorAll("main img, main script").length`), path)
	}
	active := s.Register(t, func(app *account.Application) { app.Company.Name = "E" + probe })
	s.approve(t, active)
	w = s.logIn(t, active, browsertest.Look{})
	w.Read("E" + probe)
	w.Go("/api-keys")
	w.Fill("#name", "F"+probe)
	w.Click(send)
	w.Read("F" + probe)
	require.Zero(t, browsertest.Eval[int](w, `document.querySelectorAll("main img, main script").length`))
}

func twice(t *testing.T, s stand) {
	w := browsertest.Open(t, s.URL, browsertest.Look{NoScript: true})
	w.Go("/register")
	email := details(w, "Juma Kileo")
	// As a browser without a script does when a button is clicked twice.
	browsertest.Eval[bool](w, `document.querySelector("#form").submit(), document.querySelector("#form").submit(), true`)
	w.At("/documents")
	w.Back()
	w.At("/register")
	login, err := s.Process.Store.Reader().LoginByEmail(t.Context(), email)
	require.NoError(t, err)

	s.approve(t, account.Account{ID: login.AccountID})
	w = s.logIn(t, account.Account{Email: email}, browsertest.Look{})
	w.Expected = []string{"status of 409"}
	w.Go("/api-keys")
	w.Accessible()
	w.Fill("#name", "shop")
	form := browsertest.Eval[string](w, `new URLSearchParams(new FormData(document.querySelector("#form"))).toString()`)
	w.Click(send)
	w.See("#secret")
	require.True(t, strings.HasPrefix(browsertest.Eval[string](w, `document.querySelector("#secret").value`), "kbk_"))
	w.Accessible()
	again := browsertest.Eval[string](w, fmt.Sprintf(`fetch("/api-keys", {method: "POST", headers: {"Content-Type": "application/x-www-form-urlencoded"}, body: %q}).then(r => r.text())`, form))
	require.Contains(t, again, "This key was made already")
	require.NotContains(t, again, `id="secret"`)
	w.Go("/api-keys")
	require.Equal(t, 1, browsertest.Eval[int](w, `document.querySelectorAll(".papers li").length`))
	w.Gone("#secret")
	w.Click(".papers a")
	w.Read("Revoke this key?")
	w.Accessible()
	w.Click("main form button[type=submit]")
	w.Read("The key is revoked.")
	w.Read("No API keys yet.")
}

func TestPages_are_accessible_and_small_in_both_themes(t *testing.T) {
	t.Parallel()
	s := stand{processtest.Start(t)}
	a := s.active(t)
	_, err := s.Process.Service.TopUp(t.Context(), s.by(actor.Finance), service.TopUp{AccountID: a.ID, Amount: 50, Reason: "complimentary", Key: &store.IdempotencyKey{Scope: "test", Route: "top-up", Key: a.ID.String()}})
	require.NoError(t, err)
	waiting := s.Register(t, nil)
	for _, look := range []browsertest.Look{{}, {Dark: true}, {Width: 360, Height: 740}} {
		out := browsertest.Open(t, s.URL, look)
		out.Expected = []string{"status of 404"}
		for _, path := range []string{"/", "/register", "/login", "/forgot-password", "/reset-password/kbr_x", "/verify-email/kbe_x", "/nowhere"} {
			out.Go(path)
			out.Accessible()
			out.Fits()
		}
		in := s.logIn(t, a, look)
		for _, path := range []string{"/home", "/billing", "/api-keys", "/account", "/contact", "/contact/email", "/contact/phone"} {
			in.Go(path)
			in.Accessible()
			in.Fits()
		}
		in.Go("/billing")
		in.Read("+50")
		applicant := s.logIn(t, waiting, look)
		for _, path := range []string{"/status", "/documents"} {
			applicant.Go(path)
			applicant.Accessible()
			applicant.Fits()
		}
	}
	w := browsertest.Open(t, s.URL, browsertest.Look{})
	w.Go("/register")
	const most = 50_000
	sent := browsertest.Eval[int](w, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, e) => sum + e.transferSize, 0)`)
	require.Less(t, sent, most)
	t.Logf("a first page transfers %d bytes", sent)
}
