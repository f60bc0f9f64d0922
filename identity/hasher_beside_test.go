package identity_test

import (
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/identity"
)

// hashesForTests makes the program of the tests a process that hashes.
const hashesForTests = "KIBALI_TEST_HASHES"

func TestMain(m *testing.M) {
	if os.Getenv(hashesForTests) == "" {
		m.Run()
		return
	}
	if err := identity.ServeHashes(os.Stdin, os.Stdout, 1); err != nil {
		panic(err)
	}
}

func TestHasherBeside(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	var mu sync.Mutex
	var started []*exec.Cmd
	hasher, err := identity.NewHasherBeside(cheap, 2, func() *exec.Cmd {
		command := exec.Command(program)
		command.Env = append(os.Environ(), hashesForTests+"=1")
		command.Stderr = os.Stderr
		mu.Lock()
		defer mu.Unlock()
		started = append(started, command)
		return command
	})
	require.NoError(t, err)
	encoded, err := hasher.Hash(t.Context(), "a long enough password")
	require.NoError(t, err)
	knows := func() {
		t.Helper()
		var asking sync.WaitGroup
		for range 20 {
			asking.Go(func() {
				for password, right := range map[string]bool{"a long enough password": true, "another password": false} {
					ok, outdated, err := hasher.Verify(t.Context(), password, encoded)
					if err != nil || ok != right || outdated {
						t.Errorf("%q: %v, %v, %v", password, ok, outdated, err)
					}
				}
			})
		}
		asking.Wait()
	}
	knows()
	ok, _, err := hasher.Verify(t.Context(), "decoy", "")
	require.NoError(t, err)
	require.False(t, ok)
	_, _, err = hasher.Verify(t.Context(), "a password", "no hash")
	require.ErrorContains(t, err, "verify: ", "an error of hashing is told")
	require.Len(t, started, 1)

	require.NoError(t, started[0].Process.Kill())
	knows()
	require.Len(t, started, 2, "another one took its place")

	hasher.Close()
	require.NotNil(t, started[0].ProcessState, "no process is left behind")
	require.NotNil(t, started[1].ProcessState)
}

func TestHasherBesideSaysThatItCannotStart(t *testing.T) {
	t.Parallel()
	_, err := identity.NewHasherBeside(cheap, 1, func() *exec.Cmd { return exec.Command("/no/such/program") })
	require.ErrorContains(t, err, "start a process that hashes passwords")
	_, err = identity.NewHasherBeside(cheap, 1, func() *exec.Cmd { return exec.Command("true") })
	require.ErrorContains(t, err, "the process that hashes passwords ended")
}
