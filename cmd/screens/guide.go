package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"kibali/documents/sample"
)

// guide walks through what staff do with an account, for real, on companies
// that it registers, and hands on a picture of each step.
type guide struct {
	*camera
	keep  func(name string, picture []byte) error
	taken int
	err   error
}

// company is one that the guide has registered.
type company struct {
	ID, Email, name string
}

// walk takes the pictures of the guide, named in the order of its steps.
func (c *camera) walk(ctx context.Context, keep func(name string, picture []byte) error) error {
	g := &guide{camera: c, keep: keep}
	stamp := time.Now().UnixMilli() % 1_000_000
	good, err := c.register(ctx, stamp, "Pwani Traders Ltd")
	if err != nil {
		return err
	}
	bad, err := c.register(ctx, stamp+1, "Haraka Loans")
	if err != nil {
		return err
	}
	g.search(good)
	g.decide(good, bad)
	g.credits(good)
	g.passwords(ctx, good)
	return g.err
}

func (g *guide) search(good company) {
	g.shoot("search", subject{path: "/console/users?q=pwani+traders"})
	g.shoot("sort", subject{path: "/console/users?status=active&sort=last_active_at"})
	g.shoot("pending", subject{path: "/console/pending?q=" + good.Email})
}

func (g *guide) decide(good, bad company) {
	review := "/console/accounts/" + good.ID + "/review"
	g.shoot("review", subject{path: review})
	g.shoot("approve", subject{path: review, steps: press("a", "#dialog #preview")})
	g.shoot("approved", subject{path: "/console/accounts/" + good.ID + "/approve", steps: confirm()})
	g.shoot("told", subject{path: "/console/accounts/" + good.ID, whole: true})
	g.shoot("reject", subject{path: "/console/accounts/" + bad.ID + "/review", steps: press("r", "#dialog #preview")})
	g.shoot("rejected", subject{path: "/console/accounts/" + bad.ID + "/reject", steps: confirm()})
	g.shoot("rejected-user", subject{path: "/status", as: bad.Email, whole: true})
}

func (g *guide) credits(good company) {
	profile := "/console/accounts/" + good.ID
	amount := chromedp.CSS("#amount")
	fill := []chromedp.Action[chromedp.Void]{
		chromedp.WaitVisible(amount), chromedp.SendKeys(amount, "5,000"), chromedp.WaitVisible(chromedp.CSS(".letters")),
	}
	g.shoot("top-up", subject{path: profile + "/top-up", steps: fill})
	g.shoot("topped-up", subject{path: profile + "/top-up", steps: append(fill, confirm()...)})
	g.shoot("ledger", subject{path: "/console/ledger?account=" + good.ID})
	g.shoot("billing-user", subject{path: "/billing", as: good.Email, whole: true})
	g.shoot("suspend", subject{path: profile + "/suspend"})
	g.shoot("suspended", subject{path: profile + "/suspend", steps: confirm()})
	g.shoot("suspended-login", subject{path: "/login", out: true, whole: true, steps: []chromedp.Action[chromedp.Void]{
		chromedp.SendKeys(chromedp.CSS("#email"), good.Email), chromedp.SendKeys(chromedp.CSS("#password"), g.on.DemoUser.Password),
		chromedp.Click(chromedp.CSS("#form button[type=submit]")), chromedp.WaitVisible(chromedp.CSS(".reason")),
	}})
	g.shoot("reactivate", subject{path: profile + "/reactivate"})
	g.shoot("reactivated", subject{path: profile + "/reactivate", steps: confirm()})
}

func (g *guide) passwords(ctx context.Context, good company) {
	g.shoot("forgot-user", subject{path: "/forgot-password", out: true, whole: true, steps: []chromedp.Action[chromedp.Void]{
		chromedp.SendKeys(chromedp.CSS("#email"), good.Email), chromedp.Click(chromedp.CSS("#form button[type=submit]")),
		chromedp.WaitVisible(chromedp.CSS("section[role=status]")),
	}})
	g.shoot("reset-user", subject{path: g.resetLink(ctx, good.Email, ""), out: true, whole: true})
	first := g.resetLink(ctx, good.Email, "")
	g.shoot("force-reset", subject{path: "/console/accounts/" + good.ID + "/password-reset"})
	g.shoot("reset-forced", subject{path: "/console/accounts/" + good.ID + "/password-reset", steps: confirm()})
	g.shoot("reset-forced-user", subject{path: g.resetLink(ctx, good.Email, first), out: true, whole: true})
}

// confirm takes the decision that the page's form is about.
func confirm() []chromedp.Action[chromedp.Void] {
	return []chromedp.Action[chromedp.Void]{
		chromedp.WaitVisible(chromedp.CSS("button[data-go]")), chromedp.Click(chromedp.CSS("button[data-go]")),
		chromedp.WaitVisible(chromedp.CSS(`#done .banner[data-tone="success"]`)),
	}
}

// press presses a key that opens a dialog.
func press(key, awaited string) []chromedp.Action[chromedp.Void] {
	return []chromedp.Action[chromedp.Void]{chromedp.KeyEvent(key), chromedp.WaitVisible(chromedp.CSS(awaited))}
}

// shoot takes the next picture, unless one before it failed.
func (g *guide) shoot(name string, s subject) {
	if g.err != nil {
		return
	}
	g.taken++
	name = fmt.Sprintf("guide-%02d-%s", g.taken, name)
	picture, err := g.take(s, looks[0])
	if err == nil {
		err = g.keep(name, picture)
	}
	if err != nil {
		g.err = fmt.Errorf("%s: %w", name, err)
	}
}

var resetLink = regexp.MustCompile(`(?m)/reset-password/\S+$`)

// resetLink returns the path of the newest link that was mailed to an address,
// once it is another one than before.
func (g *guide) resetLink(ctx context.Context, email, before string) string {
	for tick := time.NewTicker(100 * time.Millisecond); g.err == nil; {
		var letters []struct{ Channel, To, Text string }
		g.err = g.get(ctx, "/dev/inbox.json", &letters)
		for _, letter := range letters { // the newest is first
			if found := resetLink.FindString(letter.Text); letter.To == email && found != "" {
				if found == before {
					break
				}
				return found
			}
		}
		select {
		case <-ctx.Done():
			g.err = ctx.Err()
		case <-tick.C:
		}
	}
	return ""
}

// register registers a company, with a document whose pages are drawn.
func (c *camera) register(ctx context.Context, stamp int64, name string) (company, error) {
	body, err := json.Marshal(map[string]any{
		"name": "Neema Mushi", "email": fmt.Sprintf("neema%06d@pwani.example", stamp), "phone": fmt.Sprintf("0754%06d", stamp),
		"password": c.on.DemoUser.Password, "company": map[string]any{"name": name, "industry": "retail", "tin": "123456789", "address": "Plot 7\nTanga"},
	})
	if err != nil {
		return company{}, err
	}
	var registered struct {
		Account company `json:"account"`
		Token   string  `json:"upload_token"`
	}
	if err := c.post(ctx, "/v1/registrations", "application/json", "", body, &registered); err != nil {
		return company{}, err
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	header := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="licence.pdf"`}, "Content-Type": {"application/pdf"}}
	if err := parts.WriteField("kind", "business_licence"); err != nil {
		return company{}, err
	}
	part, err := parts.CreatePart(header)
	if err != nil {
		return company{}, err
	}
	if _, err := part.Write(sample.PDF("Business licence", name, "TIN 123-456-789", "Plot 7, Tanga")); err != nil {
		return company{}, err
	}
	if err := parts.Close(); err != nil {
		return company{}, err
	}
	registered.Account.name = name
	path := "/v1/registrations/" + registered.Account.ID + "/documents"
	if err := c.post(ctx, path, parts.FormDataContentType(), registered.Token, form.Bytes(), new(any)); err != nil {
		return company{}, err
	}
	return registered.Account, c.drawn(ctx, registered.Account.ID)
}

// drawn waits until the documents of an account can be looked at.
func (c *camera) drawn(ctx context.Context, id string) error {
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		var documents struct{ Items []struct{ Status string } }
		if err := c.get(ctx, "/v1/accounts/"+id+"/documents", &documents); err != nil {
			return err
		}
		if len(documents.Items) > 0 && documents.Items[0].Status == "ready" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// post asks the API as somebody with a token, or nobody.
func (c *camera) post(ctx context.Context, path, contentType, token string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.on.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s answers %s: %s", path, response.Status, strings.TrimSpace(string(answer)))
	}
	return json.Unmarshal(answer, into)
}
