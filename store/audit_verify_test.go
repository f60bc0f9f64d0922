package store_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/actor"
	"kibali/store"
)

// sealedAudit seals all events that have been written.
func (b testBundle) sealedAudit(t *testing.T) store.Seal {
	t.Helper()
	// What is still running in other databases of the cluster counts as well.
	require.Eventually(t, func() bool {
		_, err := b.store.SealAudit(t.Context(), noon)
		require.NoError(t, err)
		var behind int
		require.NoError(t, b.owner.QueryRow(t.Context(), `
			SELECT count(*) FROM audit_events WHERE id > coalesce((SELECT max(to_position) FROM audit_seals), 0)`).Scan(&behind))
		return behind == 0
	}, 30*time.Second, 20*time.Millisecond)
	last, err := b.reader.LastAuditSeal(t.Context())
	require.NoError(t, err)
	return last
}

func (b testBundle) verifyAudit(t *testing.T, heads ...store.Head) *store.AuditVerification {
	t.Helper()
	v, err := b.store.VerifyAudit(t.Context(), heads)
	require.NoError(t, err)
	return v
}

// tick writes an event that says n.
func (b testBundle) tick(t *testing.T, n int) {
	t.Helper()
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.AppendEvent(ctx, tickOf(n)) }))
}

func tickOf(n int) store.Event {
	return store.Event{
		At: noon.Add(time.Duration(n) * time.Minute), Actor: actor.Actor{Kind: actor.System, RequestID: "r"}, Action: "tick",
		Subject: "clock", SubjectID: fmt.Sprint(n), After: map[string]any{"n": n}, ReasonCode: "time", WorkflowID: "clock/1",
	}
}

func headOf(s store.Seal) store.Head {
	return store.Head{Number: s.Number, Hash: s.Hash, Where: "a test"}
}

func TestVerifyAudit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sealedAudit(t)
	for n := range 6 {
		b.tick(t, n)
	}
	first := b.sealedAudit(t)
	for n := range 4 {
		b.tick(t, 10+n)
	}
	second := b.sealedAudit(t)
	require.Equal(t, first.Number+1, second.Number)
	require.Equal(t, first.To, second.From)
	require.Equal(t, int64(4), second.Rows)
	b.tick(t, 20)

	id := func(n int) (id int64) {
		require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT id FROM audit_events WHERE subject_id = $1 AND action = 'tick'`, fmt.Sprint(n)).Scan(&id))
		return id
	}
	event := func(n int) string { return fmt.Sprintf("event %d", id(n)) }
	sealName := func(s store.Seal) string { return fmt.Sprintf("seal %d", s.Number) }
	heads := []store.Head{headOf(first), headOf(second)}

	v := b.verifyAudit(t, heads...)
	require.Empty(t, v.Breaches)
	require.True(t, v.Sound())
	require.Equal(t, int64(1), v.Unsealed)
	require.Equal(t, second.Number, v.Seals)
	require.Equal(t, second.Hash, v.Last.Hash)
	require.Equal(t, 2, v.Heads)

	type plant struct {
		name, sql  string
		check, row string // of the breach that must be told, and no other
	}
	plants := []plant{
		{"a deleted event", fmt.Sprintf(`DELETE FROM audit_events WHERE id = %d`, id(3)), "events", event(3)},
		{"the last event of a seal deleted", fmt.Sprintf(`DELETE FROM audit_events WHERE id = %d`, id(13)), "events", event(13)},
		{"an event whose place is another", fmt.Sprintf(`UPDATE audit_events SET id = -1 WHERE id = %d`, id(3)), "events", event(3)},
		{"an inserted event", fmt.Sprintf(`DELETE FROM audit_events WHERE id = %[1]d; INSERT INTO audit_events SELECT * FROM saved_audit_events WHERE id = %[1]d;
			UPDATE audit_events SET id = id + 1000000 WHERE id = %[1]d`, id(2)), "events", event(2)},
		{"an event before all", `INSERT INTO audit_events (id, at, actor_kind, action, subject, subject_id) VALUES (0, now(), 'system', 'x', 'x', 'x')`, "events", "event 0"},
		{"a seal that is gone", fmt.Sprintf(`DELETE FROM audit_seals WHERE number = %d`, first.Number), "seals", sealName(second)},
		{"a last seal that is gone", fmt.Sprintf(`DELETE FROM audit_seals WHERE number = %d`, second.Number), "heads", sealName(second)},
		{"another hash", fmt.Sprintf(`UPDATE audit_seals SET hash = sha256('x') WHERE number = %d`, first.Number), "seals", sealName(first)},
		{"another list", fmt.Sprintf(`UPDATE audit_seals SET listing = overlay(listing PLACING '\x00' FROM 20) WHERE number = %d`, first.Number), "seals", sealName(first)},
		{"a list that ends early", fmt.Sprintf(`UPDATE audit_seals SET listing = substr(listing, 1, 70), events = 1 WHERE number = %d`, first.Number), "seals", sealName(first)},
	}
	for column, value := range map[string]string{
		"at": "at + interval '1 us'", "actor_kind": "'staff'", "actor_id": "gen_random_uuid()", "actor_role": "'admin'", "action": "'tock'",
		"subject": "'watch'", "subject_id": "'4000'", "account_id": "gen_random_uuid()", "before": "'{}'", "after": `'{"n": 5}'`, "reason_code": "''",
		"decision_id": "gen_random_uuid()", "request_id": "'s'", "workflow_id": "''", "address": "'10.0.0.1'",
	} {
		plants = append(plants, plant{"an edited " + column, fmt.Sprintf(`UPDATE audit_events SET %q = %s WHERE id = %d`, column, value, id(4)), "events", event(4)})
	}
	b.saveTables(t, "audit_events", "audit_seals")
	for _, p := range plants {
		t.Run("catches "+p.name, func(t *testing.T) {
			_, err := b.owner.Exec(t.Context(), p.sql)
			require.NoError(t, err)
			defer b.restoreTables(t, "audit_events", "audit_seals")
			requireBreach(t, b.verifyAudit(t, heads...), p.check, p.row)
		})
	}
	t.Run("catches an event that was put among sealed ones", func(t *testing.T) {
		// Ids that were drawn and never used leave room for one.
		tx, err := b.owner.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `SELECT nextval('audit_event_ids') FROM generate_series(1, 3)`)
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(t.Context()))
		defer b.restoreTables(t, "audit_events", "audit_seals")
		b.tick(t, 30)
		b.sealedAudit(t)
		require.Empty(t, b.verifyAudit(t).Breaches)
		_, err = b.owner.Exec(t.Context(), `INSERT INTO audit_events (id, at, actor_kind, action, subject, subject_id)
			SELECT max(id) - 2, now(), 'staff', 'approve', 'account', 'x' FROM audit_events`)
		require.NoError(t, err)
		requireBreach(t, b.verifyAudit(t), "events", fmt.Sprintf("event %d", id(30)-2))
	})
	t.Run("catches a chain that was made anew", func(t *testing.T) {
		defer b.restoreTables(t, "audit_events", "audit_seals")
		_, err := b.owner.Exec(t.Context(), fmt.Sprintf(`UPDATE audit_events SET actor_role = 'admin' WHERE id = %d;
			DELETE FROM audit_seals; UPDATE ledger_progress SET position = 0, next_position = NULL, next_xid = NULL WHERE name = 'audit_seals'`, id(4)))
		require.NoError(t, err)
		made := b.sealedAudit(t)
		require.NotEqual(t, second.Hash, made.Hash)
		require.Empty(t, b.verifyAudit(t).Breaches, "it is consistent in itself")
		v := b.verifyAudit(t, heads...)
		require.False(t, v.Sound())
		for _, breach := range v.Breaches {
			require.Equal(t, "heads", breach.Check)
		}
		found := v.Breaches[0].What
		require.True(t, strings.Contains(found, hex.EncodeToString(first.Hash)) || strings.Contains(found, "is not there"), found)
	})
	require.True(t, b.verifyAudit(t, heads...).Sound())
}

func requireBreach(t *testing.T, v *store.AuditVerification, check, row string) {
	t.Helper()
	require.False(t, v.Sound())
	var told []string
	for _, breach := range v.Breaches {
		require.NotEmpty(t, breach.What)
		if breach.Check == check && breach.Row == row {
			return
		}
		told = append(told, breach.Check+": "+breach.Row+": "+breach.What)
	}
	require.Fail(t, "nothing was told of it", "%s: %s is not in\n%s", check, row, strings.Join(told, "\n"))
}

// An event whose transaction is still under way is below others that are there:
// no seal may pass it by.
func TestSealAuditWaitsForEventsThatAreUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sealedAudit(t)
	written, ending := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			err := tx.AppendEvent(ctx, tickOf(1))
			close(written)
			<-ending
			return err
		})
	}()
	<-written
	b.tick(t, 2)
	for range 3 {
		seals, err := b.store.SealAudit(t.Context(), noon)
		require.NoError(t, err)
		require.Empty(t, seals)
	}
	close(ending)
	require.NoError(t, <-ended)
	last := b.sealedAudit(t)
	require.Equal(t, int64(2), last.Rows)
	require.Empty(t, b.verifyAudit(t).Breaches)
}

// Verification of a trail that is being written to sees one moment of it.
func TestVerifyAuditWhileItGrows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stop := make(chan struct{})
	ended := make(chan error, 2)
	for w := range 2 {
		go func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					ended <- nil
					return
				default:
				}
				if err := b.store.InTx(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *store.Tx) error {
					return tx.AppendEvent(ctx, tickOf(1000*w+n))
				}); err != nil {
					ended <- err
					return
				}
			}
		}()
	}
	var heads []store.Head
	for range 8 {
		seals, err := b.store.SealAudit(t.Context(), noon)
		require.NoError(t, err)
		for _, s := range seals {
			heads = append(heads, headOf(s))
		}
		require.Empty(t, b.verifyAudit(t, heads...).Breaches)
	}
	close(stop)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	b.sealedAudit(t)
	v := b.verifyAudit(t, heads...)
	require.Empty(t, v.Breaches)
	require.Equal(t, len(heads), v.Heads)
	require.Zero(t, v.Unsealed)
}
