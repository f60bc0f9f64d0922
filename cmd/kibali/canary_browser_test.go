package main

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/console"
	"kibali/documents/sample"
	"kibali/sso/ssotest"
)

// canaryBase is where serve believes to be reached.
const canaryBase = "https://id.example.co.tz"

// office starts an identity provider of staff and returns it with its settings.
func canaryOffice(t *testing.T) (*ssotest.Provider, []string) {
	t.Helper()
	at := ssotest.Start(t)
	at.Redirect(canaryBase + console.SSOCallbackPath)
	return at, []string{
		"KIBALI_OIDC_ISSUER=" + at.URL, "KIBALI_OIDC_CLIENT_ID=" + ssotest.ClientID, "KIBALI_OIDC_CLIENT_SECRET=" + ssotest.ClientSecret,
		"KIBALI_OIDC_ROLES=chiefs=admin",
	}
}

// canaryBrowser goes through pages and fills their forms in.
type canaryBrowser struct {
	t      *testing.T
	client *http.Client
	api    string
}

// browser returns one that nobody is signed in with. What it sends to the base URL
// reaches serve, as through the proxy that ends TLS.
func (w *canaryWalk) browser() canaryBrowser {
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	return canaryBrowser{w.t, &http.Client{
		Jar: jar, Timeout: time.Minute, Transport: proxied{w.anyone.url},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, canaryBase}
}

// proxied sends requests on to another address.
type proxied struct{ to string }

func (p proxied) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(p.to)
	if err != nil {
		return nil, err
	}
	on := r.Clone(r.Context())
	on.URL.Scheme, on.URL.Host = to.Scheme, to.Host
	return http.DefaultTransport.RoundTrip(on)
}

// send sends a request and returns the answer's body and where it leads.
func (b canaryBrowser) send(method, path string, status int, contentType string, body io.Reader) (text, location string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.api+path, body)
	require.NoError(b.t, err)
	request.Header.Set("User-Agent", "Browser of "+canaryWord)
	request.Header.Set("Accept-Language", canaryWord)
	request.Header.Set("Referer", b.api+"/"+canaryWord+"?phone="+canaryPhone)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("Origin", b.api)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	answer, err := b.client.Do(request)
	require.NoError(b.t, err)
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	require.Equal(b.t, status, answer.StatusCode, "%s %s: %s", method, path, read)
	location = answer.Header.Get("Location")
	if !strings.Contains(path, "?q=") { // a search stands in its address
		require.Empty(b.t, markOf(location), "an address with a mark")
	}
	return string(read), location
}

func (b canaryBrowser) get(path string, status int) (text, location string) {
	b.t.Helper()
	return b.send(http.MethodGet, path, status, "", http.NoBody)
}

func (b canaryBrowser) post(path string, status int, fields ...string) (text, location string) {
	b.t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return b.send(http.MethodPost, path, status, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// fill opens a page and sends its form for the address, with what is hidden in it.
func (b canaryBrowser) fill(page, action string, status int, fields ...string) (text, location string) {
	b.t.Helper()
	shown, _ := b.get(page, http.StatusOK)
	_, form, found := strings.Cut(shown, `action="`+action+`"`)
	require.True(b.t, found, "no form for %s on %s", action, page)
	form, _, _ = strings.Cut(form, "</form>")
	for _, hidden := range hiddenField.FindAllStringSubmatch(form, -1) {
		fields = append(fields, hidden[1], html.UnescapeString(hidden[2]))
	}
	return b.post(action, status, fields...)
}

// signOn signs somebody of the provider on.
func (w *canaryWalk) signOn(at *ssotest.Provider, who ssotest.Person, status int) canaryBrowser {
	w.t.Helper()
	at.Put(who)
	b := w.browser()
	_, to := b.get("/console/sign-in/sso?next=/console/users", http.StatusSeeOther)
	back := at.SignIn(w.t, to, who.Email)
	w.secrets = append(w.secrets, back.Query().Get("code"), back.Query().Get("state"))
	b.get(back.RequestURI(), status)
	return b
}

// desk has staff sign on through the provider, in vain and well, and returns the
// browser of an admin.
func (w *canaryWalk) desk(at *ssotest.Provider) canaryBrowser {
	person := func(n int, roles ...string) ssotest.Person {
		return ssotest.Person{
			Subject: fmt.Sprintf("%s-%d", canaryWord, n), Email: fmt.Sprintf("salma.%d@%s.co.tz", n, canaryWord),
			Name: "Salma " + canaryWord, Roles: roles,
		}
	}
	unverified := person(1, "chiefs")
	unverified.Unverified = true
	w.signOn(at, unverified, http.StatusUnauthorized)
	w.signOn(at, person(2, canaryWord), http.StatusUnauthorized)
	w.browser().get("/console/sign-in/sso/callback?error=access_denied&state=x&error_description="+canaryWord, http.StatusUnauthorized)
	b := w.signOn(at, person(3, "chiefs"), http.StatusSeeOther)
	w.browser().post("/console/sign-in", http.StatusUnauthorized, "email", "salma.3@"+canaryWord+".co.tz", "password", canarySecret+"-wrong")
	b.get("/console/users?q="+canaryWord+"+"+canaryPhone, http.StatusOK)
	b.get("/console/users.csv?q="+canaryWord, http.StatusOK)
	b.fill("/console/users?q="+canaryWord, "/console/users/views?q="+canaryWord, http.StatusSeeOther, "name", canaryWord)
	b.fill("/console/staff", "/console/staff", http.StatusOK, "email", "rehema@"+canaryWord+".co.tz", "name", "Rehema "+canaryWord, "role", "support")
	b.fill("/console/staff", "/console/staff", http.StatusUnprocessableEntity, "email", canaryWord, "name", canaryWord, "role", canaryWord)
	b.get("/console/audit?action="+canaryWord, http.StatusOK)
	return b
}

// decides sends the form of a decision, with marks in what is written into it.
func (w *canaryWalk) decides(b canaryBrowser, c canaryCustomer, what, status string, fields ...string) {
	w.t.Helper()
	action := "/console/accounts/" + c.id + "/" + what
	b.fill(action, action, http.StatusSeeOther, append(fields, "reason", "Because of "+canaryWord, "note", canaryWord)...)
	require.Eventually(w.t, func() bool { return w.admin.status(c.id) == status }, time.Minute, 50*time.Millisecond, what)
}

// portal is a customer's way through the pages, and the staff's beside it.
func (w *canaryWalk) portal(staff canaryBrowser) {
	c, b := w.registersInBrowser(staff)
	b.get("/status", http.StatusOK)
	w.decides(staff, c, "request-changes", "pending", "reason_code", "other")
	b.post("/login", http.StatusUnauthorized, "email", c.email, "password", canarySecret+"-wrong")
	b.post("/login", http.StatusSeeOther, "email", c.email, "password", c.password)
	b.post("/correct", http.StatusUnprocessableEntity, "name", canaryWord, "company.name", "", "company.tin", canaryWord)
	b.post("/correct", http.StatusSeeOther, canaryDetails()...)
	w.proves(b, c)
	w.decides(staff, c, "approve", "active")
	staff.get("/console/accounts/"+c.id, http.StatusOK)
	top := "/console/accounts/" + c.id + "/top-up"
	staff.fill(top, top, http.StatusSeeOther, "amount", "70", "reason", "complimentary", "note", canaryWord)
	text, _ := b.fill("/api-keys", "/api-keys", http.StatusOK, "name", canaryWord)
	w.secrets = append(w.secrets, regexp.MustCompile(`kbk_[A-Za-z0-9_-]+`).FindString(text))
	b.get("/account/export", http.StatusOK)
	c = w.changesInBrowser(b, c)
	w.appealsInBrowser(staff, c)
	c = w.resetsInBrowser(staff, c)
	b.post("/login", http.StatusSeeOther, "email", c.email, "password", c.password)
	b.post("/logout", http.StatusSeeOther)
	w.decides(staff, c, "close", "closed")
	staff.get("/console/accounts/"+c.id+"/export", http.StatusOK)
	erase := "/console/accounts/" + c.id + "/erase"
	staff.fill(erase, erase, http.StatusSeeOther, "reason_code", "person_asked", "note", canaryWord)
}

// canaryDetails are what a form takes of a person and a company.
func canaryDetails() []string {
	return []string{
		"name", "Juma " + canaryWord, "locale", "sw",
		"company.name", canaryWord + " Fish Ltd", "company.industry", "retail", "company.registration_number", canaryWord + "-9", "company.tin", canaryTIN,
		"company.website", "https://" + canaryWord + ".example", "company.address", canaryWord + " Road",
	}
}

func (w *canaryWalk) registersInBrowser(staff canaryBrowser) (canaryCustomer, canaryBrowser) {
	w.t.Helper()
	b, phone := w.browser(), "0754888321"
	w.secrets = append(w.secrets, phone[1:])
	c := canaryCustomer{email: "juma@" + canaryWord + ".co.tz", password: canarySecret + "-77-bahari"}
	fields := append(canaryDetails(), "email", c.email, "phone", phone, "password", c.password)
	b.post("/register", http.StatusUnprocessableEntity, append([]string{"email", canaryWord}, fields...)...)
	b.post("/register", http.StatusSeeOther, fields...)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(w.t, form.WriteField("kind", "business_licence"))
	file, err := form.CreateFormFile("file", canaryWord+" licence.pdf")
	require.NoError(w.t, err)
	_, err = file.Write(sample.PDF("Licence of " + canaryWord))
	require.NoError(w.t, err)
	require.NoError(w.t, form.Close())
	b.send(http.MethodPost, "/documents", http.StatusSeeOther, form.FormDataContentType(), &body)
	listed, _ := staff.get("/console/users?q=juma", http.StatusOK)
	found := regexp.MustCompile(`/console/accounts/([0-9a-f-]{36})`).FindStringSubmatch(listed)
	require.NotNil(w.t, found, listed)
	c.id = found[1]
	return c, b
}

// proves proves the e-mail address and the phone of a customer.
func (w *canaryWalk) proves(b canaryBrowser, c canaryCustomer) {
	w.t.Helper()
	before := w.found(c.email, proofLink, "") // of the registration; a newer one replaces it
	b.post("/contact/email/proof", http.StatusSeeOther)
	b.post("/contact/phone/proof", http.StatusSeeOther)
	w.follows(b, c.email, before)
	b.post("/contact/phone/confirm", http.StatusUnprocessableEntity, "code", "000000")
	b.post("/contact/phone/confirm", http.StatusSeeOther, "code", w.texted("+255754888321"))
}

// proofLink is the link that proves an e-mail address.
const proofLink = `/verify-email/\S+`

// follows opens the newest link of a proof, another one than before, and presses
// its button.
func (w *canaryWalk) follows(b canaryBrowser, email, before string) {
	w.t.Helper()
	link := w.found(email, proofLink, before)
	b.get(link, http.StatusOK)
	b.post(link, http.StatusOK)
}

// texted returns the code that a phone was sent.
func (w *canaryWalk) texted(phone string) string {
	w.t.Helper()
	return w.found(phone, `\b\d{6}\b`, "")
}

// found waits for what was sent to somebody, and returns the newest match in it
// that is another one than before.
func (w *canaryWalk) found(to, pattern, before string) string {
	w.t.Helper()
	match := ""
	require.Eventually(w.t, func() bool {
		match = w.providers.newest(to, regexp.MustCompile(pattern))
		return match != "" && match != before
	}, time.Minute, 50*time.Millisecond, "%s of %s", pattern, to)
	return match
}

// changesInBrowser changes the e-mail address, the phone and the password.
func (w *canaryWalk) changesInBrowser(b canaryBrowser, c canaryCustomer) canaryCustomer {
	w.t.Helper()
	email, phone, password := "juma.mpya@"+canaryWord+".co.tz", "754888654", canarySecret+"-78-bahari"
	w.secrets = append(w.secrets, phone)
	b.post("/contact/email", http.StatusUnprocessableEntity, "email", email, "current_password", canarySecret+"-wrong")
	b.post("/contact/email", http.StatusSeeOther, "email", email, "current_password", c.password)
	w.follows(b, email, "")
	b.post("/contact/phone", http.StatusSeeOther, "phone", "0"+phone, "current_password", c.password)
	b.post("/contact/phone/confirm", http.StatusSeeOther, "code", w.texted("+255"+phone))
	b.post("/account/password", http.StatusUnprocessableEntity, "current_password", c.password, "password", canaryWord)
	b.post("/account/password", http.StatusSeeOther, "current_password", c.password, "password", password)
	c.email, c.password = email, password
	return c
}

// appealsInBrowser suspends, hears an appeal and reactivates.
func (w *canaryWalk) appealsInBrowser(staff canaryBrowser, c canaryCustomer) {
	w.t.Helper()
	w.decides(staff, c, "suspend", "suspended", "reason_code", "other")
	b := w.browser()
	b.post("/login", http.StatusForbidden, "email", c.email, "password", c.password)
	b.post("/appeal", http.StatusOK, "text", "It was not us, says "+canaryWord)
	dismiss := "/console/accounts/" + c.id + "/dismiss-appeal"
	staff.fill(dismiss, dismiss, http.StatusSeeOther, "reason", "No, "+canaryWord, "note", canaryWord)
	w.decides(staff, c, "reactivate", "active")
}

// resetsInBrowser asks for another password, and forces one.
func (w *canaryWalk) resetsInBrowser(staff canaryBrowser, c canaryCustomer) canaryCustomer {
	w.t.Helper()
	b := w.browser()
	b.post("/forgot-password", http.StatusOK, "email", "nobody.at.all@"+canaryWord+".co.tz")
	b.post("/forgot-password", http.StatusOK, "email", c.email)
	b.post("/reset-password/kbr_"+canaryWord+"abcdefghijklmnop", http.StatusUnprocessableEntity, "password", canarySecret)
	link := ""
	for n := range 2 {
		link = w.found(c.email, `/reset-password/\S+`, link)
		c.password = fmt.Sprintf("%s-%d-milima", canarySecret, 80+n)
		b.get(link, http.StatusOK)
		b.post(link, http.StatusUnprocessableEntity, "password", canaryWord)
		b.post(link, http.StatusSeeOther, "password", c.password)
		if n == 0 {
			w.decides(staff, c, "password-reset", "active")
		}
	}
	return c
}
