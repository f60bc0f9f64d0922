package house_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// largestBinary is how many bytes the program may have that is shipped.
const largestBinary = 70_000_000

// TestBinary builds the program as the Dockerfile does, which is read for that,
// for linux/amd64.
func TestBinary(t *testing.T) {
	t.Parallel()
	dockerfile := strings.ReplaceAll(read(t, "Dockerfile"), "\\\n", " ")
	cgo := regexp.MustCompile(`(?m)^ENV .*\b(CGO_ENABLED=\d)`).FindStringSubmatch(dockerfile)
	require.Len(t, cgo, 2)
	command := regexp.MustCompile(`\bgo build .* -o (/out/kibali) .*`).FindStringSubmatch(dockerfile)
	require.Len(t, command, 2)

	binary := filepath.Join(t.TempDir(), "kibali")
	build := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command[0], command[1], `"$BINARY"`, 1))
	build.Dir = root(t)
	build.Env = append(os.Environ(), cgo[1], "GOOS=linux", "GOARCH=amd64", "GOFLAGS=", "VERSION=dev", "BINARY="+binary)
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	info, err := os.Stat(binary)
	require.NoError(t, err)
	t.Logf("%d bytes", info.Size())
	require.LessOrEqual(t, info.Size(), int64(largestBinary), "leave a dependency out, or what it needs of it")
}
