package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
	"kibali/documents/sample"
	"kibali/domain/cases"
	"kibali/migrations"
)

// equip installs what a walk takes, where that can be done, and returns what is
// missing, "" for nothing.
var equip = func() func(t *testing.T) string {
	var once sync.Once
	var missing string
	return func(t *testing.T) string {
		t.Helper()
		once.Do(func() {
			var wanted []string
			for _, tool := range []string{"bash", "curl", "jq"} {
				if _, err := exec.LookPath(tool); err != nil {
					wanted = append(wanted, tool)
				}
			}
			if len(wanted) == 0 {
				return
			}
			missing = strings.Join(wanted, ", ") + " must be installed"
			if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
				return
			}
			install := exec.CommandContext(t.Context(), "apt-get", append([]string{"install", "-y", "--no-install-recommends"}, wanted...)...)
			install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if output, err := install.CombinedOutput(); err != nil {
				missing += ": " + string(output)
				return
			}
			missing = ""
		})
		return missing
	}
}()

// walk runs the commands that docs/walkthrough.md has under a heading, in a
// folder, and fails with what they said when one of them fails.
func walk(t *testing.T, heading, dir string, settings ...string) {
	t.Helper()
	follow(t, dir, commandsOf(t, "docs/walkthrough.md", heading), settings...)
}

// commandsOf are those that a page has under a heading.
func commandsOf(t *testing.T, page, heading string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", page))
	require.NoError(t, err)
	_, part, found := strings.Cut(string(content), "\n## "+heading+"\n")
	require.True(t, found, heading)
	part, _, _ = strings.Cut(part, "\n## ")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(part, -1)
	require.NotEmpty(t, blocks)
	var all strings.Builder
	for _, block := range blocks {
		all.WriteString(block[1])
	}
	return all.String()
}

// follow runs commands in a folder, and fails with what they said when one of them
// fails.
func follow(t *testing.T, dir, script string, settings ...string) {
	t.Helper()
	if missing := equip(t); missing != "" {
		t.Fatal(missing)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	walking := exec.CommandContext(ctx, "bash", "-x", "-c", "set -euo pipefail\n"+script)
	walking.Dir, walking.Env = dir, append(os.Environ(), settings...)
	walking.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	walking.Cancel = func() error { return syscall.Kill(-walking.Process.Pid, syscall.SIGKILL) }
	walking.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	walking.Stdout, walking.Stderr = &said, &said
	err := walking.Run()
	_ = syscall.Kill(-walking.Process.Pid, syscall.SIGKILL) // what a walk that failed has left behind
	if lines := strings.Split(said.String(), "\n"); err != nil {
		require.NoError(t, err, "%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func TestWalkthrough(t *testing.T) {
	t.Parallel()

	t.Run("of everything on one machine", func(t *testing.T) {
		t.Parallel()
		data, dir := devtest.Folder(t), t.TempDir()
		p, _ := startDev(t, data, "--no-demo")
		require.NoError(t, os.Symlink(data, filepath.Join(dir, ".kibali")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "licence.pdf"), sample.PDF("Business licence", "Pwani Traders Ltd"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "director.jpg"), sample.JPEG(200, 140, 1), 0o600))
		walk(t, "One machine", dir)
		require.Zero(t, p.exit(syscall.SIGTERM))
	})

	t.Run("of the README", func(t *testing.T) {
		t.Parallel()
		data, dir := devtest.Folder(t), t.TempDir()
		p, _ := startDev(t, data, "--no-demo")
		require.NoError(t, os.Symlink(data, filepath.Join(dir, ".kibali")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "licence.pdf"), sample.PDF("Business licence", "Pwani Traders Ltd"), 0o600))
		// A request that is refused fails the walk, unless it shows the status.
		checked := "curl() { case $1 in -si|-sf) command curl \"$@\";; *) command curl --fail-with-body \"$@\";; esac; }\n"
		follow(t, dir, checked+commandsOf(t, "README.md", "A case with curl")+commandsOf(t, "README.md", "The gate with curl")+
			"curl -si $base/v1/gate/authorize -H \"Authorization: Bearer $key\" | grep '^HTTP/1.1 403'\n")
		require.Zero(t, p.exit(syscall.SIGTERM))
	})

	t.Run("while every worker is down", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		i := installation{database: devtest.NewDatabase(t, migrations.Migrate), temporal: devtest.Temporal(t, cases.SearchAttributes())}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "kibali"), []byte("#!/bin/sh\n"+asProgram+"=1 exec "+os.Args[0]+" \"$@\"\n"), 0o700))
		require.NoError(t, os.Symlink(i.temporal.CLI, filepath.Join(dir, "temporal")))
		settings := slices.Concat(providerSettings(t), []string{
			"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"),
			"KIBALI_DATABASE_URL=" + i.database.AppURL, "KIBALI_DOCUMENTS_URL=file://" + devtest.Folder(t),
			"KIBALI_SECRET_KEY=Zr8yUu1Xq7vM2nB5kT9wL3pD6sF0gH4j", "KIBALI_BASE_URL=https://id.example.co.tz",
			"KIBALI_LISTEN=" + freeAddress(t), "KIBALI_OPERATIONS_LISTEN=" + freeAddress(t),
			"TEMPORAL_ADDRESS=" + i.temporal.Address, "TEMPORAL_NAMESPACE=" + i.temporal.Namespace,
		})
		walk(t, "While every worker is down", dir, settings...)
	})
}
