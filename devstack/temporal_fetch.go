package devstack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
)

// fetchTemporal downloads the CLI with the SDK's dev-server helper.
func fetchTemporal(ctx context.Context, target string, progress Progress) error {
	const site = "https://temporal.download/"
	if err := checkReachable(ctx, site); err != nil {
		return err
	}
	progress("fetching the Temporal CLI %s", TemporalVersion)
	return downloadTemporal(ctx, target, fetchLimit)
}

// downloadTemporal gives up once nothing has arrived for as long as limit.
func downloadTemporal(ctx context.Context, target string, limit time.Duration) error {
	dir, err := os.MkdirTemp(filepath.Dir(target), "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The helper writes what arrives into the folder, and names the program so
	// once it is whole.
	fetched := filepath.Join(dir, "temporal-cli-v"+TemporalVersion)
	ctx, giveUp := whileGrowing(ctx, limit, func() int64 { return folderSize(dir) })
	defer giveUp(nil)
	go func() {
		defer giveUp(nil)
		for whole := false; !whole; {
			whole = waitUntil(limit, func() bool {
				_, err := os.Stat(fetched)
				return err == nil || ctx.Err() != nil
			})
		}
	}()
	// The helper also starts a server, which could be left behind. With --help
	// that server prints its usage and ends, and the helper waits for it until
	// the context is cancelled.
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		CachedDownload: testsuite.CachedDownload{Version: "v" + TemporalVersion, DestDir: dir},
		ClientOptions:  &client.Options{Logger: silent{}},
		ExtraArgs:      []string{"--help"}, Stdout: io.Discard, Stderr: io.Discard,
	})
	if err == nil {
		return server.Stop()
	}
	if _, missing := os.Stat(fetched); missing == nil {
		return os.Rename(fetched, target)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// checkReachable returns soon when a site cannot be reached, as on a machine
// without a way to the internet.
func checkReachable(ctx context.Context, site string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, site, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return fmt.Errorf("reach %s: %w", site, err)
	}
	return response.Body.Close()
}

// toolsFolder is the tools module of this source tree, "" when it is not at
// hand: above the working folder, or where this file was compiled.
func toolsFolder() string {
	var starts []string
	if working, err := os.Getwd(); err == nil {
		starts = append(starts, working)
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			content, err := os.ReadFile(filepath.Join(dir, "tools", "go.mod"))
			if err == nil && strings.Contains(string(content), "module kibali/tools\n") {
				return filepath.Join(dir, "tools")
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return ""
}
