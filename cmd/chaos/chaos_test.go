package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
)

// A bounded edition of `go run ./cmd/chaos`: the same parts, less of each. It
// shares the machine with other tests, so what is stuck gets more time.
func TestPromisesHoldWhileEverythingIsKilled(t *testing.T) {
	t.Parallel()
	report, err := Run(t.Context(), Options{
		Dir: devtest.Folder(t), Seed: uint64(time.Now().UnixNano()), Storm: 12 * time.Second, Clients: 12,
		Rounds: 20, Racers: 64, TakenRounds: 4, Patience: 3 * promisedPatience, Out: t.Output(),
	})
	report.Print(t.Output())
	require.NoError(t, err)
	require.True(t, report.Well(), "broken promises are in the report above")
}
