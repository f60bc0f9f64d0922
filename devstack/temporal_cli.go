package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// TemporalVersion is the version of the Temporal CLI that is fetched or built
// when none is installed. tools/go.mod pins the same one.
const TemporalVersion = "1.5.1"

// oldestTemporal is the oldest Temporal server that Kibali runs on: the first
// on which update-with-start and worker deployments need no switching on.
var oldestTemporal = [2]int{1, 28}

// installTemporal is what to do when no Temporal CLI can be had.
const installTemporal = "install the Temporal CLI (https://docs.temporal.io/cli#install), or name it in KIBALI_TEMPORAL_CLI"

// temporalSearch says where the CLI comes from; a test has its own.
type temporalSearch struct {
	named string // KIBALI_TEMPORAL_CLI
	path  string // a list of folders, as in $PATH
	cache string
	fetch func(ctx context.Context, target string, progress Progress) error
	build func(ctx context.Context, target string, progress Progress) error
}

// TemporalCLI returns the path of a temporal program: the one that
// KIBALI_TEMPORAL_CLI names, else one on PATH that is new enough, else one of
// TemporalVersion that is fetched, or built from source, once and kept in the
// user's cache folder. Building takes some minutes; progress says so.
func TemporalCLI(ctx context.Context, progress Progress) (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	if progress == nil {
		progress = func(string, ...any) {}
	}
	return temporalSearch{
		named: os.Getenv("KIBALI_TEMPORAL_CLI"), path: os.Getenv("PATH"), cache: cache,
		fetch: fetchTemporal, build: temporalBuild{limit: fetchLimit}.build,
	}.find(ctx, progress)
}

func (s temporalSearch) find(ctx context.Context, progress Progress) (string, error) {
	if s.named != "" {
		if err := inspectTemporal(ctx, s.named); err != nil {
			return "", fmt.Errorf("KIBALI_TEMPORAL_CLI: %w", err)
		}
		return s.named, nil
	}
	for _, dir := range filepath.SplitList(s.path) {
		candidate := filepath.Join(dir, "temporal")
		if info, err := os.Stat(candidate); dir == "" || err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		err := inspectTemporal(ctx, candidate)
		if err == nil {
			return filepath.Abs(candidate)
		}
		progress("not using %v", err)
	}
	return s.obtain(ctx, progress)
}

// obtain returns the program in the cache, and puts it there when need be.
func (s temporalSearch) obtain(ctx context.Context, progress Progress) (string, error) {
	target := filepath.Join(s.cache, "temporal-"+TemporalVersion)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	release, err := waitForLock(ctx, target+".lock")
	if err != nil {
		return "", err
	}
	defer release()
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	work, err := os.MkdirTemp(s.cache, "temporal-new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	made := filepath.Join(work, "temporal")
	fetchErr := s.fetch(ctx, made, progress)
	if fetchErr != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err := s.build(ctx, made, progress); err != nil {
			return "", fmt.Errorf("no Temporal CLI: fetching it failed: %w; building it failed: %w; %s",
				fetchErr, err, installTemporal)
		}
	}
	if err := inspectTemporal(ctx, made); err != nil {
		return "", err
	}
	return target, os.Rename(made, target)
}

// inspectTemporal asks the program for its version, and refuses one whose server
// is too old.
func inspectTemporal(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	output, err := process{title: path, path: path, args: []string{"--version"}, env: cleanEnvironment("TEMPORAL_")}.run(ctx)
	if err != nil {
		return err
	}
	server, err := parseTemporalVersion(output)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if server[0] < oldestTemporal[0] || server[0] == oldestTemporal[0] && server[1] < oldestTemporal[1] {
		return fmt.Errorf("%s: its server %d.%d is older than %d.%d",
			path, server[0], server[1], oldestTemporal[0], oldestTemporal[1])
	}
	return nil
}

var temporalVersionPattern = regexp.MustCompile(`\(Server v?(\d+)\.(\d+)`)

// parseTemporalVersion reads what "temporal --version" prints, such as
// "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)".
func parseTemporalVersion(output string) (server [2]int, err error) {
	match := temporalVersionPattern.FindStringSubmatch(output)
	if match == nil {
		return server, fmt.Errorf("%q is not the version of a Temporal CLI with a server", strings.TrimSpace(output))
	}
	major, majorErr := strconv.Atoi(match[1])
	minor, minorErr := strconv.Atoi(match[2])
	return [2]int{major, minor}, errors.Join(majorErr, minorErr)
}
