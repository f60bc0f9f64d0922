// Package browsertest lets tests use pages as people do: in windows of one
// headless Chromium. A window fails its test when a page logs an error, throws,
// or does what its Content-Security-Policy forbids. It is for tests.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"kibali/devstack/browser"
)

// patience is how long a window waits for what must come.
const patience = 20 * time.Second

var shared struct {
	once sync.Once
	ctx  context.Context
	stop func()
	err  error
}

// Stop ends the browser, if one was started. It is for TestMain.
func Stop() {
	if shared.stop != nil {
		shared.stop()
	}
}

// Window is a window of the browser, with cookies of its own.
type Window struct {
	t       testing.TB
	ctx     context.Context
	base    string
	mu      sync.Mutex
	trouble []string
	// Expected are parts of console messages that the test causes on purpose.
	Expected []string
}

// Look is what a window looks like, and what it can do.
type Look struct {
	Width, Height int64 // 1280 by 800 when zero
	Dark          bool
	NoScript      bool
}

// Open opens a window at the site whose address is base.
func Open(t testing.TB, base string, look Look) *Window {
	t.Helper()
	shared.once.Do(func() { shared.ctx, shared.stop, shared.err = browser.Start(context.Background()) })
	require.NoError(t, shared.err, "tests of pages need Chromium")
	ctx, cancel := chromedp.NewContext(shared.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	w := &Window{t: t, ctx: ctx, base: base}
	require.NoError(t, chromedp.Listen(ctx, w.hear))
	if look.Width == 0 {
		look.Width, look.Height = 1280, 800
	}
	var mobile []chromedp.EmulateViewportOption
	if look.Width < 500 {
		mobile = append(mobile, chromedp.EmulateMobile)
	}
	theme := "light"
	if look.Dark {
		theme = "dark"
	}
	w.do(
		chromedp.EmulateViewport(look.Width, look.Height, mobile...),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: look.NoScript}); err != nil {
				return err
			}
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}})
			return err
		}),
	)
	t.Cleanup(w.check)
	return w
}

// hear notes what a page must not do.
func (w *Window) hear(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = "threw: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			text = fmt.Sprintf("said: %s", e.Type)
			for _, arg := range e.Args {
				text += " " + string(arg.Value) + arg.Description
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning || e.Entry.Source == log.EntrySourceSecurity {
			text = fmt.Sprintf("logged: %s %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	}
	if text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = append(w.trouble, text)
}

// check fails the test for what its pages did.
func (w *Window) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
trouble:
	for _, text := range w.trouble {
		for _, expected := range w.Expected {
			if strings.Contains(text, expected) {
				continue trouble
			}
		}
		w.t.Errorf("a page %s", text)
	}
}

func (w *Window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		require.NoError(w.t, err, w.Seen())
	}
}

// Go opens a page of the site and waits until it is there.
func (w *Window) Go(path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.base + path))
}

// Back goes back in the window's history. A page that the browser kept does not load
// again, so nothing is waited for.
func (w *Window) Back() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("history.back(), true"))
	if err != nil && strings.Contains(err.Error(), "navigated or closed") { // before it had answered
		return
	}
	require.NoError(w.t, err)
}

// Beside opens another window of the same browser, with the same cookies.
func (w *Window) Beside() *Window {
	w.t.Helper()
	ctx, cancel := chromedp.NewContext(w.ctx)
	w.t.Cleanup(cancel)
	other := &Window{t: w.t, ctx: ctx, base: w.base}
	require.NoError(w.t, chromedp.Listen(ctx, other.hear))
	other.do()
	w.t.Cleanup(other.check)
	return other
}

// Line is what a window's line to the site is like.
type Line struct {
	Cut    bool
	Upload float64 // bytes a second; as fast as it is when zero
}

// Line makes the window's line to the site another one.
func (w *Window) Line(line Line) {
	w.t.Helper()
	if line.Upload == 0 {
		line.Upload = -1
	}
	w.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Offline: line.Cut, DownloadThroughput: -1, UploadThroughput: line.Upload}},
		})
		return err
	}))
}

// Click clicks the first element that matches, once it can be seen.
func (w *Window) Click(selector string) {
	w.t.Helper()
	w.See(selector)
	// Where it is once it rests there, and nothing lies over it.
	w.Until(fmt.Sprintf(`(e => {
		if (!e) return false;
		e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
		const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
		const hit = document.elementFromPoint(x, y), at = x + "," + y, rests = window.restsAt === at;
		window.restsAt = at;
		return rests && hit && (e.contains(hit) || hit.contains(e) || e.labels && [...e.labels].some(l => l.contains(hit)));
	})(%s)`, visible(selector)))
	at := Eval[struct{ X, Y float64 }](w, fmt.Sprintf(`(e => {
		const r = e.getBoundingClientRect();
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2};
	})(%s)`, visible(selector)))
	w.do(chromedp.MouseClickXY(at.X, at.Y))
}

// Fill types into a field in place of what it holds.
func (w *Window) Fill(selector, text string) {
	w.t.Helper()
	w.See(selector)
	held := Eval[bool](w, fmt.Sprintf(`(e => { e.focus(); e.select(); return e.value !== ""; })(%s)`, visible(selector)))
	if held {
		w.Press(kb.Delete)
	}
	w.Press(text)
}

// Put sets a field's value at once, as a picker does.
func (w *Window) Put(selector, text string) {
	w.t.Helper()
	w.See(selector)
	Eval[bool](w, fmt.Sprintf(`(e => {
		e.value = %q;
		e.dispatchEvent(new Event("input", {bubbles: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})(%s)`, text, visible(selector)))
}

// visible is an expression for the first element that matches and can be seen.
func visible(selector string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%q)].find(e => e.getClientRects().length > 0)`, selector)
}

// Press presses keys, one after the other, wherever the focus is.
func (w *Window) Press(keys string) {
	w.t.Helper()
	w.do(chromedp.KeyEvent(keys))
}

// Keys that Press takes.
const (
	Enter  = kb.Enter
	Escape = kb.Escape
	Tab    = kb.Tab
)

// Eval runs an expression in the page.
func Eval[T any](w *Window, expression string) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(w.t, err)
	return value
}

// Until waits until an expression holds in the page.
func (w *Window) Until(expression string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// A page that is just going away has an answer to nothing.
		value, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && value {
			return
		}
		select {
		case <-ctx.Done():
			require.Fail(w.t, "it did not come to be", "%s\n%s", expression, w.Seen())
		case <-tick.C:
		}
	}
}

// See waits until an element that matches can be seen.
func (w *Window) See(selector string) {
	w.t.Helper()
	w.Until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden")`, selector))
}

// Gone waits until no element that matches can be seen.
func (w *Window) Gone(selector string) {
	w.t.Helper()
	w.Until(fmt.Sprintf(`![...document.querySelectorAll(%q)].some(e => e.getClientRects().length > 0)`, selector))
}

// Read waits until the page says a text somewhere.
func (w *Window) Read(text string) {
	w.t.Helper()
	w.Until(fmt.Sprintf(`document.body && document.body.innerText.includes(%q)`, text))
}

// At waits until the window is at a path that contains a part.
func (w *Window) At(part string) {
	w.t.Helper()
	w.Until(fmt.Sprintf(`document.readyState !== "loading" && (location.pathname + location.search).includes(%q)`, part))
}

// Path returns where the window is.
func (w *Window) Path() string {
	w.t.Helper()
	return Eval[string](w, "location.pathname + location.search")
}

// Seen returns what the page says, for messages of failures. With
// KIBALI_TEST_SCREENS set to a folder it leaves a picture there too.
func (w *Window) Seen() string {
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`location.href + "\n" + (document.querySelector("dialog[open]") || document.body).innerText.slice(0, 1500)`))
	if err != nil {
		text = err.Error()
	}
	if shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil && os.Getenv("KIBALI_TEST_SCREENS") != "" {
		name := filepath.Join(os.Getenv("KIBALI_TEST_SCREENS"), strings.NewReplacer("/", "_", " ", "_").Replace(w.t.Name())+".png")
		if err := os.WriteFile(name, shot, 0o600); err == nil {
			text += "\nseen in " + name
		}
	}
	return text
}
