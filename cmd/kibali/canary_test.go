package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"kibali/documents/sample"
)

// The marks that stand in every field which a person fills in. None may be found
// outside of PostgreSQL, the storage of documents and the notices themselves.
const (
	canaryWord   = "kanarihuyu"           // in names, e-mails, addresses, file names, texts, reasons, notes, references
	canarySecret = "siri-ya-kanari-mlima" // in passwords
	canaryPhone  = "754777123"            // without the country's code
	canaryTIN    = "913457826"
)

// tokens are credentials of any kind.
var tokens = regexp.MustCompile(`kb[a-z]_[A-Za-z0-9_-]{16}`)

// TestCanary fills every field of every flow with marks, with serve and worker
// logging all they can, and looks for the marks everywhere that is neither
// PostgreSQL, nor the storage of documents, nor a notice.
func TestCanary(t *testing.T) {
	t.Parallel()
	i := setup(t)
	providers := &quotingProviders{seen: map[string]int{}}
	server := httptest.NewServer(providers)
	t.Cleanup(server.Close)
	i.settings = append(i.settings, "KIBALI_LOG_LEVEL=debug", "KIBALI_EMAIL_URL="+server.URL, "KIBALI_SMS_BASE_URL="+server.URL)
	code, said := i.run(t, "migrate")
	require.Zero(t, code, said)
	i.withoutQuietHours(t)
	code, said = i.run(t, "staff", "create", "--role", "admin", "--email", "neema@"+canaryWord+".co.tz", "--name", "Neema "+canaryWord)
	require.Zero(t, code, said)
	token := regexp.MustCompile(`kbs_\S+`).FindString(said)
	at, single := canaryOffice(t)
	serve, api, operations := i.start(t, "serve", single...)
	worker, _, workerOperations := i.start(t, "worker")
	code, said = i.run(t, "deploy")
	require.Zero(t, code, said)

	w := &canaryWalk{t: t, providers: providers, anyone: caller{t, api, ""}, admin: caller{t, api, token}}
	w.staff()
	first := w.customer(1)
	w.review(first)
	w.account(first)
	w.access(first)
	w.resets(first)
	w.refusals()
	w.portal(w.desk(at))
	w.end(first)
	require.Eventually(t, func() bool {
		return providers.asked("sms +255"+canaryPhone) > 1 && providers.asked("mail "+first.email) > 1
	}, time.Minute, 50*time.Millisecond, "what was refused is sent again")

	t.Run("nothing is in Temporal", func(t *testing.T) {
		all := ""
		for name, text := range i.everythingInTemporal(t) {
			w.requireUnmarked(t, name, text)
			all += text
		}
		for _, seen := range []string{
			"registration/", "suspension/", "closure/", "erasure/", "top-up/", "message/", "password-reset/", "notification/", // every kind of case
			"decision_id", "approve (decision ", "Registration of account ", "CaseStatus", // payloads, summaries, attributes
		} {
			require.Contains(t, all, seen)
		}
	})
	t.Run("nothing is in logs and addresses", func(t *testing.T) {
		require.Contains(t, worker.said(), `"level":"DEBUG"`)
		for _, p := range []*program{serve, worker} {
			w.requireUnmarked(t, "a log", p.said())
		}
		require.Contains(t, serve.said(), `/reset-password/`, "the page of a link was asked for, and logged without it")
	})
	t.Run("nothing is in metrics", func(t *testing.T) {
		for _, at := range []string{operations, workerOperations} {
			answer, err := (&http.Client{Timeout: time.Minute}).Get(at + "/metrics")
			require.NoError(t, err)
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			w.requireUnmarked(t, "metrics", string(text))
		}
	})
	t.Run("and it would be found", func(t *testing.T) {
		for _, text := range []string{"x Kanarihuyu y", "+255" + canaryPhone, canaryTIN, canarySecret + "-1", "kbs_abcdefghijklmnopqrst"} {
			require.NotEmpty(t, markOf(text), text)
		}
	})
}

// markOf returns a mark that stands in a text; "" when none does.
func markOf(text string) string {
	lower := strings.ToLower(text)
	for _, mark := range []string{canaryWord, canarySecret, canaryPhone, canaryTIN} {
		if at := strings.Index(lower, mark); at >= 0 {
			return lower[max(0, at-120):min(len(lower), at+120)]
		}
	}
	return tokens.FindString(text)
}

func (w *canaryWalk) requireUnmarked(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range w.secrets {
		require.NotContains(t, text, secret, where)
	}
	if found := markOf(text); found != "" {
		require.Fail(t, "a mark was found", "in %s: ...%s...", where, found)
	}
}

// everythingInTemporal returns what Temporal tells of every workflow: its history
// with all payloads as they are, and its description.
func (i installation) everythingInTemporal(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	var page []byte
	for {
		listed, err := i.temporal.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: i.temporal.Namespace, NextPageToken: page})
		require.NoError(t, err)
		for _, execution := range listed.GetExecutions() {
			id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
			text := execution.String()
			described, err := i.temporal.Client.DescribeWorkflowExecution(t.Context(), id, run)
			require.NoError(t, err)
			text += described.String()
			events := i.temporal.Client.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for events.HasNext() {
				event, err := events.Next()
				require.NoError(t, err)
				text += event.String()
			}
			found[id+" "+run] = text
		}
		if page = listed.GetNextPageToken(); len(page) == 0 {
			return found
		}
	}
}

// withoutQuietHours has SMS sent at any time of day.
func (i installation) withoutQuietHours(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), i.database.OwnerURL)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), `INSERT INTO policies (content) SELECT content || '{"quiet_hours": null}' FROM policies ORDER BY version DESC LIMIT 1`)
	require.NoError(t, err)
}

// canaryWalk goes through every flow with marks in every field.
type canaryWalk struct {
	t         *testing.T
	providers *quotingProviders
	anyone    caller
	admin     caller
	secrets   []string // that were shown once
}

func (w *canaryWalk) as(token string) caller { return caller{w.t, w.anyone.url, token} }

// staff adds a member of staff, who sets a second factor up and signs in with it.
func (w *canaryWalk) staff() {
	var invited struct{ Invitation struct{ Token string } }
	email, password := "baraka@"+canaryWord+".co.tz", canarySecret+"-wafanyakazi-77"
	w.admin.send(http.MethodPost, "/v1/staff", map[string]any{"email": email, "name": "Baraka " + canaryWord, "role": "admin"}, http.StatusCreated, &invited)
	w.anyone.send(http.MethodPost, "/v1/staff/invitations/accept", map[string]any{"token": invited.Invitation.Token, "password": password}, http.StatusNoContent, nil)
	w.anyone.send(http.MethodPost, "/v1/staff/sessions", map[string]any{"email": email, "password": canarySecret + "-wrong"}, http.StatusUnauthorized, nil)
	var in struct{ Token string }
	w.anyone.send(http.MethodPost, "/v1/staff/sessions", map[string]any{"email": email, "password": password}, http.StatusCreated, &in)
	var factor struct{ Secret string }
	var recovery struct {
		Codes []string `json:"recovery_codes"`
	}
	w.as(in.Token).send(http.MethodPost, "/v1/staff/me/second-factor", nil, http.StatusCreated, &factor)
	code, err := totp.GenerateCode(factor.Secret, time.Now())
	require.NoError(w.t, err)
	w.as(in.Token).send(http.MethodPost, "/v1/staff/me/second-factor/confirm", map[string]any{"code": code}, http.StatusOK, &recovery)
	w.secrets = append(append(w.secrets, factor.Secret), recovery.Codes...)
	w.as(in.Token).send(http.MethodPost, "/v1/staff/me/tokens", map[string]any{"name": canaryWord, "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, http.StatusCreated, nil)
	w.as(in.Token).send(http.MethodDelete, "/v1/staff/sessions/current", nil, http.StatusNoContent, nil)
	w.admin.send(http.MethodPost, "/v1/services", map[string]any{"name": canaryWord, "scopes": []string{"charges"}}, http.StatusCreated, nil)
}

// canaryCustomer is a customer with an account.
type canaryCustomer struct {
	id, email, password, upload string
}

func canaryCompany() map[string]any {
	return map[string]any{
		"name": canaryWord + " Traders Ltd", "industry": "retail", "registration_number": canaryWord + "-7", "tin": canaryTIN,
		"website": "https://" + canaryWord + ".example", "address": canaryWord + " Road",
	}
}

// customer registers a company and hands in a document, whose name and content
// have marks.
func (w *canaryWalk) customer(n int) canaryCustomer {
	c := canaryCustomer{email: fmt.Sprintf("asha.%d@%s.co.tz", n, canaryWord), password: fmt.Sprintf("%s-%d-ziwa", canarySecret, n)}
	phone := canaryPhone
	if n > 1 {
		phone = fmt.Sprintf("75477%04d", n)
	}
	var registered struct {
		Account     struct{ ID string }
		UploadToken string `json:"upload_token"`
	}
	w.anyone.send(http.MethodPost, "/v1/registrations", map[string]any{
		"name": "Asha " + canaryWord, "email": c.email, "phone": "+255" + phone, "password": c.password, "locale": "sw", "company": canaryCompany(),
	}, http.StatusCreated, &registered)
	c.id, c.upload = registered.Account.ID, registered.UploadToken
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(w.t, form.WriteField("kind", "tin_certificate"))
	file, err := form.CreateFormFile("file", canaryWord+" certificate.pdf")
	require.NoError(w.t, err)
	_, err = file.Write(sample.PDF("Certificate of "+canaryWord, c.email, canaryTIN))
	require.NoError(w.t, err)
	require.NoError(w.t, form.Close())
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.anyone.url+"/v1/registrations/"+c.id+"/documents", &body)
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+c.upload)
	request.Header.Set("User-Agent", "Browser of "+canaryWord)
	request.Header.Set("Referer", "https://"+canaryWord+".example/"+canaryPhone)
	answer, err := (&http.Client{Timeout: time.Minute}).Do(request)
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	require.Equal(w.t, http.StatusCreated, answer.StatusCode)
	return c
}

// decide takes a decision and waits until it is carried out.
func (w *canaryWalk) decide(c canaryCustomer, method, what string, body map[string]any) {
	w.t.Helper()
	w.admin.send(method, "/v1/accounts/"+c.id+"/"+what, body, http.StatusOK, nil)
}

func (w *canaryWalk) review(c canaryCustomer) {
	w.decide(c, http.MethodPost, "request-changes", map[string]any{"reason_code": "other", "reason": "Because of " + canaryWord, "note": canaryWord})
	w.as(w.login(c)).send(http.MethodPost, "/v1/me/resubmission", map[string]any{"name": "Asha " + canaryWord, "company": canaryCompany()}, http.StatusOK, nil)
	w.admin.send(http.MethodGet, "/v1/accounts?q="+canaryWord+"+"+canaryPhone, nil, http.StatusOK, nil)
	w.decide(c, http.MethodPost, "approve", map[string]any{"note": canaryWord})
}

func (w *canaryWalk) login(c canaryCustomer) string {
	w.t.Helper()
	var in struct{ Token string }
	w.anyone.send(http.MethodPost, "/v1/sessions", map[string]any{"email": c.email, "password": c.password}, http.StatusCreated, &in)
	return in.Token
}

// account uses what an account has to use.
func (w *canaryWalk) account(c canaryCustomer) {
	user := w.as(w.login(c))
	var made struct{ Key string }
	user.send(http.MethodPost, "/v1/me/api-keys", map[string]any{"name": canaryWord}, http.StatusCreated, &made)
	w.keyed(w.admin, "/v1/accounts/"+c.id+"/top-ups", map[string]any{"amount": 50, "reason": "complimentary", "note": canaryWord}, http.StatusCreated)
	w.keyed(w.as(made.Key), "/v1/gate/charges", map[string]any{"amount": 1, "reference": canaryWord}, http.StatusCreated)
	w.keyed(user, "/v1/messages", map[string]any{"to": []string{"+255" + canaryPhone}, "text": "Ofa ya " + canaryWord}, http.StatusAccepted)
	require.Eventually(w.t, func() bool { return w.providers.asked("message") > 0 }, time.Minute, 20*time.Millisecond, "the message is refused")
	user.send(http.MethodGet, "/v1/me/export", nil, http.StatusOK, nil)
}

// keyed sends a request with an Idempotency-Key, which has a mark.
func (w *canaryWalk) keyed(by caller, path string, body map[string]any, status int) {
	w.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(w.t, err)
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, by.url+path, bytes.NewReader(encoded))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+by.token)
	request.Header.Set("Idempotency-Key", canaryWord+uuid.NewString())
	answer, err := (&http.Client{Timeout: time.Minute}).Do(request)
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	require.Equal(w.t, status, answer.StatusCode, path)
}

// access suspends, hears an appeal and reactivates.
func (w *canaryWalk) access(c canaryCustomer) {
	w.decide(c, http.MethodPost, "suspend", map[string]any{"reason_code": "terms", "reason": "Because of " + canaryWord, "note": canaryWord})
	var refused struct {
		AppealToken string `json:"appeal_token"`
	}
	w.anyone.send(http.MethodPost, "/v1/sessions", map[string]any{"email": c.email, "password": c.password}, http.StatusForbidden, &refused)
	w.as(refused.AppealToken).send(http.MethodPost, "/v1/me/appeal", map[string]any{"text": "It was not us, says " + canaryWord}, http.StatusAccepted, nil)
	var appeals struct{ Items []struct{ ID string } }
	w.admin.send(http.MethodGet, "/v1/accounts/"+c.id+"/appeals", nil, http.StatusOK, &appeals)
	w.decide(c, http.MethodPost, "appeals/"+appeals.Items[0].ID+"/dismiss", map[string]any{"reason": "No, " + canaryWord, "note": canaryWord})
	w.decide(c, http.MethodPost, "reactivate", map[string]any{"note": canaryWord})
}

// resets asks for another password, forces one, and uses both links.
func (w *canaryWalk) resets(c canaryCustomer) {
	w.anyone.send(http.MethodPost, "/v1/password-resets", map[string]any{"email": "nobody@" + canaryWord + ".co.tz"}, http.StatusAccepted, nil)
	w.anyone.send(http.MethodPost, "/v1/password-resets", map[string]any{"email": c.email}, http.StatusAccepted, nil)
	w.redeem(w.providers.mailedLink(w.t, 1), canarySecret+"-mpya-81")
	w.decide(c, http.MethodPost, "password-reset", map[string]any{"note": canaryWord})
	w.redeem(w.providers.mailedLink(w.t, 2), canarySecret+"-mpya-82")
}

func (w *canaryWalk) redeem(token, password string) {
	w.t.Helper()
	answer, err := (&http.Client{Timeout: time.Minute}).Get(w.anyone.url + "/reset-password/" + token)
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	require.Equal(w.t, http.StatusOK, answer.StatusCode)
	w.anyone.send(http.MethodPost, "/v1/password-resets/complete", map[string]any{"token": token, "password": password}, http.StatusNoContent, nil)
	w.anyone.send(http.MethodPost, "/v1/password-resets/complete", map[string]any{"token": token, "password": password}, http.StatusUnprocessableEntity, nil)
}

// refusals are requests that are refused, with marks where they should not be.
func (w *canaryWalk) refusals() {
	w.anyone.send(http.MethodPost, "/v1/registrations", map[string]any{canaryWord: canarySecret}, http.StatusBadRequest, nil)
	w.anyone.send(http.MethodPost, "/v1/sessions", map[string]any{"email": "asha@" + canaryWord + ".co.tz", "password": canarySecret}, http.StatusUnauthorized, nil)
	w.anyone.send(http.MethodGet, "/v1/accounts/"+canaryWord, nil, http.StatusUnauthorized, nil)
	w.anyone.send(http.MethodGet, "/"+canaryWord+"/"+canaryPhone, nil, http.StatusNotFound, nil)
	w.as("kbu_"+canaryWord+"abcdefghijklmnop").send(http.MethodGet, "/v1/me?email="+canaryWord, nil, http.StatusUnauthorized, nil)
	w.admin.send(http.MethodGet, "/v1/accounts?"+canaryWord+"="+canaryPhone, nil, http.StatusBadRequest, nil)
}

// end rejects another customer, closes both accounts and erases one.
func (w *canaryWalk) end(c canaryCustomer) {
	other := w.customer(2)
	w.decide(other, http.MethodPost, "reject", map[string]any{"reason_code": "other", "reason": "Because of " + canaryWord, "note": canaryWord})
	w.decide(other, http.MethodPost, "close", map[string]any{"reason": "Asked by " + canaryWord, "note": canaryWord})
	w.admin.send(http.MethodGet, "/v1/accounts/"+other.id+"/export", nil, http.StatusOK, nil)
	w.decide(other, http.MethodPost, "erase", map[string]any{"reason_code": "person_asked", "note": canaryWord})
	w.decide(c, http.MethodPost, "close", map[string]any{"reason": "Asked by " + canaryWord, "note": canaryWord})
}
