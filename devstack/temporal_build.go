package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// temporalBuild builds the Temporal CLI with the Go toolchain; a test has its own
// environment and limit.
type temporalBuild struct {
	env   []string      // added to the environment
	limit time.Duration // how long nothing of the source may arrive
}

// build builds the CLI: from tools/, whose go.sum pins every byte of it, where
// this source tree is at hand, else as a module.
func (b temporalBuild) build(ctx context.Context, target string, progress Progress) error {
	path, err := exec.LookPath("go")
	if err != nil {
		return errors.New("there is no Go toolchain to build it with")
	}
	const pkg = "github.com/temporalio/cli/cmd/temporal"
	stamp := "-ldflags=-X github.com/temporalio/cli/temporalcli.Version=" + TemporalVersion
	tool := process{title: "go", path: path, dir: filepath.Dir(target), env: append(cleanEnvironment("GOFLAGS="), "GOWORK=off")}
	tool.env = append(tool.env, b.env...)
	command := []string{"install", stamp, pkg + "@v" + TemporalVersion}
	if tools := toolsFolder(); tools != "" {
		tool.dir, command = tools, []string{"build", stamp, "-o", target, pkg}
	} else {
		tool.env = append(tool.env, "GOBIN="+filepath.Dir(target))
	}
	modules, err := b.fetchSource(ctx, tool, command, progress)
	if err != nil {
		return fmt.Errorf("fetch its source: %w", err)
	}

	defer reportEvery(10*time.Second, func(passed time.Duration) {
		progress("building the Temporal CLI %s once, about five minutes on two cores (%s so far)", TemporalVersion, passed)
	})()
	// Nothing is left to fetch, and nothing can be waited for.
	cached := url.URL{Scheme: "file", Path: filepath.Join(modules, "download")}
	tool.env = append(tool.env, "GOPROXY="+cached.String())
	tool.args = command
	_, err = tool.run(ctx)
	return err
}

// fetchSource has the modules downloaded that a build takes, and returns the
// folder that has what was downloaded. A build by itself waits for them for ever.
func (b temporalBuild) fetchSource(ctx context.Context, tool process, command []string, progress Progress) (modules string, err error) {
	tool.args = []string{"env", "GOMODCACHE"}
	place, err := tool.run(ctx)
	if err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(place), "\n") // a toolchain that is fetched is told of before
	modules = filepath.Join(lines[len(lines)-1], "cache")
	defer reportEvery(10*time.Second, func(passed time.Duration) {
		progress("fetching the source of the Temporal CLI %s (%s so far)", TemporalVersion, passed)
	})()
	ctx, giveUp := whileGrowing(ctx, b.limit, func() int64 { return folderSize(modules) })
	defer giveUp(nil)
	// With -n go loads the packages, for which it downloads their modules, and
	// then only says what it would do.
	tool.args = append([]string{command[0], "-n"}, command[1:]...)
	_, err = tool.run(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return modules, err
}

// reportEvery calls report at once and then in each interval until the function
// that it returns is called.
func reportEvery(interval time.Duration, report func(passed time.Duration)) (stop func()) {
	begin := time.Now()
	report(0)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				report(time.Since(begin).Round(time.Second))
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}
