package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

func TestViews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	support, auditor := b.staff(t, actor.Support), b.staff(t, actor.Auditor)
	names := func(t *testing.T, by actor.Actor) []string {
		t.Helper()
		views, err := b.reader.SavedViews(t.Context(), by.ID)
		require.NoError(t, err)
		var all []string
		for _, v := range views {
			all = append(all, v.Name)
		}
		return all
	}
	err := b.service.SaveView(t.Context(), support, store.SavedView{Name: "  The   rich ", Status: account.Active, Q: `50%_\`, Sort: store.SortCredits})
	require.NoError(t, err)
	err = b.service.SaveView(t.Context(), support, store.SavedView{Name: "Asleep", Sort: store.SortLastActive, Ascending: true})
	require.NoError(t, err)
	require.Equal(t, []string{"Asleep", "The rich"}, names(t, support))
	require.Empty(t, names(t, auditor), "a view is its owner's alone")
	views, err := b.reader.SavedViews(t.Context(), support.ID)
	require.NoError(t, err)
	rich := views[1]

	err = b.service.SaveView(t.Context(), support, store.SavedView{Name: "the RICH", Sort: store.SortRegistered})
	require.NoError(t, err)
	views, err = b.reader.SavedViews(t.Context(), support.ID)
	require.NoError(t, err)
	require.Len(t, views, 2, "one of the same name is replaced")
	require.Equal(t, rich.ID, views[1].ID)
	require.Equal(t, store.SortRegistered, views[1].Sort)

	err = b.service.SaveView(t.Context(), support, store.SavedView{Name: " \t"})
	requireFault(t, err, fault.Invalid, "name")
	err = b.service.SaveView(t.Context(), support, store.SavedView{Name: strings.Repeat("é", 61)})
	requireFault(t, err, fault.Invalid, "name")
	for i := range 28 {
		err = b.service.SaveView(t.Context(), support, store.SavedView{Name: fmt.Sprint("view ", i)})
		require.NoError(t, err)
	}
	err = b.service.SaveView(t.Context(), support, store.SavedView{Name: "one too many"})
	requireFault(t, err, fault.Invalid, "name")
	err = b.service.SaveView(t.Context(), support, store.SavedView{Name: "Asleep"})
	require.NoError(t, err, "which is no other")

	require.NoError(t, b.service.DeleteView(t.Context(), auditor, rich.ID))
	require.Contains(t, names(t, support), "the RICH")
	require.NoError(t, b.service.DeleteView(t.Context(), support, rich.ID))
	require.NotContains(t, names(t, support), "the RICH")
	err = b.service.SaveView(t.Context(), actor.Actor{Kind: actor.Account, ID: support.ID}, store.SavedView{Name: "mine"})
	requireFault(t, err, fault.Forbidden)
}
