package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/devstack"
	"kibali/devstack/browser"
	"kibali/identity"
	"kibali/web"
)

type consoleCommand struct {
	Accounts  int    `default:"1000000" help:"How many accounts there are."`
	Repeats   int    `default:"60" help:"How often each page is asked for."`
	Decisions int    `default:"20" help:"How many decisions are taken in the browser."`
	Kibali    string `type:"existingfile" help:"The program to measure; it is built when none is named."`
	Quick     bool   `help:"Fewer accounts, unless told how many, and few repeats: to see that it works."`

	dir string // of the run
}

// The bounds.
const (
	boundListPage   = 40  // ms, p95
	boundProfile    = 60  // ms, p95
	boundConsoleKB  = 100 // of a first page
	boundPortalKB   = 50
	boundPaint      = 1000 // ms
	boundDecision   = 1000 // ms
	boundConsoles   = 50   // MB that the consoles below cost
	openConsoles    = 200
	throttledFactor = 4
)

// Run measures and prints.
func (c consoleCommand) Run(ctx context.Context) (err error) {
	if c.Quick {
		c.Accounts, c.Repeats, c.Decisions = min(c.Accounts, quickAccounts), 10, 3
	}
	if c.dir, err = os.MkdirTemp("", "kibali-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	// PostgreSQL may have to run as another user, who has to get there.
	if err := os.Chmod(c.dir, 0o711); err != nil { //nolint:gosec // entered, not read
		return err
	}
	if c.Kibali == "" {
		if c.Kibali, err = buildKibali(ctx, c.dir); err != nil {
			return err
		}
	}
	postgres, err := openDataset(ctx, c.Accounts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	fmt.Printf("%d accounts, PostgreSQL %s, %s\n", c.Accounts, postgres.Version(), machine())
	if err := c.reading(ctx, postgres); err != nil {
		return err
	}
	return c.deciding(ctx)
}

// reading measures what takes no case: pages, their size and their paint, and
// open consoles.
func (c consoleCommand) reading(ctx context.Context, postgres *devstack.Postgres) (err error) {
	b, err := c.open(ctx, postgres)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, measure := range []func(context.Context, consoleCommand) error{b.live, b.pages, b.openBrowser, b.sizes, b.paints} {
		if err := measure(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// consoleBench is a serve on the dataset, and a staff member who has signed in.
type consoleBench struct {
	owner  *pgxpool.Pool // of the server, to see other connections too
	serve  *server
	cookie string
	// browser is a window of Chromium in which the staff member has signed in, and
	// guest one of nobody's.
	browser, guest context.Context
	stopBrowser    func()
}

func (c consoleCommand) open(ctx context.Context, postgres *devstack.Postgres) (_ *consoleBench, err error) {
	b := &consoleBench{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.owner, err = pgxpool.New(ctx, postgres.SuperuserURL(devstack.DatabaseName)); err != nil {
		return nil, err
	}
	if b.cookie, err = signStaffIn(ctx, b.owner); err != nil {
		return nil, err
	}
	b.serve, err = startReading(ctx, c.Kibali, postgres.AppURL(devstack.DatabaseName), rand.Text()+rand.Text(), c.dir, "KIBALI_STAFF_SECOND_FACTOR=optional")
	return b, err
}

// openBrowser starts Chromium, when what it would take time from has been
// measured.
func (b *consoleBench) openBrowser(ctx context.Context, _ consoleCommand) (err error) {
	b.browser, b.guest, b.stopBrowser, err = openWindows(ctx, b.serve.address, b.cookie)
	return err
}

func (b *consoleBench) close() error {
	if b.stopBrowser != nil {
		b.stopBrowser()
	}
	if b.owner != nil {
		b.owner.Close()
	}
	if b.serve == nil {
		return nil
	}
	return b.serve.stop()
}

// signStaffIn begins a session of an admin, as signing in does, and returns its
// token.
func signStaffIn(ctx context.Context, owner *pgxpool.Pool) (string, error) {
	token, hash := identity.NewToken(identity.StaffSessionToken)
	_, err := owner.Exec(ctx, `
		INSERT INTO staff_sessions (id, staff_id, hash, method, created_at, authenticated_at, recent_until, last_used_at, idle, expires_at)
		SELECT $1, id, $2, 'password', now(), now(), now() + interval '2 hours', now(), '2 hours', now() + interval '2 hours'
		FROM staff WHERE role = 'admin' LIMIT 1`, uuid.New(), hash[:])
	return token, err
}

// openWindows starts Chromium with one window that has the cookie and one that
// has none.
func openWindows(ctx context.Context, address, cookie string) (in, out context.Context, stop func(), err error) {
	chromium, stop, err := browser.Start(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	in, _ = chromedp.NewContext(chromium, chromedp.WithNewBrowserContext()) // both end with Chromium
	out, _ = chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	if err = chromedp.Do(out); err == nil {
		err = chromedp.Do(in, setCookie(address, cookie))
	}
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return in, out, stop, nil
}

// asStaff is a request for a page of a staff member.
func (b *consoleBench) asStaff(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s=%s\r\nAccept-Encoding: gzip\r\n\r\n", path, b.serve.address, web.StaffCookie, b.cookie)
}

// bounded prints a figure beside its bound.
func bounded(what string, figure float64, bound int, unit string) {
	fmt.Println(verdict(figure <= float64(bound), "%-52s %8.1f %s (at most %s)", what, figure, unit, strconv.Itoa(bound)))
}
