package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
	"kibali/domain/actor"
	"kibali/identity"
	"kibali/migrations"
	"kibali/store"
)

func TestStaffResetFactors(t *testing.T) {
	t.Parallel()
	database := devtest.NewDatabase(t, migrations.Migrate)
	db, err := store.Open(t.Context(), database.AppURL)
	require.NoError(t, err)
	defer db.Close()
	kibali := func(exit int, args ...string) (out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"staff", "reset-factors", "--database-url", database.AppURL}, args...), &stdout, &stderr)
		require.Equal(t, exit, code, "%s%s", &stdout, &stderr)
		return stdout.String(), stderr.String()
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	admin, gone := uuid.New(), uuid.New()
	token, hash := identity.NewToken(identity.StaffSessionToken)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for id, email := range map[uuid.UUID]string{admin: "admin@example.co.tz", gone: "gone@example.co.tz"} {
			if err := tx.InsertStaff(ctx, store.Staff{ID: id, Email: email, Name: "Neema Mushi", Role: actor.Admin}, "hash", now); err != nil {
				return err
			}
		}
		if err := tx.DisableStaff(ctx, gone, &now); err != nil {
			return err
		}
		if err := tx.PutFactor(ctx, admin, store.Factor{Secret: []byte("sealed"), ConfirmedAt: &now, TriesSince: now}); err != nil {
			return err
		}
		if err := tx.ReplaceRecoveryCodes(ctx, admin, [][]byte{[]byte("one")}); err != nil {
			return err
		}
		return tx.InsertStaffSession(ctx, store.StaffSession{
			ID: uuid.New(), StaffID: admin, Hash: hash, Method: store.MethodPassword, SecondFactor: true, CreatedAt: now,
			AuthenticatedAt: now, RecentUntil: now, LastUsedAt: now, Idle: time.Hour, ExpiresAt: now.Add(time.Hour),
		})
	}))
	reader := db.Reader()
	_, err = reader.StaffSessionByToken(t.Context(), identity.HashToken(token), now)
	require.NoError(t, err)

	out, _ := kibali(0, "--email", "Admin@example.co.tz")
	require.Contains(t, out, "sessions ended: 1")
	require.NotContains(t, out, "invitation")
	member, err := reader.StaffMember(t.Context(), admin)
	require.NoError(t, err)
	require.False(t, member.SecondFactor)
	require.True(t, member.HasPassword)
	left, err := reader.RecoveryCodesLeft(t.Context(), admin)
	require.NoError(t, err)
	require.Zero(t, left)
	_, err = reader.StaffSessionByToken(t.Context(), identity.HashToken(token), time.Now())
	require.Error(t, err, "the session has ended")
	var kind, by string
	require.NoError(t, db.Pool().QueryRow(t.Context(), `
		SELECT actor_kind, after->>'by' FROM audit_events WHERE action = 'staff.second_factor_reset' AND subject_id = $1`, admin.String()).Scan(&kind, &by))
	require.Equal(t, "system operator", kind+" "+by)

	out, _ = kibali(0, "--email", "admin@example.co.tz", "--invite")
	_, invitation, _ := strings.Cut(strings.TrimSpace(out), "/console/invitation/")
	invited, err := reader.InvitedStaff(t.Context(), identity.HashToken(invitation), time.Now())
	require.NoError(t, err)
	require.Equal(t, admin, invited.ID)

	_, errs := kibali(exitFailed, "--email", "nobody@example.co.tz")
	require.Contains(t, errs, "There is no such staff member.")
	_, errs = kibali(exitFailed, "--email", "gone@example.co.tz")
	require.Contains(t, errs, "is disabled")
	_, errs = kibali(exitFailed, "--email", "no address")
	require.Contains(t, errs, "email")
}
