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

// subject is a page, or a state of one.
type subject struct {
	name  string
	path  string
	steps []chromedp.Action[chromedp.Void] // after it has been opened
	after chromedp.Action[chromedp.Void]   // what undoes them; nil for nothing
	out   bool                             // without a session
	as    string                           // the e-mail of the demo user who has logged in; "" for the admin
	whole bool                             // also what is below the window
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
		chromedp.Navigate(c.on.URL + s.path),
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
	return shot.Data, err
}

// settled waits until every picture of the page is there.
func settled() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](`[...document.images].every(i => i.complete)`, chromedp.WithPollingTimeout(10*time.Second)))
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
	review := "/console/accounts/" + pending.Items[0].ID + "/review"
	return []subject{
		{name: "sign-in", path: "/console/sign-in", out: true},
		{name: "users", path: "/console/users"},
		{name: "users-active", path: "/console/users?status=active&sort=last_active_at"},
		{name: "pending", path: "/console/pending"},
		{name: "review", path: review},
		{name: "review-approve", path: review, steps: dialog("a")},
		{name: "review-reject", path: review, steps: dialog("r")},
		{name: "reject", path: "/console/accounts/" + pending.Items[0].ID + "/reject"},
		{name: "profile-active", path: of["active"]},
		{name: "profile-suspended", path: of["suspended"]},
		{name: "suspend", path: of["active"] + "/suspend"},
		{name: "problem", path: "/console/users?status=nothing"},
	}, nil
}

// get asks the API as the admin.
func (c *camera) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.on.URL+path, http.NoBody)
	if err != nil {
		return err
	}
	for _, who := range c.on.Staff {
		if who.Role == "admin" {
			request.Header.Set("Authorization", "Bearer "+who.Token)
		}
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}
