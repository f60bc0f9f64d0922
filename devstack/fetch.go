package devstack

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// fetchLimit is how long a fetch may receive nothing before it is given up. With
// the look at whether the site can be reached, which goes before one, it is less
// than 30 s. A slow line may take as long as it needs.
const fetchLimit = 20 * time.Second

// whileGrowing returns a context that is cancelled once size has not changed for
// as long as limit, with a cause that says so. The caller must call giveUp in the
// end, and may with another cause before.
func whileGrowing(ctx context.Context, limit time.Duration, size func() int64) (growing context.Context, giveUp context.CancelCauseFunc) {
	growing, giveUp = context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(limit / 20)
		defer tick.Stop()
		known, since := size(), time.Now()
		for {
			select {
			case <-growing.Done():
				return
			case <-tick.C:
			}
			if now := size(); now != known {
				known, since = now, time.Now()
			} else if time.Since(since) >= limit {
				giveUp(fmt.Errorf("nothing was received for %s", limit))
			}
		}
	}()
	return growing, giveUp
}

// folderSize is how many bytes the files below a folder have. What cannot be
// read, because it has just been moved or is not there yet, counts as none.
func folderSize(dir string) int64 {
	var size int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
