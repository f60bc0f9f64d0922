package main

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
)

// asProgram has a copy of the test binary be the program.
const asProgram = "KIBALI_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	// The program starts itself to hash passwords.
	if os.Getenv(asProgram) != "" || len(os.Args) > 1 && os.Args[1] == "hash" {
		os.Unsetenv(asProgram)
		main()
	}
	devtest.Main(m)
}

// command runs one command line in this process. It takes settings as flags
// only: variables are shared by all tests.
func command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	return commandUntil(t.Context(), args...)
}

func commandUntil(ctx context.Context, args ...string) (code int, out, errs string) {
	var outBuffer, errBuffer bytes.Buffer
	code = run(ctx, args, &outBuffer, &errBuffer)
	return code, outBuffer.String(), errBuffer.String()
}

func TestTheCommandLine(t *testing.T) {
	t.Parallel()

	t.Run("names every command", func(t *testing.T) {
		t.Parallel()
		code, out, _ := command(t, "--help")
		require.Zero(t, code)
		for _, name := range []string{"dev", "serve", "worker", "migrate", "deploy", "doctor", "staff create", "staff reset-factors", "routes", "health", "version"} {
			require.Contains(t, out, "\n  "+name)
		}
	})

	t.Run("refuses what it does not know", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{}, {"sevre"}, {"serve", "--no-such-flag"}, {"staff", "create"}, {"version", "now"}} {
			code, out, errs := command(t, args...)
			require.Equal(t, exitUsage, code, args)
			require.Empty(t, out, args)
			require.Contains(t, errs, "see kibali --help", args)
		}
	})

	t.Run("says its version", func(t *testing.T) {
		t.Parallel()
		code, out, _ := command(t, "version")
		require.Zero(t, code)
		require.Regexp(t, `^kibali \S+ \(go1\.\d+\S*, \w+/\w+\)\n$`, out)
		require.NotContains(t, out, "unknown")
	})
}
