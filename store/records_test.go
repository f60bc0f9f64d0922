package store_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/store"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.register(t)
	d := store.Document{
		ID: newID(), AccountID: r.Account.ID, ApplicationID: r.Application.ID, Kind: "tin_certificate", FileName: "tin.pdf",
		ContentType: "application/pdf", Size: 1234, SHA256: randomBytes(), StorageKey: "originals/" + newID().String(),
		ReceivedAt: noon, Status: store.DocumentReceived,
	}
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertDocument(ctx, d) }))
	read, err := b.reader.Document(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, d, read)
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.CountDocuments(ctx, r.Application.ID, time.Time{})
		require.Equal(t, 1, n)
		return err
	}))
	waiting, err := b.reader.WaitingDocuments(t.Context(), noon.Add(time.Minute), 10)
	require.NoError(t, err)
	require.Equal(t, []store.Document{d}, waiting)

	pages := []store.Page{
		{DocumentID: d.ID, Number: 1, StorageKey: "pages/1", ContentType: "image/png", Width: 100, Height: 200, Size: 10},
		{DocumentID: d.ID, Number: 2, StorageKey: "pages/2", ContentType: "image/png", Width: 100, Height: 200, Size: 20},
	}
	for range 2 { // preparing it again replaces its pages
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.FinishDocument(ctx, d.ID, pages, "", noon.Add(time.Minute))
		}))
	}
	all, err := b.reader.Documents(t.Context(), r.Account.ID)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, store.DocumentReady, all[0].Status)
	require.Equal(t, 2, all[0].Pages)
	page, err := b.reader.Page(t.Context(), d.ID, 2)
	require.NoError(t, err)
	require.Equal(t, pages[1], page)
	_, err = b.reader.Page(t.Context(), d.ID, 3)
	requireFault(t, err, fault.NotFound)
	_, err = b.reader.Document(t.Context(), newID())
	requireFault(t, err, fault.NotFound)

	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		return tx.FinishDocument(ctx, d.ID, nil, "javascript", noon.Add(time.Minute))
	}))
	refused, err := b.reader.Document(t.Context(), d.ID)
	require.NoError(t, err)
	require.Equal(t, store.DocumentRefused, refused.Status)
	require.Equal(t, "javascript", refused.Refusal)
	require.Zero(t, refused.Pages)
}

func TestNotices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.register(t)
	notice := func(id uuid.UUID) store.Notice {
		n, err := b.reader.Notice(t.Context(), id)
		require.NoError(t, err)
		return n
	}
	insert := func(key string) store.Notice {
		n := store.Notice{ID: newID(), Key: key, AccountID: r.Account.ID, Kind: "approved", Channel: store.SMS, CreatedAt: noon}
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertNotices(ctx, n) }))
		return n
	}

	t.Run("are owed once for each key", func(t *testing.T) {
		first := insert("once")
		second := insert("once")
		require.Equal(t, store.NoticePending, notice(first.ID).Status)
		_, err := b.reader.Notice(t.Context(), second.ID)
		requireFault(t, err, fault.NotFound)
	})
	t.Run("that were sent stay sent", func(t *testing.T) {
		n := insert("sent")
		require.NoError(t, b.store.NoticeAttemptFailed(t.Context(), n.ID, "503"))
		require.NoError(t, b.store.NoticeSent(t.Context(), n.ID, "beem", "m1", noon))
		require.NoError(t, b.store.NoticeFailed(t.Context(), n.ID, "late", noon))
		require.NoError(t, b.store.NoticeSent(t.Context(), n.ID, "beem", "m2", noon))
		sent := notice(n.ID)
		require.Equal(t, store.NoticeSent, sent.Status)
		require.Equal(t, "m1", sent.ProviderMessageID)
		require.Equal(t, 2, sent.Attempts)
		require.Empty(t, sent.Failure)
		require.Equal(t, []string{"notice.sent"}, eventsOf(t, b, n.ID), "one event for one change")
	})
	t.Run("that are given up keep the last failure", func(t *testing.T) {
		n := insert("failed")
		require.NoError(t, b.store.NoticeAttemptFailed(t.Context(), n.ID, "429"))
		require.NoError(t, b.store.NoticeFailed(t.Context(), n.ID, "", noon))
		require.Equal(t, store.NoticeFailed, notice(n.ID).Status)
		require.Equal(t, "429", notice(n.ID).Failure)
		require.Equal(t, []string{"notice.failed"}, eventsOf(t, b, n.ID))
	})
}

// eventsOf returns what the audit trail says of a subject.
func eventsOf(t *testing.T, b testBundle, id uuid.UUID) []string {
	t.Helper()
	rows, err := b.owner.Query(t.Context(), `SELECT action FROM audit_events WHERE subject_id = $1 ORDER BY id`, id.String())
	require.NoError(t, err)
	actions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return actions
}

func TestSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.register(t)
	login, err := b.reader.LoginByEmail(t.Context(), r.Account.Email)
	require.NoError(t, err)
	address := netip.MustParseAddr("196.41.0.1")
	session := func(at time.Time) store.Session {
		return store.Session{
			ID: newID(), AccountID: r.Account.ID, Purpose: store.PurposeSession, Hash: [32]byte(randomBytes()),
			CreatedAt: at, Idle: 20 * time.Minute, ExpiresAt: at.Add(time.Hour), Address: &address,
		}
	}
	lives := func(s store.Session, at time.Time) bool {
		_, err := b.reader.SessionByToken(t.Context(), s.Hash, at)
		if err != nil {
			requireFault(t, err, fault.NotFound)
		}
		return err == nil
	}

	t.Run("end by themselves, and when they are not used", func(t *testing.T) {
		s := session(noon)
		require.NoError(t, b.begin(t, s, login))
		require.False(t, lives(s, noon.Add(20*time.Minute)))
		for minutes := range 59 { // it is used all the time
			require.True(t, lives(s, noon.Add(time.Duration(minutes)*time.Minute)))
		}
		require.False(t, lives(s, noon.Add(time.Hour)))
		idle := session(noon)
		require.NoError(t, b.begin(t, idle, login))
		require.True(t, lives(idle, noon.Add(30*time.Second)), "which is too soon to be noted")
		require.False(t, lives(idle, noon.Add(20*time.Minute)))
		require.True(t, lives(idle, noon.Add(10*time.Minute)))
		require.True(t, lives(idle, noon.Add(29*time.Minute)))
	})
	t.Run("are listed with their last use until they have ended", func(t *testing.T) {
		later := noon.Add(24 * time.Hour)
		first, second := session(later), session(later.Add(time.Second))
		require.NoError(t, b.begin(t, first, login))
		require.NoError(t, b.begin(t, second, login))
		require.True(t, lives(first, later.Add(5*time.Minute)))
		list, err := b.reader.Sessions(t.Context(), r.Account.ID, later.Add(6*time.Minute))
		require.NoError(t, err)
		require.Len(t, list, 2, "the right to add documents is no session")
		require.Equal(t, []uuid.UUID{second.ID, first.ID}, []uuid.UUID{list[0].ID, list[1].ID})
		require.Equal(t, later.Add(5*time.Minute), list[1].LastUsedAt)
		require.Equal(t, &address, list[1].Address)

		end := func(account, id uuid.UUID) error {
			return b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.EndSession(ctx, account, id, later) })
		}
		requireFault(t, end(newID(), first.ID), fault.NotFound)
		require.NoError(t, end(r.Account.ID, first.ID))
		requireFault(t, end(r.Account.ID, first.ID), fault.NotFound)
		require.False(t, lives(first, later))
		require.True(t, lives(second, later))
	})
	t.Run("begin with the login's present password only", func(t *testing.T) {
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.SetPassword(ctx, store.Login{ID: r.LoginID, AccountID: r.Account.ID}, "new", noon)
		}))
		s := session(noon)
		requireFault(t, b.begin(t, s, login), fault.NotFound)
		now, err := b.reader.LoginOf(t.Context(), r.Account.ID)
		require.NoError(t, err)
		require.Equal(t, "new", now.PasswordHash)
		require.NoError(t, b.begin(t, s, now))
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.EndSessions(ctx, r.Account.ID, noon) }))
		require.False(t, lives(s, noon))
		require.False(t, lives(r.Upload, noon))
	})
}

// begin records a session of a login that has proved who it is.
func (b testBundle) begin(t *testing.T, s store.Session, proved store.Login) error {
	t.Helper()
	return b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		return tx.BeginSession(ctx, store.Beginning{Session: s, Proved: proved, Event: store.Event{
			At: s.CreatedAt, Actor: actor.Actor{Kind: actor.Account}, Action: "session.begun", Subject: "session", SubjectID: s.ID.String(),
		}})
	})
}

func TestStaff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.staff(t, actor.Finance)
	token := store.StaffToken{ID: newID(), StaffID: s.ID, Name: "cli", Hash: [32]byte(randomBytes()), CreatedAt: noon}
	expiring := token
	expiring.ID, expiring.Hash = newID(), [32]byte(randomBytes())
	soon := noon.Add(time.Hour)
	expiring.ExpiresAt = &soon
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(t, tx.InsertStaffToken(ctx, expiring))
		return tx.InsertStaffToken(ctx, token)
	}))
	known, err := b.reader.StaffByToken(t.Context(), token.Hash, noon.Add(1000*time.Hour))
	require.NoError(t, err)
	require.Equal(t, store.TokenHolder{Staff: s, TokenID: token.ID}, known)
	_, err = b.reader.StaffByToken(t.Context(), expiring.Hash, soon.Add(-time.Second))
	require.NoError(t, err)
	_, err = b.reader.StaffByToken(t.Context(), expiring.Hash, soon)
	requireFault(t, err, fault.NotFound)

	byEmail, err := b.reader.StaffByEmail(t.Context(), s.Email)
	require.NoError(t, err)
	require.Equal(t, s, byEmail)
	finance, err := b.reader.StaffOfRole(t.Context(), actor.Finance)
	require.NoError(t, err)
	require.Equal(t, []store.Staff{s}, finance)

	twin := s
	twin.ID = newID()
	err = b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.InsertStaff(ctx, twin, "", noon) })
	requireFault(t, err, fault.Taken, "email")

	_, err = b.owner.Exec(t.Context(), `UPDATE staff SET disabled_at = now() WHERE id = $1`, s.ID)
	require.NoError(t, err)
	_, err = b.reader.StaffByToken(t.Context(), token.Hash, noon)
	requireFault(t, err, fault.NotFound)
	_, err = b.reader.Staff(t.Context(), s.ID)
	requireFault(t, err, fault.NotFound)

	insert := func() error {
		return b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.InsertService(ctx, store.Service{ID: newID(), Name: "gateway", Scopes: actor.Scopes(), CreatedAt: noon}, [32]byte(randomBytes()))
		})
	}
	require.NoError(t, insert())
	requireFault(t, insert(), fault.Taken, "name")
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, version, err := b.reader.Policy(t.Context())
	require.NoError(t, err)
	require.Equal(t, policy.Default(), first)
	changed := first
	changed.QuietHours = nil
	admin := b.staff(t, actor.Admin)
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		v, err := tx.InsertPolicy(ctx, changed, actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: admin.Role}, "SMS at any hour", noon)
		require.Greater(t, v, version)
		return err
	}))
	now, newer, err := b.reader.Policy(t.Context())
	require.NoError(t, err)
	require.Equal(t, changed, now)
	require.Greater(t, newer, version)
	old, err := b.reader.PolicyVersion(t.Context(), version)
	require.NoError(t, err)
	require.Equal(t, first, old)
	_, err = b.reader.PolicyVersion(t.Context(), newer+1)
	requireFault(t, err, fault.NotFound)

	var actions string
	require.NoError(t, b.owner.QueryRow(t.Context(), `
		SELECT concat_ws(' ', action, actor_kind, actor_id, actor_role, subject_id, before->>'version', after->>'version')
		FROM audit_events WHERE subject = 'policy' AND actor_kind = 'staff'`).Scan(&actions))
	require.Equal(t, fmt.Sprintf("policy.changed staff %s admin %d %d %d", admin.ID, newer, version, newer), actions)

	changed.MaxDocuments = 0
	err = b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.InsertPolicy(ctx, changed, actor.Actor{Kind: actor.System}, "", noon)
		return err
	})
	requireFault(t, err, fault.Invalid, "max_documents")

	// What another build has put in force is read, and what nobody can read is nobody's fault.
	_, err = b.owner.Exec(t.Context(), `INSERT INTO policies (content) VALUES ('{"max_documents": 0, "weather": "fine"}')`)
	require.NoError(t, err)
	_, _, err = b.reader.Policy(t.Context())
	require.NoError(t, err)
	_, err = b.owner.Exec(t.Context(), `INSERT INTO policies (content) VALUES ('{"documents": 3}')`)
	require.NoError(t, err)
	_, _, err = b.reader.Policy(t.Context())
	require.Error(t, err)
	require.Nil(t, fault.As(err))
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.decision(t, b.register(t), b.staff(t, actor.Reviewer))
	key := store.IdempotencyKey{Scope: "staff/1", Route: "POST /v1/accounts/1/approve", Key: "k1", Fingerprint: [32]byte(randomBytes())}
	claim := func(k store.IdempotencyKey) (claimed *store.Claim, err error) {
		err = b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			claimed, err = tx.ClaimKey(ctx, k, noon)
			if err == nil && claimed == nil {
				return tx.BindKey(ctx, k, d.ID)
			}
			return err
		})
		return claimed, err
	}

	claimed, err := claim(key)
	require.NoError(t, err)
	require.Nil(t, claimed)
	claimed, err = claim(key)
	require.NoError(t, err)
	require.Equal(t, &store.Claim{DecisionID: d.ID}, claimed)

	other := key
	other.Fingerprint = [32]byte(randomBytes())
	_, err = claim(other)
	requireFault(t, err, fault.KeyReused)
	stranger := key
	stranger.Scope = "staff/2"
	claimed, err = claim(stranger)
	require.NoError(t, err)
	require.Nil(t, claimed)

	first := store.Answer{Status: 200, Body: []byte(`{"a":1}`)}
	for _, later := range []store.Answer{first, {Status: 202, Body: []byte(`{}`)}} {
		kept, err := b.store.Remember(t.Context(), key, d.ID, later)
		require.NoError(t, err)
		require.Equal(t, first, kept)
	}
	claimed, err = claim(key)
	require.NoError(t, err)
	require.Equal(t, &store.Answer{Status: 200, Body: []byte(`{"a":1}`)}, claimed.Answer)

	require.NoError(t, b.store.ForgetKey(t.Context(), stranger, newID()))
	claimed, err = claim(stranger)
	require.NoError(t, err)
	require.NotNil(t, claimed, "it is for another decision")
	require.NoError(t, b.store.ForgetKey(t.Context(), stranger, d.ID))
	_, err = b.store.Remember(t.Context(), stranger, d.ID, first)
	requireFault(t, err, fault.NotFound)
	claimed, err = claim(stranger)
	require.NoError(t, err)
	require.Nil(t, claimed)
	require.NoError(t, b.store.ForgetAnswers(t.Context(), noon.Add(time.Hour)))
	claimed, err = claim(other)
	require.NoError(t, err)
	require.Nil(t, claimed)
}

func TestAloneLetsOneInAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inside, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = b.store.Alone(t.Context(), 7, func(context.Context) error {
			close(inside)
			<-release
			return nil
		})
	})
	<-inside
	ran, err := b.store.Alone(t.Context(), 7, func(context.Context) error { return nil })
	require.NoError(t, err)
	require.False(t, ran)
	close(release)
	wg.Wait()
	ran, err = b.store.Alone(t.Context(), 7, func(context.Context) error { return nil })
	require.NoError(t, err)
	require.True(t, ran)
}

func TestCountsFollowTheAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reviewer := b.staff(t, actor.Reviewer)
	const accounts = 24
	var wg sync.WaitGroup
	for i := range accounts {
		r := registration()
		wg.Go(func() {
			_ = b.store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				if err := tx.InsertRegistration(ctx, r); err != nil {
					return err
				}
				if i%3 == 0 {
					r.Account.Status, r.Account.Stage = account.Active, account.NoStage
					return tx.WriteTransition(ctx, store.Transition{Account: r.Account, Event: r.Event})
				}
				return nil
			})
		})
	}
	wg.Wait()
	stats, err := b.reader.Stats(t.Context(), noon.Add(-time.Hour), noon.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, store.Counts{Pending: 16, Active: 8, All: 24}, stats.Counts)
	require.Equal(t, store.Queue{AwaitingDocuments: 16}, stats.Queue)
	require.Equal(t, int64(accounts), stats.Activity.Registrations)
	require.Nil(t, stats.Activity.MedianDecision)

	for i, hours := range []int{1, 2, 9} {
		r := b.register(t)
		d := b.decision(t, r, reviewer, func(d *store.Decision) {
			d.RequestedAt = noon.Add(time.Minute)
			d.Kind = []account.Action{account.Approve, account.Reject, account.Approve}[i]
		})
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.CloseDecision(ctx, d.ID, cases.Applied, "", noon.Add(time.Duration(hours)*time.Hour))
		}))
	}
	stats, err = b.reader.Stats(t.Context(), noon.Add(-time.Hour), noon.Add(24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, int64(2), stats.Activity.Approvals)
	require.Equal(t, int64(1), stats.Activity.Rejections)
	require.Equal(t, 2*time.Hour, *stats.Activity.MedianDecision)
}

func TestTimelinePagesHaveNoGap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.register(t)
	for i := range 25 {
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.AppendEvent(ctx, store.Event{
				At: noon.Add(time.Duration(i/5) * time.Minute), Actor: actor.Actor{Kind: actor.System}, Action: "tick",
				Subject: "account", SubjectID: r.Account.ID.String(), AccountID: &r.Account.ID, After: map[string]any{"n": i},
			})
		}))
	}
	all, next, err := b.reader.Timeline(t.Context(), r.Account.ID, 100, nil)
	require.NoError(t, err)
	require.Nil(t, next)
	require.Len(t, all, 27, "with the registration and its notice")
	var walked []store.TimelineItem
	var after *store.TimelineCursor
	for {
		items, next, err := b.reader.Timeline(t.Context(), r.Account.ID, 4, after)
		require.NoError(t, err)
		walked = append(walked, items...)
		if after = next; after == nil {
			break
		}
	}
	require.Equal(t, all, walked)
}

func TestTimelineTellsWhatCameBackAndWhatWasReleased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, other := b.customer(t, 450), b.customer(t, 10)
	charged, err := b.store.Charge(t.Context(), charge(id, 40))
	require.NoError(t, err)
	_, err = b.store.Charge(t.Context(), charge(other, 4))
	require.NoError(t, err)
	_, err = b.store.RefundCharge(t.Context(), store.Posting{
		ID: newID(), Request: store.Request{Scope: id, Key: "back"}, Amount: 5, Reverses: &charged.ID, Actor: actor.Actor{Kind: actor.System}, At: noon.Add(time.Minute),
	})
	require.NoError(t, err)
	credits := func(available, held int64) map[string]any {
		return map[string]any{"credits": map[string]any{"available": available, "held": held}}
	}
	event := func(minute int, action string, before, after map[string]any) {
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.AppendEvent(ctx, store.Event{
				At: noon.Add(time.Duration(minute) * time.Minute), Actor: actor.Actor{Kind: actor.Staff, ID: newID(), Role: actor.Admin}, Action: action,
				Subject: "account", SubjectID: id.String(), AccountID: &id, Before: before, After: after, WorkflowID: "suspension/1",
			})
		}))
	}
	event(2, "suspend", credits(7, 0), credits(0, 7))
	event(3, "reactivate", credits(0, 9), credits(9, 0))
	event(4, "suspend", credits(450, 0), credits(0, 450))
	event(5, "reactivate", credits(0, 455), credits(455, 0))
	items, _, err := b.reader.Timeline(t.Context(), id, 100, nil)
	require.NoError(t, err)
	var backs int
	var ends []store.SuspensionFigures
	for _, item := range items {
		if item.Source == store.TimelineTransfer {
			backs++
			require.Equal(t, "charge_refund", item.Action)
			require.Equal(t, int64(5), *item.Amount)
		}
		if f := item.Figures(); f != nil && f.Suspension != nil {
			require.Equal(t, actor.Admin, item.ActorRole)
			ends = append(ends, *f.Suspension)
			require.Equal(t, f.Suspension.Before+f.Suspension.Posted, f.Suspension.Released)
		}
	}
	require.Equal(t, 1, backs, "the refund, no charge, and nobody else's")
	require.Equal(t, []store.SuspensionFigures{{Before: 450, Posted: 5, Released: 455}, {Before: 7, Posted: 2, Released: 9}}, ends, "each of its own suspension")
}

func TestTheApplicationsRoleCannotRewriteHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t)
	for _, sql := range []string{
		`UPDATE audit_events SET action = 'x'`, `DELETE FROM audit_events`, `TRUNCATE audit_events`,
		`INSERT INTO audit_events (id, at, actor_kind, action, subject, subject_id) VALUES (1, now(), 'system', 'x', 'x', 'x')`,
		`UPDATE audit_seals SET hash = ''`, `DELETE FROM audit_seals`, `TRUNCATE audit_seals`, `ALTER SEQUENCE audit_event_ids RESTART`,
		`SELECT setval('audit_event_ids', 1)`,
		`UPDATE policies SET note = 'x'`, `DELETE FROM decisions`, `DELETE FROM accounts`,
		`UPDATE account_counts SET pending = 0`, `CREATE TABLE mine (id int)`, `ALTER TABLE accounts ADD COLUMN x int`,
	} {
		_, err := b.store.Pool().Exec(t.Context(), sql)
		require.ErrorContains(t, err, "42501", sql)
	}
}
