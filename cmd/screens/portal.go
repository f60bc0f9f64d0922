package main

import (
	"context"
	"fmt"

	"github.com/chromedp/chromedp"
)

// customers are demo users, by where their accounts stand.
type customers struct {
	active, suspended, rejected, inReview, changes, waiting string // e-mails
}

// findCustomers looks demo users up.
func (c *camera) findCustomers(ctx context.Context) (customers, error) {
	var all struct {
		Items []struct{ Email, Status, Stage string }
	}
	if err := c.get(ctx, "/v1/accounts?limit=100", &all); err != nil {
		return customers{}, err
	}
	of := map[string]string{}
	for _, a := range all.Items {
		of[a.Status+"/"+a.Stage] = a.Email
	}
	return customers{
		active: c.on.DemoUser.Email, suspended: of["suspended/"], rejected: of["rejected/"], inReview: of["pending/in_review"],
		changes: of["pending/changes_requested"], waiting: of["pending/awaiting_documents"],
	}, nil
}

// customerSubjects returns every page of the portal, whole.
func (c *camera) customerSubjects(ctx context.Context) ([]subject, error) {
	if c.on.DemoUser.Email == "" {
		return nil, nil // there are staff only
	}
	who, err := c.findCustomers(ctx)
	if err != nil {
		return nil, err
	}
	send := chromedp.Click(chromedp.CSS("#form button[type=submit]"))
	swahili := []chromedp.Action[chromedp.Void]{
		chromedp.Click(chromedp.CSS(".switch button[value=sw]")), chromedp.WaitReady(chromedp.CSS(`html[lang="sw"]`)),
	}
	english := chromedp.Click(chromedp.CSS(".switch button[value=en]"))
	return []subject{
		{name: "portal-welcome", path: "/", out: true, whole: true},
		{name: "portal-register", path: "/register", out: true, whole: true},
		{name: "portal-register-wrong", path: "/register", out: true, whole: true, steps: []chromedp.Action[chromedp.Void]{
			chromedp.SendKeys(chromedp.CSS("#email"), "asha@"), chromedp.SendKeys(chromedp.CSS("#phone"), "022 211 0000"),
			chromedp.SendKeys(chromedp.CSS("#password"), "password1234"), send, chromedp.WaitVisible(chromedp.CSS("#wrong")),
		}, after: chromedp.Navigate(c.on.URL + "/")}, // where what was typed is forgotten
		{name: "portal-register-swahili", path: "/register", out: true, whole: true, steps: swahili, after: english},
		{name: "portal-login", path: "/login", out: true, whole: true},
		{name: "portal-login-wrong", path: "/login", out: true, whole: true, steps: []chromedp.Action[chromedp.Void]{
			chromedp.SendKeys(chromedp.CSS("#email"), "nobody@example.co.tz"), chromedp.SendKeys(chromedp.CSS("#password"), "some words that are wrong"),
			send, chromedp.WaitVisible(chromedp.CSS("#refusal")),
		}},
		{name: "portal-login-suspended", path: "/login", out: true, whole: true, steps: []chromedp.Action[chromedp.Void]{
			chromedp.SendKeys(chromedp.CSS("#email"), who.suspended), chromedp.SendKeys(chromedp.CSS("#password"), c.on.DemoUser.Password),
			send, chromedp.WaitVisible(chromedp.CSS(".reason")),
		}},
		{name: "portal-forgot", path: "/forgot-password", out: true, whole: true},
		{name: "portal-forgot-sent", path: "/forgot-password", out: true, whole: true, steps: []chromedp.Action[chromedp.Void]{
			chromedp.SendKeys(chromedp.CSS("#email"), "nobody@example.co.tz"), send, chromedp.WaitVisible(chromedp.CSS("section[role=status]")),
		}},
		{name: "portal-reset-spent", path: "/reset-password/kbr_spent", out: true, whole: true},
		{name: "portal-missing", path: "/nowhere", out: true, whole: true},
		{name: "portal-status-waiting", path: "/status", as: who.waiting, whole: true},
		{name: "portal-documents", path: "/documents", as: who.waiting, whole: true},
		{name: "portal-documents-more", path: "/documents", as: who.changes, whole: true},
		{name: "portal-status-review", path: "/status", as: who.inReview, whole: true},
		{name: "portal-status-changes", path: "/status", as: who.changes, whole: true},
		{name: "portal-status-rejected", path: "/status", as: who.rejected, whole: true},
		{name: "portal-correct", path: "/correct", as: who.rejected, whole: true},
		{name: "portal-home", path: "/home", as: who.active, whole: true},
		{name: "portal-billing", path: "/billing", as: who.active, whole: true},
		{name: "portal-keys", path: "/api-keys", as: who.active, whole: true},
		{name: "portal-account", path: "/account", as: who.active, whole: true},
		{name: "portal-contact", path: "/contact", as: who.active, whole: true},
		{name: "portal-contact-email", path: "/contact/email", as: who.active, whole: true},
		{name: "portal-verify-email", path: "/verify-email/kbe_spent", out: true, whole: true},
	}, nil
}

// windowOf returns the window in which a demo user has logged in.
func (c *camera) windowOf(email string) (context.Context, error) {
	if window := c.users[email]; window != nil {
		return window, nil
	}
	window, _ := chromedp.NewContext(c.browser, chromedp.WithNewBrowserContext()) // ends with the browser
	err := chromedp.Do(window,
		chromedp.Navigate(c.on.URL+"/login"),
		chromedp.SendKeys(chromedp.CSS("#email"), email),
		chromedp.SendKeys(chromedp.CSS("#password"), c.on.DemoUser.Password),
		chromedp.Click(chromedp.CSS("#form button[type=submit]")),
		chromedp.WaitVisible(chromedp.CSS("nav.sections")),
	)
	if err != nil {
		return nil, fmt.Errorf("log in as %s: %w", email, err)
	}
	c.users[email] = window
	return window, nil
}
