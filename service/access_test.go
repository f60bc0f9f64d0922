package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

func hasher(t *testing.T) *identity.Hasher {
	t.Helper()
	h, err := identity.NewHasher(argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, 2)
	require.NoError(t, err)
	return h
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	files := func(t *testing.T, a account.Account) int {
		t.Helper()
		return b.count(t, `SELECT count(*) FROM documents WHERE account_id = $1`, a.ID)
	}

	t.Run("keeps the original as it came and audits each look at it", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		d, err := b.service.Upload(t.Context(), self(a), a.ID, pdf("tin_certificate"))
		require.NoError(t, err)
		require.Equal(t, "application/pdf", d.ContentType)
		read, body, err := b.service.OpenDocument(t.Context(), b.admin, a.ID, d.ID)
		require.NoError(t, err)
		require.Equal(t, d.SHA256, read.SHA256)
		require.Equal(t, sample.PDF("TIN certificate", "Kilimo Bora Ltd"), drain(t, body))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM audit_events WHERE action = 'document.downloaded' AND subject_id = $1 AND actor_id = $2`, d.ID.String(), b.admin.ID))
	})
	t.Run("refuses a bad kind and keeps nothing", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, err := b.service.Upload(t.Context(), self(a), a.ID, pdf("selfie"))
		requireFault(t, err, fault.Invalid, "kind")
		require.Zero(t, files(t, a))
	})
	t.Run("keeps nothing of an upload that breaks off", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		broken := errors.New("connection reset")
		_, err := b.service.Upload(t.Context(), self(a), a.ID, service.Upload{
			FileName: "x.pdf", Body: io.MultiReader(strings.NewReader("%PDF-1.7\n"), iotest{broken}), Kind: func() (string, error) { return "other", nil },
		})
		require.Error(t, err)
		require.Zero(t, files(t, a))
	})
	t.Run("takes as many as the policy permits, also of many at once", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		results := make(chan error, 14)
		race(cap(results), func(int) {
			_, err := b.service.Upload(t.Context(), self(a), a.ID, pdf("other"))
			results <- err
		})
		close(results)
		refused := 0
		for err := range results {
			if err != nil {
				requireFault(t, err, fault.Conflict)
				refused++
			}
		}
		require.Equal(t, 4, refused)
		require.Equal(t, 10, files(t, a))
	})
	t.Run("is refused once the account is decided on", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Active, account.NoStage)
		_, err := b.service.Upload(t.Context(), self(a), a.ID, pdf("other"))
		require.Equal(t, account.Active, currentOf(t, err).Status)
	})
	t.Run("is the applicant's own, and looking is for some roles only", func(t *testing.T) {
		t.Parallel()
		a, other := b.register(t), b.register(t)
		_, err := b.service.Upload(t.Context(), self(other), a.ID, pdf("other"))
		requireFault(t, err, fault.Forbidden)
		_, err = b.service.Upload(t.Context(), b.admin, a.ID, pdf("other"))
		requireFault(t, err, fault.Forbidden)
		d, err := b.service.Upload(t.Context(), self(a), a.ID, pdf("other"))
		require.NoError(t, err)
		for _, role := range []actor.Role{actor.Finance, actor.Support} {
			_, _, err = b.service.OpenDocument(t.Context(), b.staff(t, role), a.ID, d.ID)
			requireFault(t, err, fault.Forbidden)
			_, _, err = b.service.OpenPage(t.Context(), b.staff(t, role), a.ID, d.ID, 1)
			requireFault(t, err, fault.Forbidden)
		}
		_, _, err = b.service.OpenDocument(t.Context(), b.admin, other.ID, d.ID)
		requireFault(t, err, fault.NotFound)
		_, _, err = b.service.OpenPage(t.Context(), b.admin, a.ID, d.ID, 1)
		requireFault(t, err, fault.NotFound)
		_, _, err = b.service.OpenDocument(t.Context(), b.admin, a.ID, uuid.New())
		requireFault(t, err, fault.NotFound)
	})
}

// iotest is a reader that fails.
type iotest struct{ err error }

func (r iotest) Read([]byte) (int, error) { return 0, r.err }

func TestLogin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	login := func(email, pass string) (service.LoggedIn, error) {
		return b.service.Login(t.Context(), actor.Actor{RequestID: "test"}, email, pass)
	}

	t.Run("begins a session that ends when the user says so", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		in, err := login(" "+upper(a.Email), password)
		require.NoError(t, err)
		require.Equal(t, a.ID, in.Account.ID)
		session, err := b.reader.SessionByToken(t.Context(), identity.HashToken(in.Token), time.Now())
		require.NoError(t, err)
		require.Equal(t, store.PurposeSession, session.Purpose)
		view, err := b.reader.Account(t.Context(), a.ID)
		require.NoError(t, err)
		require.False(t, view.LastActiveAt.IsZero())
		require.NoError(t, b.service.Logout(t.Context(), self(a), in.Token))
		requireFault(t, b.service.Logout(t.Context(), self(a), in.Token), fault.NotFound)
	})
	t.Run("tells an unknown e-mail, a wrong password and a closed account apart in nothing", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		closed := b.put(t, b.register(t), account.Closed, account.NoStage)
		suspended := b.put(t, b.register(t), account.Suspended, account.NoStage)
		var texts []string
		for email, pass := range map[string]string{
			"nobody@example.co.tz": password, "not an address": password, a.Email: "wrong", closed.Email: password, suspended.Email: "wrong",
		} {
			_, err := login(email, pass)
			requireFault(t, err, fault.Unauthenticated)
			texts = append(texts, err.Error())
		}
		for _, text := range texts {
			require.Equal(t, texts[0], text)
		}
	})
	t.Run("tells a suspended user why, since when and until when", func(t *testing.T) {
		t.Parallel()
		a := b.put(t, b.register(t), account.Active, account.NoStage)
		until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		decided, err := b.service.Suspend(t.Context(), b.admin, service.Ask{AccountID: a.ID, ReasonCode: "fraud", Reason: "Under investigation.", Until: &until})
		require.NoError(t, err)
		a.DecidedBy, a.SuspendedUntil = &decided.Decision.ID, until
		a.StageSince = time.Now().UTC().Truncate(time.Microsecond)
		b.put(t, a, account.Suspended, account.NoStage)
		_, err = login(a.Email, password)
		refused := requireFault(t, err, fault.AccountSuspended)
		require.Contains(t, refused.Details["appeal_token"], identity.AppealToken)
		delete(refused.Details, "appeal_token")
		require.Equal(t, map[string]any{
			"reason": "Under investigation.", "reason_code": "fraud", "suspended_at": a.StageSince, "until": until, "appealed_at": nil,
		}, refused.Details)
	})
	t.Run("queues while passwords are hashed, and fails nobody", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		slow, err := identity.NewHasher(identity.Params, 1)
		require.NoError(t, err)
		busy := service.New(service.Config{Store: b.store, Temporal: b.temporal, Documents: b.files, Hasher: slow, Log: quiet()})
		_, err = busy.Login(t.Context(), actor.Actor{}, a.Email, password) // its hash is as dear as that from now on
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		const people = 40
		ended := make(chan error, 2*people)
		for range people {
			go func() {
				_, err := busy.Login(ctx, actor.Actor{}, a.Email, password)
				ended <- err
			}()
			go func() {
				_, err := busy.Login(ctx, actor.Actor{}, "nobody@kilimobora.example", password)
				if !fault.Is(err, fault.Unauthenticated) {
					err = fmt.Errorf("somebody unknown: %w", err)
				} else {
					err = nil
				}
				ended <- err
			}()
		}
		for range 2 * people {
			require.NoError(t, <-ended)
		}
	})
	t.Run("makes an old hash a new one", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		dearer, err := identity.NewHasher(argon2id.Params{Memory: 128, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, 2)
		require.NoError(t, err)
		newer := service.New(service.Config{Store: b.store, Temporal: b.temporal, Documents: b.files, Hasher: dearer, Log: quiet()})
		before, err := b.reader.LoginByEmail(t.Context(), a.Email)
		require.NoError(t, err)
		_, err = newer.Login(t.Context(), actor.Actor{}, a.Email, password)
		require.NoError(t, err)
		after, err := b.reader.LoginByEmail(t.Context(), a.Email)
		require.NoError(t, err)
		require.NotEqual(t, before.PasswordHash, after.PasswordHash)
		require.Contains(t, after.PasswordHash, "m=128")
		_, err = login(a.Email, password)
		require.NoError(t, err)
	})
}
