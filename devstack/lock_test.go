package devstack

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
)

func TestAFolderHasOneHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := lockFolder(dir)
	require.NoError(t, err)

	_, err = lockFolder(dir)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid()))

	first.release()
	second, err := lockFolder(dir)
	require.NoError(t, err)
	second.release()
}

func TestFreePortsAreNotGivenTwice(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		port, err := freePort()
		require.NoError(t, err)
		require.False(t, seen[port])
		seen[port] = true
		require.NoError(t, checkPort("nobody", port))
	}
}
