package web

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/fault"
)

func TestEveryFaultHasAStatus(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, fault.Codes(), slices.Collect(maps.Keys(statuses)))
}
