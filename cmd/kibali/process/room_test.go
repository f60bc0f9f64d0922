package process_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process"
)

// The settings of the collector are the program's: nothing runs beside it.
func TestRoom(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	t.Setenv("GOGC", "")
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(before)
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(100)
	})
	limit := func() int64 { return debug.SetMemoryLimit(-1) }
	pass := func(span time.Duration) {
		<-time.After(span)
		synctest.Wait()
	}
	synctest.Test(t, func(t *testing.T) {
		room := process.MakeRoom(2)
		require.Equal(t, before+2, runtime.GOMAXPROCS(0))
		rest := limit()
		for range 3 {
			room.Hashing()
			require.Greater(t, limit(), rest+100<<20)
			require.LessOrEqual(t, limit(), rest+256<<20)
			pass(4 * time.Second)
		}
		require.Greater(t, limit(), rest, "it is kept while people sign in")
		pass(2 * time.Second)
		require.Equal(t, rest, limit())
		room.Hashing()
		require.Greater(t, limit(), rest, "and made again")
		pass(11 * time.Second)
		require.Equal(t, rest, limit())
	})
	t.Setenv("GOMEMLIMIT", "1GiB")
	rest := limit()
	process.MakeRoom(1).Hashing()
	require.Equal(t, rest, limit(), "whoever runs it has decided")
}
