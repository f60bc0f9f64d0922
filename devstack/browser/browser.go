// Package browser runs a headless Chromium, for tests of pages and for
// screenshots. It is part of the development stack and imports nothing of ours.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"
)

// names are what Chromium and its relatives are called, the first found counts.
var names = []string{
	"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "headless-shell",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
}

// ErrMissing says that this machine has no Chromium.
var ErrMissing = errors.New("no Chromium is installed: install one (Debian: apt-get install chromium), or name it in KIBALI_CHROMIUM")

// Find returns the path of Chromium, or ErrMissing. The variable
// KIBALI_CHROMIUM names another one.
func Find() (string, error) {
	if path := os.Getenv("KIBALI_CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// startLimit is how long Chromium may take to start, on a machine that does
// much else.
const startLimit = time.Minute

// Start starts Chromium. Contexts that chromedp.NewContext makes of the
// returned one are windows of it. It ends with stop, or with ctx.
func Start(ctx context.Context) (_ context.Context, stop func(), err error) {
	path, err := Find()
	if err != nil {
		return nil, nil, err
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.WSURLReadTimeout(startLimit),
		chromedp.NoSandbox, // as root, and in containers, it has none
		chromedp.DisableGPU,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en-GB"),
	)
	ctx, stopProgram := chromedp.NewExecAllocator(ctx, flags...)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		stopBrowser()
		stopProgram()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return ctx, func() {
		_ = chromedp.Cancel(ctx) // closes it in order; what is left ends with stopProgram
		stopBrowser()
		stopProgram()
	}, nil
}
