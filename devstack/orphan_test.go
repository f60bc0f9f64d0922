package devstack

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// startParent runs a copy of this test binary that starts a stack in dir.
func startParent(t *testing.T, dir string) (parent *exec.Cmd, input io.Closer, report parentReport) {
	t.Helper()
	parent = exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentFolder+"="+dir)
	parent.Stderr = os.Stderr
	stdin, err := parent.StdinPipe()
	require.NoError(t, err)
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	require.NoError(t, json.NewDecoder(stdout).Decode(&report))
	return parent, stdin, report
}

func TestNothingOutlivesAParentThatIsKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	parent, _, report := startParent(t, dir)
	children := map[int]string{}
	for _, pid := range []int{report.PostgresPID, report.TemporalPID} {
		children[pid] = processIdentity(pid)
		require.NotEmpty(t, children[pid])
		for _, grandchild := range processChildren(pid) {
			children[grandchild] = processIdentity(grandchild)
		}
	}
	require.Greater(t, len(children), 4, "PostgreSQL has processes of its own")

	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())

	require.True(t, waitUntil(10*time.Second, func() bool {
		for pid, identity := range children {
			if identity != "" && processIdentity(pid) == identity {
				return false
			}
		}
		return true
	}), "children are left")
	stack := startStack(t, testOptions(dir))
	require.Equal(t, DatabaseName, query(t, stack.AppURL(), "SELECT current_database()::text"))
}

func TestCtrlCReachesTheParentOnly(t *testing.T) {
	t.Parallel()
	parent, input, report := startParent(t, folder(t))
	own, err := unix.Getpgid(parent.Process.Pid)
	require.NoError(t, err)
	for _, pid := range []int{report.PostgresPID, report.TemporalPID} {
		group, err := unix.Getpgid(pid)
		require.NoError(t, err)
		require.NotEqual(t, own, group)
	}

	require.NoError(t, input.Close())
	require.NoError(t, parent.Wait())
	require.Empty(t, processIdentity(report.PostgresPID))
	require.Empty(t, processIdentity(report.TemporalPID))
}

func TestAServerThatWasLeftBehindIsEndedByTheNextStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	left, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir})
	require.NoError(t, err)
	pid, identity := left.PID(), processIdentity(left.PID())
	// What is known of it when the parent has died and the system does not tell
	// children of that: the files in the data folder.
	left.lock.release()

	next := startCluster(t, dir)
	require.NotEqual(t, identity, processIdentity(pid))
	require.Equal(t, DatabaseName, query(t, next.AppURL(DatabaseName), "SELECT current_database()::text"))
}

func TestAServerWithoutAPidFileIsFoundByItsCommandLine(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	left, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir})
	require.NoError(t, err)
	pid, identity := left.PID(), processIdentity(left.PID())
	left.lock.release()
	require.NoError(t, os.Remove(left.pidFile()))

	startCluster(t, dir)
	require.NotEqual(t, identity, processIdentity(pid))
}

func TestAnotherProcessWithTheSamePidIsNotTouched(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, first.Kill())
	require.NoError(t, first.Stop())
	// The number went to a stranger since, in both files that remember it.
	stranger, err := process{title: "stranger", path: "/bin/sleep", args: []string{"600"}, as: first.account}.start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stranger.stop(5*time.Second)) })
	remembered, err := json.Marshal(pidFile{PID: stranger.pid, Identity: "another boot 1"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(first.pidFile(), remembered, 0o644))
	own := filepath.Join(first.clusterDir(), "postmaster.pid")
	content, err := os.ReadFile(own)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(content), "\n")
	require.NoError(t, os.WriteFile(own, fmt.Appendf(nil, "%d\n%s", stranger.pid, rest), 0o600))

	startCluster(t, dir)
	require.False(t, stranger.ended())
}

func TestProcessesAreToldApart(t *testing.T) {
	t.Parallel()
	one, err := process{title: "one", path: "/bin/sleep", args: []string{"600"}}.start()
	require.NoError(t, err)
	identity := processIdentity(one.pid)

	require.NotEmpty(t, identity)
	require.Equal(t, identity, processIdentity(one.pid))
	require.Equal(t, "/bin/sleep 600", processCommand(one.pid))
	require.Contains(t, processChildren(os.Getpid()), one.pid)
	require.NoError(t, one.stop(5*time.Second, syscall.SIGTERM))
	require.Empty(t, processIdentity(one.pid))
}
