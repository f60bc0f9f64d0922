package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"kibali/devstack/browser"
)

// look is how a page is looked at.
type look struct {
	suffix        string
	width, height int64
	theme         string
}

var looks = []look{
	{"", 1280, 800, "light"},
	{"-dark", 1280, 800, "dark"},
	{"-phone", 360, 760, "light"},
}

// taller is how the Temporal UI is looked at, whose themes are not ours.
var taller = []look{{"", 1280, 900, "light"}}

// subject is a page, or a state of one.
type subject struct {
	name     string
	path     string
	steps    []chromedp.Action[chromedp.Void] // after it has been opened
	after    chromedp.Action[chromedp.Void]   // what undoes them; nil for nothing
	out      bool                             // without a session
	as       string                           // the e-mail of the demo user who has logged in; "" for the admin
	whole    bool                             // also what is below the window
	temporal bool                             // a page of the Temporal UI
}

// camera is a browser in which an admin has signed in.
type camera struct {
	on      installation
	browser context.Context
	in, out context.Context
	users   map[string]context.Context // by e-mail
}

func openCamera(ctx context.Context, on installation) (*camera, func(), error) {
	window, stop, err := browser.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := &camera{on: on, browser: window, users: map[string]context.Context{}}
	var closeIn, closeOut func()
	c.in, closeIn = chromedp.NewContext(window, chromedp.WithNewBrowserContext())
	c.out, closeOut = chromedp.NewContext(window, chromedp.WithNewBrowserContext())
	end := func() {
		closeIn()
		closeOut()
		stop()
	}
	// A window opens with its first use, and must outlive it.
	err = chromedp.Do(c.out)
	if err == nil {
		err = c.signIn()
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return c, end, nil
}

func (c *camera) signIn() error {
	for _, who := range c.on.Staff {
		if who.Role != "admin" {
			continue
		}
		return chromedp.Do(c.in,
			chromedp.Navigate(c.on.URL+"/console/sign-in"),
			chromedp.SendKeys(chromedp.CSS("#email"), who.Email),
			chromedp.SendKeys(chromedp.CSS("#password"), who.Password),
			chromedp.Click(chromedp.CSS("#sign-in button")),
			chromedp.WaitVisible(chromedp.CSS("header.top")),
		)
	}
	return fmt.Errorf("there is no admin")
}

// take opens a page and returns its picture.
func (c *camera) take(s subject, l look) ([]byte, error) {
	window := c.in
	switch {
	case s.out:
		window = c.out
	case s.as != "":
		var err error
		if window, err = c.windowOf(s.as); err != nil {
			return nil, err
		}
	}
	window, cancel := context.WithTimeout(window, 30*time.Second)
	defer cancel()
	address := c.on.URL + s.path
	if s.temporal {
		address = c.on.TemporalUIURL + s.path
	}
	mobile := []chromedp.EmulateViewportOption{}
	if l.width < 500 {
		mobile = append(mobile, chromedp.EmulateMobile)
	}
	steps := []chromedp.Action[chromedp.Void]{
		chromedp.EmulateViewport(l.width, l.height, mobile...),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.theme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
			})
			return err
		}),
		chromedp.Navigate(address),
		chromedp.WaitReady(chromedp.CSS("main")),
	}
	if err := chromedp.Do(window, append(steps, s.steps...)...); err != nil {
		return nil, err
	}
	if err := chromedp.Do(window, settled()); err != nil {
		return nil, err
	}
	shot, err := chromedp.Call(window, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, CaptureBeyondViewport: &s.whole,
	})
	if err == nil && s.after != nil {
		err = chromedp.Do(window, s.after)
	}
	if err != nil {
		return nil, err
	}
	return shrink(shot.Data)
}

// settled waits until every picture of the page is there.
func settled() chromedp.Action[chromedp.Void] {
	return until(`[...document.images].every(i => i.complete)`)
}

// until waits until an expression is true on the page.
func until(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(10*time.Second)))
		return err
	})
}

// do runs statements on the page.
func do(statements string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`(() => { `+statements+`; return true })()`))
		return err
	})
}

// subjects returns every page there is to see.
func (c *camera) subjects(ctx context.Context) ([]subject, error) {
	var pending struct {
		Items []struct{ ID string }
	}
	if err := c.get(ctx, "/v1/accounts?status=pending&limit=1&q=ltd", &pending); err != nil {
		return nil, err
	}
	var rich struct {
		Items []struct{ ID string }
	}
	if err := c.get(ctx, "/v1/accounts?status=active&sort=credits&limit=1", &rich); err != nil {
		return nil, err
	}
	var all struct {
		Items []struct{ ID, Status string }
	}
	if err := c.get(ctx, "/v1/accounts?limit=100", &all); err != nil {
		return nil, err
	}
	of := map[string]string{}
	for _, a := range all.Items {
		of[a.Status] = "/console/accounts/" + a.ID
	}
	dialog := func(key string) []chromedp.Action[chromedp.Void] {
		return []chromedp.Action[chromedp.Void]{
			chromedp.KeyEvent(key), chromedp.WaitVisible(chromedp.CSS("#dialog #preview")),
		}
	}
	if len(rich.Items) > 0 { // which has the most to show
		of["active"] = "/console/accounts/" + rich.Items[0].ID
	}
	review := "/console/accounts/" + pending.Items[0].ID + "/review"
	const form = `#dialog [name=amount]`
	return []subject{
		{name: "console-sign-in", path: "/console/sign-in", out: true},
		{name: "console-users", path: "/console/users"},
		{name: "console-users-search", path: "/console/users?q=ltd&sort=credits"},
		{name: "console-pending", path: "/console/pending"},
		{name: "console-review", path: review},
		{name: "console-approve", path: review, steps: dialog("a")},
		{name: "console-reject", path: review, steps: dialog("r")},
		{name: "console-profile", path: of["active"]},
		{name: "console-suspended", path: of["suspended"]},
		{name: "console-suspend", path: of["active"] + "/suspend"},
		{name: "console-top-up", path: of["active"], steps: []chromedp.Action[chromedp.Void]{
			chromedp.Click(chromedp.CSS(`.actions a[href$="/top-up"]`)), chromedp.WaitVisible(chromedp.CSS(form)),
			chromedp.SendKeys(chromedp.CSS(form), "150,000"), chromedp.WaitVisible(chromedp.CSS("#dialog .letters")),
		}},
		{name: "console-ledger", path: "/console/ledger"},
		{name: "console-top-ups", path: "/console/top-ups"},
		{name: "console-appeals", path: "/console/appeals?state=all"},
		{name: "console-dashboard", path: "/console/dashboard"},
		{name: "console-audit", path: "/console/audit"},
		{name: "console-policy", path: "/console/settings"},
		{name: "console-notices", path: "/console/settings/notices?kind=approved"},
		{name: "console-staff", path: "/console/staff"},
		{name: "console-services", path: "/console/services"},
		{name: "console-security", path: "/console/self"},
		{name: "console-problem", path: "/console/users?status=nothing"},
	}, nil
}

// get asks the API as the admin.
func (c *camera) get(ctx context.Context, path string, into any) error {
	token := ""
	for _, who := range c.on.Staff {
		if who.Role == "admin" {
			token = who.Token
		}
	}
	return c.fetch(ctx, c.on.URL+path, token, into)
}

// fetch reads JSON as somebody with a token, or nobody.
func (c *camera) fetch(ctx context.Context, address, token string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}
