package devstack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTemporalVersions(t *testing.T) {
	t.Parallel()
	for output, want := range map[string][2]int{
		"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)\n":     {1, 29},
		"temporal version 0.0.0-DEV (Server 1.30.0-rc.1, UI 2.0)": {1, 30},
	} {
		got, err := parseTemporalVersion(output)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := parseTemporalVersion("tctl version 1.18")
	require.Error(t, err)
}

func TestTheToolsModulePinsTheSameTemporal(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(toolsFolder(), "go.mod"))
	require.NoError(t, err)
	require.Regexp(t, `github\.com/temporalio/cli v`+regexp.QuoteMeta(TemporalVersion)+`\s`, string(content))
}

const currentTemporal = "echo 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)'"

func TestTheTemporalCLIIsLookedForInOrder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	named := program(t, filepath.Join(root, "named"), currentTemporal)
	old := program(t, filepath.Join(root, "old", "temporal"), "echo 'temporal version 1.0.0 (Server 1.24.2, UI 2.28.0)'")
	onPath := program(t, filepath.Join(root, "path", "temporal"), currentTemporal)
	path := filepath.Dir(old) + string(os.PathListSeparator) + filepath.Dir(onPath)
	make := func(script string) func(context.Context, string, Progress) error {
		return func(_ context.Context, target string, _ Progress) error {
			return os.WriteFile(target, []byte("#!/bin/sh\n"+script+"\n"), 0o755)
		}
	}
	unreachable := func(context.Context, string, Progress) error { return errors.New("no way to the internet") }
	read := func(path string) string {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(content)
	}

	found, err := temporalSearch{named: named, path: path}.find(t.Context(), quiet)
	require.NoError(t, err)
	require.Equal(t, named, found)

	found, err = temporalSearch{path: path}.find(t.Context(), quiet)
	require.NoError(t, err)
	require.Equal(t, onPath, found, "the first on PATH is too old")

	fetching := temporalSearch{path: filepath.Dir(old), cache: t.TempDir(), fetch: make(currentTemporal + " # fetched"), build: unreachable}
	found, err = fetching.find(t.Context(), quiet)
	require.NoError(t, err)
	require.Contains(t, read(found), "# fetched")
	fetching.fetch = unreachable
	again, err := fetching.find(t.Context(), quiet)
	require.NoError(t, err)
	require.Equal(t, found, again, "what was fetched is kept")

	building := temporalSearch{cache: t.TempDir(), fetch: unreachable, build: make(currentTemporal + " # built")}
	found, err = building.find(t.Context(), quiet)
	require.NoError(t, err)
	require.Contains(t, read(found), "# built")

	_, err = temporalSearch{cache: t.TempDir(), fetch: unreachable, build: unreachable}.find(t.Context(), quiet)
	require.ErrorContains(t, err, "no way to the internet")
	require.ErrorContains(t, err, "install the Temporal CLI")
	_, err = temporalSearch{named: old, path: path}.find(t.Context(), quiet)
	require.ErrorContains(t, err, "KIBALI_TEMPORAL_CLI: "+old+": its server 1.24 is older than 1.28")
}

func TestTheTemporalCLIIsBuiltOnceForAll(t *testing.T) {
	t.Parallel()
	var builds atomic.Int32
	search := temporalSearch{
		cache: t.TempDir(),
		fetch: func(context.Context, string, Progress) error { return errors.New("no way to the internet") },
		build: func(_ context.Context, target string, _ Progress) error {
			builds.Add(1)
			return os.WriteFile(target, []byte("#!/bin/sh\n"+currentTemporal+"\n"), 0o755)
		},
	}
	var finders sync.WaitGroup
	for range 8 {
		finders.Go(func() {
			found, err := search.find(t.Context(), quiet)
			if err != nil || filepath.Dir(found) != search.cache {
				t.Errorf("found %q: %v", found, err)
			}
		})
	}
	finders.Wait()
	require.EqualValues(t, 1, builds.Load())
}

func TestASourceThatNeverArrivesSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	search := temporalSearch{
		cache: t.TempDir(),
		fetch: func(context.Context, string, Progress) error { return errors.New("no way to the internet") },
		build: temporalBuild{
			env:   []string{"GOMODCACHE=" + t.TempDir(), "GOPROXY=http://" + silentServer(t), "GOTOOLCHAIN=local"},
			limit: 100 * time.Millisecond,
		}.build,
	}
	_, err := search.find(t.Context(), quiet)
	require.ErrorContains(t, err, "fetch its source: nothing was received for 100ms")
	require.ErrorContains(t, err, "install the Temporal CLI")
}

// A process reads once which proxy it has, so another one downloads.
func TestADownloadOfTheTemporalCLIThatNeverArrivesIsGivenUp(t *testing.T) {
	t.Parallel()
	download := process{title: "download", path: os.Args[0], env: append(cleanEnvironment("NO_PROXY", "no_proxy"),
		"HTTPS_PROXY=http://"+silentServer(t), temporalTarget+"="+filepath.Join(t.TempDir(), "temporal"))}
	output, err := download.run(t.Context())
	require.NoError(t, err)
	require.Equal(t, "nothing was received for 100ms\n", output)
}
