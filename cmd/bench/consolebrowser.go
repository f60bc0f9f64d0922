package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"kibali/web"
)

// firstPages are pages that somebody may open first, with nothing in the
// browser's cache.
var firstPages = []struct {
	path  string
	staff bool
}{
	{"/console/sign-in", false}, {"/console/users", true}, {"/console/pending", true}, {"/console/ledger", true}, {"/console/dashboard", true},
	{"/", false}, {"/register", false}, {"/login", false}, {"/forgot-password", false},
}

// setCookie gives a window the session of a staff member.
func setCookie(address, cookie string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: string(web.StaffCookie), Value: cookie, URL: "http://" + address})
		return err
	})
}

func (b *consoleBench) windowOf(staff bool) context.Context {
	if staff {
		return b.browser
	}
	return b.guest
}

// sizes measures how much a first page transfers, headers included, with all
// that it refers to.
func (b *consoleBench) sizes(ctx context.Context, _ consoleCommand) error {
	fmt.Println("\nA first page, compressed")
	for _, p := range firstPages {
		sent, err := inPage[float64](ctx, b.windowOf(p.staff), `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, e) => sum + e.transferSize, 0)`,
			emptyCache(), chromedp.Navigate("http://"+b.serve.address+p.path))
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		bound := boundPortalKB
		if strings.HasPrefix(p.path, "/console") {
			bound = boundConsoleKB
		}
		bounded(p.path, sent/1000, bound, "kB")
	}
	return nil
}

// paints measures when the largest thing of a first page is painted, on a
// processor that is so many times slower.
func (b *consoleBench) paints(ctx context.Context, _ consoleCommand) error {
	fmt.Printf("\nLargest contentful paint, processor %d times slower, nothing cached: middle and most of 5\n", throttledFactor)
	const paint = `new Promise(told => new PerformanceObserver(l => told(l.getEntries().at(-1).startTime)).observe({type: "largest-contentful-paint", buffered: true}))`
	for _, p := range firstPages {
		var times []float64
		for range 5 {
			took, err := inPage[float64](ctx, b.windowOf(p.staff), paint, throttle(throttledFactor), emptyCache(), chromedp.Navigate("http://"+b.serve.address+p.path))
			if err != nil {
				return fmt.Errorf("%s: %w", p.path, err)
			}
			times = append(times, took)
		}
		slices.Sort(times)
		bounded(fmt.Sprintf("%s (middle %.0f)", p.path, times[len(times)/2]), times[len(times)-1], boundPaint, "ms")
	}
	return nil
}

func throttle(factor float64) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: factor})
		return err
	})
}

func emptyCache() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.ClearBrowserCache, struct{}{})
		return err
	})
}

// browserPatience is how long a window is waited for.
const browserPatience = 30 * time.Second

// inPage does steps in a window and returns what an expression is then.
func inPage[T any](ctx context.Context, window context.Context, expression string, steps ...chromedp.Action[chromedp.Void]) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	window, cancel := context.WithTimeout(window, browserPatience)
	defer cancel()
	if err := chromedp.Do(window, steps...); err != nil {
		return none, err
	}
	return chromedp.Run(window, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}
