package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/store"
)

func TestRates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	minute := func(key string, most int) store.Rate {
		return store.Rate{Key: []byte(key), Most: most, Per: 15 * time.Minute}
	}
	take := func(t *testing.T, at time.Time, rates ...store.Rate) []time.Time {
		t.Helper()
		free, err := b.store.TakeRates(t.Context(), at, rates...)
		require.NoError(t, err)
		return free
	}
	taken := func(t *testing.T, at time.Time, r store.Rate) bool { return take(t, at, r)[0].IsZero() }

	t.Run("let no more than so many through in any span", func(t *testing.T) {
		t.Parallel()
		r := minute("span", 10)
		var times []time.Time
		for i := range 400 { // every 30 s for hours, and in bursts
			at := noon.Add(time.Duration(i) * 30 * time.Second)
			for range 1 + i%4 {
				if taken(t, at, r) {
					times = append(times, at)
				}
			}
		}
		require.Greater(t, len(times), 100)
		for i := range times {
			if i >= 10 {
				require.GreaterOrEqual(t, times[i].Sub(times[i-10]), 15*time.Minute, "the eleventh is too early")
			}
		}
	})
	t.Run("say when there may be another", func(t *testing.T) {
		t.Parallel()
		r := minute("when", 3)
		for i := range 3 {
			require.True(t, taken(t, noon.Add(time.Duration(i)*time.Minute), r))
		}
		at := noon.Add(3 * time.Minute)
		free := take(t, at, r)[0]
		require.WithinDuration(t, noon.Add(15*time.Minute), free, time.Minute)
		require.False(t, taken(t, free.Add(-time.Microsecond), r))
		require.True(t, taken(t, free, r))
		require.False(t, taken(t, free, r))
		require.True(t, taken(t, free.Add(24*time.Hour), r))
	})
	t.Run("let exactly so many of any number at once through", func(t *testing.T) {
		t.Parallel()
		r, other := minute("race", 10), minute("also", 1000)
		var through atomic.Int64
		var racing sync.WaitGroup
		for i := range 100 {
			racing.Go(func() {
				rates := []store.Rate{r, other}
				if i%2 == 0 {
					rates = []store.Rate{other, r}
				}
				free, err := b.store.TakeRates(t.Context(), noon, rates...)
				if err != nil {
					t.Errorf("unexpected error: %v", err)
					return
				}
				if free[0].IsZero() && free[1].IsZero() {
					through.Add(1)
				}
			})
		}
		racing.Wait()
		require.EqualValues(t, 10, through.Load())
	})
	t.Run("are counted apart, and together in one go", func(t *testing.T) {
		t.Parallel()
		one, two := minute("one", 1), minute("two", 2)
		require.True(t, taken(t, noon, one))
		free := take(t, noon, one, two)
		require.False(t, free[0].IsZero())
		require.True(t, free[1].IsZero())
		require.True(t, taken(t, noon, two))
		require.False(t, taken(t, noon, two))
	})
	t.Run("are given back and forgotten", func(t *testing.T) {
		t.Parallel()
		r := minute("back", 2)
		require.True(t, taken(t, noon, r))
		require.True(t, taken(t, noon, r))
		other := minute("forgotten", 2)
		require.True(t, taken(t, noon, other))
		require.True(t, taken(t, noon, other))
		require.NoError(t, b.store.GiveBackRates(t.Context(), other.Key, r.Key, []byte("nothing")))
		require.True(t, taken(t, noon, r))
		require.False(t, taken(t, noon, r))
		require.True(t, taken(t, noon, other))
		require.True(t, taken(t, noon, other))
		require.False(t, taken(t, noon, other))
		for range 3 {
			require.NoError(t, b.store.GiveBackRates(t.Context(), nil, r.Key))
		}
		require.True(t, taken(t, noon, r))
		require.True(t, taken(t, noon, r))
		require.False(t, taken(t, noon, r))
	})
	t.Run("of a process whose clock is behind count too", func(t *testing.T) {
		t.Parallel()
		r := minute("behind", 2)
		require.True(t, taken(t, noon, r))
		require.True(t, taken(t, noon.Add(-10*time.Minute), r))
		require.False(t, taken(t, noon, r))
	})
	t.Run("are dropped when they count no more", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.store.TakeRates(t.Context(), noon, minute("old", 1))
		require.NoError(t, err)
		rows := func() (n int) {
			require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT count(*) FROM rates`).Scan(&n))
			return n
		}
		require.NoError(t, b.store.DropRates(t.Context(), noon.Add(15*time.Minute)))
		require.Equal(t, 1, rows())
		require.NoError(t, b.store.DropRates(t.Context(), noon.Add(20*time.Minute)))
		require.Zero(t, rows())
	})
}
