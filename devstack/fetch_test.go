package devstack

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFetchMayTakeLongButNotReceiveNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var size atomic.Int64
		ctx, giveUp := whileGrowing(t.Context(), fetchLimit, size.Load)
		defer giveUp(nil)
		for range 100 {
			<-time.After(fetchLimit * 3 / 4)
			size.Add(1)
		}
		require.NoError(t, ctx.Err())

		silent := time.Now()
		<-ctx.Done()
		require.LessOrEqual(t, time.Since(silent), 25*time.Second, "with 5 s to look whether a site can be reached it is 30 s")
		require.EqualError(t, context.Cause(ctx), "nothing was received for 20s")
	})
}

func TestAFolderIsAsLargeAsItsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.Zero(t, folderSize(filepath.Join(dir, "missing")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "some", "where"), 0o755))
	for path, content := range map[string]string{"one": "123", "some/where/two": "4567"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600))
	}
	require.EqualValues(t, 7, folderSize(dir))
}
