package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/service"
)

func TestAppealWithoutTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t, withoutTemporal(t))
	a := b.put(t, b.register(t), account.Active, account.NoStage)
	_, err := b.service.Appeal(t.Context(), self(a), "Nothing to appeal against.")
	requireFault(t, err, fault.Conflict)
	_, err = b.service.Suspend(t.Context(), b.admin, service.Ask{AccountID: a.ID, ReasonCode: "fraud", Reason: "Under investigation."})
	require.NoError(t, err)

	made, err := b.service.Appeal(t.Context(), self(a), " It was not us. ")
	require.NoError(t, err)
	require.Equal(t, "It was not us.", made.Text)
	require.True(t, made.RemindAt.After(made.MadeAt) && made.EscalateAt.After(made.RemindAt))
	waiting, err := b.reader.WaitingAppeals(t.Context(), time.Now().Add(time.Hour), 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1, "the row is the outbox")
	require.Equal(t, made.ID, waiting[0].ID)

	_, err = b.service.Appeal(t.Context(), self(a), "Twice.")
	requireFault(t, err, fault.Conflict)
	_, err = b.service.Appeal(t.Context(), self(a), strings.Repeat("x", 4001))
	requireFault(t, err, fault.Invalid, "text")
	_, err = b.service.Appeal(t.Context(), b.admin, "Not mine.")
	requireFault(t, err, fault.Forbidden)
}
