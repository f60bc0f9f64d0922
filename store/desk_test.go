package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// waiting registers an account that is in review and due at a time.
func (b testBundle) waiting(t *testing.T, due time.Time, changes ...func(*store.Registration)) store.Registration {
	t.Helper()
	return b.register(t, append(changes, func(r *store.Registration) {
		r.Account.Stage, r.Account.RemindAt = account.InReview, due
	})...)
}

func TestReviewQueue_shows_first_what_is_due_first(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late := b.waiting(t, noon.Add(3*time.Hour)).Account.ID
	early := b.waiting(t, noon.Add(time.Hour)).Account.ID
	middle := b.waiting(t, noon.Add(2*time.Hour)).Account.ID
	b.register(t) // which waits for documents
	changes := b.waiting(t, noon.Add(4*time.Hour))
	changes.Account.Stage = account.ChangesRequested
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		return tx.WriteTransition(ctx, store.Transition{Account: changes.Account, Event: changes.Event})
	}))
	page := func(q store.QueueQuery) (ids []uuid.UUID, p store.QueuePage) {
		t.Helper()
		q.Stage, q.Limit = account.InReview, 2
		p, err := b.reader.ReviewQueue(t.Context(), q)
		require.NoError(t, err)
		for _, item := range p.Items {
			ids = append(ids, item.ID)
		}
		return ids, p
	}
	ids, first := page(store.QueueQuery{})
	require.Equal(t, []uuid.UUID{early, middle}, ids)
	require.Nil(t, first.Previous)
	ids, second := page(store.QueueQuery{After: first.Next})
	require.Equal(t, []uuid.UUID{late}, ids)
	require.Nil(t, second.Next)
	ids, _ = page(store.QueueQuery{Before: second.Previous})
	require.Equal(t, []uuid.UUID{early, middle}, ids)

	stages, err := b.reader.Stages(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.Stages{AwaitingDocuments: 1, InReview: 3, ChangesRequested: 1}, stages)
	var counted store.Stages
	require.NoError(t, b.owner.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE stage = 'awaiting_documents'),
		count(*) FILTER (WHERE stage = 'in_review'), count(*) FILTER (WHERE stage = 'changes_requested') FROM accounts`).
		Scan(&counted.AwaitingDocuments, &counted.InReview, &counted.ChangesRequested))
	require.Equal(t, counted, stages, "what is kept is what there is")
	require.Equal(t, int64(3), stages.Of(account.InReview))
}

func TestClaims(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.waiting(t, noon.Add(time.Hour)), b.waiting(t, noon.Add(2*time.Hour))
	mine, other := b.staff(t, actor.Reviewer), b.staff(t, actor.Reviewer)
	next := func(by store.Staff, skip uuid.UUID, at time.Time) []uuid.UUID {
		t.Helper()
		ids, err := b.reader.NextReviews(t.Context(), by.ID, skip, at, 10)
		require.NoError(t, err)
		return ids
	}
	claim := func(by store.Staff, at time.Time) store.ReviewClaim {
		t.Helper()
		c, err := b.store.Claim(t.Context(), first.Account.ID, by.ID, at, at.Add(5*time.Minute))
		require.NoError(t, err)
		return c
	}
	require.Equal(t, mine.ID, claim(mine, noon).StaffID)
	require.Equal(t, mine.ID, claim(other, noon.Add(time.Minute)).StaffID, "it stays whose it is")
	require.Equal(t, []uuid.UUID{first.Account.ID, second.Account.ID}, next(mine, uuid.Nil, noon))
	require.Equal(t, []uuid.UUID{second.Account.ID}, next(other, uuid.Nil, noon))
	require.Equal(t, []uuid.UUID{second.Account.ID}, next(mine, first.Account.ID, noon), "beyond the one that is skipped")
	require.Equal(t, other.ID, claim(other, noon.Add(10*time.Minute)).StaffID, "it ends by itself")

	b.decision(t, second, mine)
	require.Empty(t, next(mine, first.Account.ID, noon.Add(10*time.Minute)), "nobody is offered what is decided")
	attention, err := b.reader.Attention(t.Context(), []uuid.UUID{first.Account.ID, second.Account.ID}, noon.Add(11*time.Minute))
	require.NoError(t, err)
	require.Equal(t, other.Name, attention[first.Account.ID].Claim.StaffName)
	require.Nil(t, attention[first.Account.ID].Open)
	require.Equal(t, account.Reject, attention[second.Account.ID].Open.Kind)

	require.NoError(t, b.store.Unclaim(t.Context(), first.Account.ID, mine.ID), "which is not theirs, and stays")
	require.NotContains(t, next(mine, uuid.Nil, noon.Add(11*time.Minute)), first.Account.ID)
	require.NoError(t, b.store.ForgetClaims(t.Context(), noon.Add(time.Hour)))
	require.Equal(t, []uuid.UUID{first.Account.ID}, next(mine, uuid.Nil, noon.Add(11*time.Minute)))
}

func TestLikenesses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own := b.register(t, func(r *store.Registration) {
		r.Account.Company.TIN, r.Account.Company.RegistrationNumber = "111222333", "BRELA-77 a"
	})
	twin := b.register(t, func(r *store.Registration) {
		r.Account.Company.TIN, r.Account.Company.RegistrationNumber = "111222333", "brela/77A"
	})
	cousin := b.register(t, func(r *store.Registration) { r.Account.Company.TIN = "111222333" })
	b.register(t, func(r *store.Registration) { r.Account.Company.TIN = "" })
	b.register(t, func(r *store.Registration) { r.Account.Company.TIN = "" })
	found, err := b.reader.Likenesses(t.Context(), own.Account.ID)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, twin.Account.ID, found[0].AccountID, "who shares most comes first")
	require.Equal(t, []string{store.SameNumber, store.SameTIN}, found[0].Shared)
	require.Equal(t, cousin.Account.ID, found[1].AccountID)
	require.Equal(t, []string{store.SameTIN}, found[1].Shared)
}

func TestDaily_counts_by_the_days_of_a_zone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	zone, err := time.LoadLocation("Africa/Dar_es_Salaam")
	require.NoError(t, err)
	at := func(text string) func(*store.Registration) {
		when, err := time.ParseInLocation(time.DateTime, text, zone)
		require.NoError(t, err)
		return func(r *store.Registration) { r.Account.RegisteredAt = when }
	}
	b.register(t, at("2026-11-22 23:59:59"))
	b.register(t, at("2026-11-23 00:00:00")) // still the 22nd in UTC
	decided := b.register(t, at("2026-11-23 23:59:59"))
	reviewer := b.staff(t, actor.Reviewer)
	d := b.decision(t, decided, reviewer)
	open := b.decision(t, b.register(t, at("2026-11-30 10:00:00")), reviewer)
	_, err = b.owner.Exec(t.Context(), `UPDATE decisions SET outcome = 'applied', closed_at = $2 WHERE id = $1`, d.ID, noon)
	require.NoError(t, err)
	require.NotEqual(t, d.ID, open.ID)
	from := time.Date(2026, 11, 22, 0, 0, 0, 0, zone)
	figures, err := b.reader.Daily(t.Context(), from, from.AddDate(0, 0, 3), zone)
	require.NoError(t, err)
	counts := map[string]int64{}
	for _, f := range figures {
		counts[f.Day.Format(time.DateOnly)+" "+string(f.Kind)+f.Reason] = f.Count
	}
	require.Equal(t, map[string]int64{"2026-11-22 register": 1, "2026-11-23 register": 2, "2026-11-23 rejectnot_eligible": 1}, counts)
}

func TestStaffMembers_and_their_desk(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t)
	gone, here := b.staff(t, actor.Admin), b.staff(t, actor.Support)
	_, err := b.owner.Exec(t.Context(), `UPDATE staff SET disabled_at = now() WHERE id = $1`, gone.ID)
	require.NoError(t, err)
	members, err := b.reader.StaffMembers(t.Context())
	require.NoError(t, err)
	require.Len(t, members, 2)
	require.Equal(t, here.ID, members[0].ID, "those who are enabled come first")
	require.NotNil(t, members[1].DisabledAt)
	require.False(t, members[0].SecondFactor)
	require.Nil(t, members[0].LastUsedAt)

	desk, err := b.reader.Desk(t.Context(), here.ID)
	require.NoError(t, err)
	require.Equal(t, int64(1), desk.Pending)
	require.Zero(t, desk.Appeals)
	_, err = b.reader.Desk(t.Context(), gone.ID)
	requireFault(t, err, fault.NotFound)
}

func TestPolicyChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := b.staff(t, actor.Admin)
	p, version, err := b.reader.Policy(t.Context())
	require.NoError(t, err)
	p.MaxDocuments++
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.InsertPolicy(ctx, p, actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: actor.Admin}, "one more", noon)
		return err
	}))
	changes, err := b.reader.PolicyChanges(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, []store.PolicyChange{{Version: version + 1, Note: "one more", StaffName: admin.Name, ChangedAt: noon}}, changes)
	events, _, err := b.reader.Audit(t.Context(), store.AuditQuery{Action: "policy.changed", ActorID: admin.ID, Limit: 10})
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, admin.Name, events[0].ActorName)
}

func TestMessageSummaries_count_what_has_become_of_each(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.register(t).Account
	id := newID()
	_, err := b.owner.Exec(t.Context(), `
		INSERT INTO messages (id, account_id, charge_id, fingerprint, text, segments, recipients, created_at, give_up_at, settle_within, wake_at)
		VALUES ($1, $2, gen_random_uuid(), '', 'secret', 1, 4, $3, $3, '1 hour', $3)`, id, a.ID, noon)
	require.NoError(t, err)
	for i, status := range []string{"delivered", "failed", "sent", "unknown"} {
		_, err := b.owner.Exec(t.Context(), `INSERT INTO message_recipients (message_id, position, phone, status, changed_at) VALUES ($1, $2, '+255712000000', $3, $4)`, id, i, status, noon)
		require.NoError(t, err)
	}
	messages, err := b.reader.MessageSummaries(t.Context(), a.ID, 5)
	require.NoError(t, err)
	require.Equal(t, []store.MessageSummary{{ID: id, Segments: 1, Recipients: 4, CreatedAt: noon, Delivered: 1, Failed: 1, Sent: 1}}, messages)
	require.Equal(t, 1, messages[0].Waiting())
}
