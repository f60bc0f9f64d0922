package process_test

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process"
)

// The settings of the collector are the program's: nothing runs beside it.
func TestMemoryIsBoundedUnlessWhoeverRunsItHasDecided(t *testing.T) {
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() {
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(percent)
	})
	debug.SetMemoryLimit(math.MaxInt64)
	limit := func() int64 { return debug.SetMemoryLimit(-1) }
	for _, name := range []string{"GOMEMLIMIT", "GOGC"} {
		t.Setenv("GOMEMLIMIT", "")
		t.Setenv("GOGC", "")
		t.Setenv(name, "100")
		process.BoundMemory()
		require.Equal(t, int64(math.MaxInt64), limit(), name)
	}
	t.Setenv("GOGC", "")
	process.BoundMemory()
	require.Less(t, limit(), int64(150<<20), "serve is to stay below that, its own pages included")
}
