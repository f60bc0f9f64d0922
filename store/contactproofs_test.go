package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/store"
)

// proof records that an account is to prove a contact, as it was sent at noon, and
// returns it with the hash of its token or code.
func (b testBundle) proof(t *testing.T, a account.Account, contact account.Contact, changes ...func(*store.ContactProof)) (store.ContactProof, [32]byte) {
	t.Helper()
	at, expires, hash := noon, noon.Add(account.CodeLife), [32]byte(randomBytes())
	p := store.ContactProof{ID: newID(), AccountID: a.ID, Contact: contact, Value: a.Contact(contact), RequestedAt: noon, IssuedAt: &at, ExpiresAt: &expires}
	for _, change := range changes {
		change(&p)
	}
	require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.InsertProof(ctx, p); err != nil {
			return err
		}
		return tx.IssueProof(ctx, p, hash)
	}))
	return p, hash
}

func (b testBundle) proofOf(t *testing.T, id uuid.UUID) store.ContactProof {
	t.Helper()
	p, err := b.reader.ContactProof(t.Context(), id)
	require.NoError(t, err)
	return p
}

func changeTo(value string) func(*store.ContactProof) {
	return func(p *store.ContactProof) { p.Change, p.Value = true, value }
}

// change gives an account what a proof is of, as the service does.
func (b testBundle) change(t *testing.T, a account.Account, p store.ContactProof) error {
	t.Helper()
	told := newID()
	p.Previous, p.ToldBy = a.Contact(p.Contact), &told
	if p.Contact == account.ContactEmail {
		a.Email = p.Value
	} else {
		a.Phone = p.Value
	}
	return b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ChangeContact(ctx, a, p, noon)
		return err
	})
}

func TestContactProofs(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("are there from the registration on", func(t *testing.T) {
		t.Parallel()
		id := newID()
		r := b.register(t, func(r *store.Registration) {
			r.EmailProof = store.ContactProof{ID: id, AccountID: r.Account.ID, Contact: account.ContactEmail, Value: r.Account.Email, RequestedAt: noon}
		})
		open, err := b.reader.OpenProof(t.Context(), r.Account.ID, account.ContactEmail)
		require.NoError(t, err)
		require.Equal(t, r.EmailProof, open)
		_, err = b.reader.OpenProof(t.Context(), r.Account.ID, account.ContactPhone)
		requireFault(t, err, fault.NotFound)
		require.False(t, open.Over(noon.Add(24*time.Hour)), "its time begins when it is sent")
	})
	t.Run("replace what was to be proved of the same contact", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		first, hash := b.proof(t, a, account.ContactEmail)
		phone, _ := b.proof(t, a, account.ContactPhone)
		second, _ := b.proof(t, a, account.ContactEmail)
		require.Equal(t, store.ProofReplaced, b.proofOf(t, first.ID).Outcome)
		open, err := b.reader.OpenProofs(t.Context(), a.ID)
		require.NoError(t, err)
		require.ElementsMatch(t, []store.ContactProof{second, phone}, open)
		found, err := b.reader.ProofByToken(t.Context(), hash)
		require.NoError(t, err)
		require.True(t, found.Over(noon))
		_, err = b.reader.ProofByToken(t.Context(), [32]byte(randomBytes()))
		requireFault(t, err, fault.NotFound)
	})
	t.Run("are used once, of however many at once, and not when their time is over", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		redeem := func(id uuid.UUID, at time.Time) error {
			return b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.RedeemProof(ctx, id, at) })
		}
		late, _ := b.proof(t, a, account.ContactPhone)
		requireFault(t, redeem(late.ID, *late.ExpiresAt), fault.NotFound)
		p, _ := b.proof(t, a, account.ContactEmail)
		var used atomic.Int64
		var racing sync.WaitGroup
		for range 50 {
			racing.Go(func() {
				switch err := redeem(p.ID, noon); {
				case err == nil:
					used.Add(1)
				case !fault.Is(err, fault.NotFound):
					t.Errorf("unexpected error: %v", err)
				}
			})
		}
		racing.Wait()
		require.EqualValues(t, 1, used.Load())
		require.Equal(t, store.ProofProved, b.proofOf(t, p.ID).Outcome)
	})
	t.Run("take five codes, of however many at once", func(t *testing.T) {
		t.Parallel()
		p, hash := b.proof(t, b.register(t).Account, account.ContactPhone)
		try := func(at time.Time) (tries int, err error) {
			err = b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
				var kept [32]byte
				kept, tries, err = tx.TryCode(ctx, p.ID, at)
				if err == nil {
					require.Equal(t, hash, kept)
				}
				return err
			})
			return tries, err
		}
		_, err := try(*p.ExpiresAt)
		requireFault(t, err, fault.NotFound)
		var tried atomic.Int64
		var racing sync.WaitGroup
		for range 50 {
			racing.Go(func() {
				tries, err := try(noon)
				switch {
				case err == nil && tries <= account.CodeTries:
					tried.Add(1)
				case !fault.Is(err, fault.NotFound):
					t.Errorf("try %d, unexpected error: %v", tries, err)
				}
			})
		}
		racing.Wait()
		require.EqualValues(t, account.CodeTries, tried.Load())
		require.Equal(t, account.CodeTries, b.proofOf(t, p.ID).Tries)
	})
	t.Run("make a contact verified", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		for _, contact := range account.Contacts() {
			require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error { return tx.VerifyContact(ctx, a.ID, contact, noon) }))
			view, err := b.reader.Account(t.Context(), a.ID)
			require.NoError(t, err)
			require.True(t, view.Verified(contact))
		}
	})
	t.Run("of changes end with the password that asked for them, and others do not", func(t *testing.T) {
		t.Parallel()
		r := b.register(t)
		own, _ := b.proof(t, r.Account, account.ContactEmail)
		change, _ := b.proof(t, r.Account, account.ContactPhone, changeTo("+255754111222"))
		require.NoError(t, b.inTx(t, func(ctx context.Context, tx *store.Tx) error {
			return tx.SetPassword(ctx, store.Login{ID: r.LoginID, AccountID: r.Account.ID}, "new", noon)
		}))
		require.True(t, b.proofOf(t, own.ID).Open())
		require.Equal(t, store.ProofVoid, b.proofOf(t, change.ID).Outcome)
	})
	t.Run("are forgotten in time", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		old, _ := b.proof(t, a, account.ContactEmail, func(p *store.ContactProof) { p.RequestedAt = noon.Add(-time.Hour) })
		fresh, _ := b.proof(t, a, account.ContactEmail)
		require.NoError(t, b.store.ForgetProofs(t.Context(), noon))
		_, err := b.reader.ContactProof(t.Context(), old.ID)
		requireFault(t, err, fault.NotFound)
		b.proofOf(t, fresh.ID)
	})
}

func TestChangeContact(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("moves the sign-in, the search and the resets to another address", func(t *testing.T) {
		t.Parallel()
		r := b.register(t)
		a := r.Account
		login, err := b.reader.LoginOf(t.Context(), a.ID)
		require.NoError(t, err)
		var sessions []store.Session
		for range 2 {
			s := store.Session{ID: newID(), Purpose: store.PurposeSession, Hash: [32]byte(randomBytes()), CreatedAt: noon, Idle: time.Hour, ExpiresAt: noon.Add(time.Hour)}
			require.NoError(t, b.begin(t, s, login))
			sessions = append(sessions, s)
		}
		reset, token := b.issued(t, a.ID, noon)
		p, _ := b.proof(t, a, account.ContactEmail, changeTo("neema@pwani.example"), func(p *store.ContactProof) { p.SessionID = &sessions[0].ID })
		require.NoError(t, b.change(t, a, p))

		found, err := b.reader.LoginByEmail(t.Context(), "neema@pwani.example")
		require.NoError(t, err)
		require.Equal(t, a.ID, found.AccountID)
		_, err = b.reader.LoginByEmail(t.Context(), a.Email)
		requireFault(t, err, fault.NotFound)
		view, err := b.reader.Account(t.Context(), a.ID)
		require.NoError(t, err)
		require.Equal(t, "neema@pwani.example", view.Email)
		require.True(t, view.EmailVerified)
		page, err := b.reader.Accounts(t.Context(), store.AccountsQuery{Q: "neema@pwani", Sort: store.SortRegistered, Limit: 10})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		changed := b.proofOf(t, p.ID)
		require.Equal(t, a.Email, changed.Previous)
		told, err := b.reader.ProofToldBy(t.Context(), *changed.ToldBy)
		require.NoError(t, err)
		require.Equal(t, changed, told)

		_, err = b.reader.ResetByToken(t.Context(), token, noon)
		requireFault(t, err, fault.NotFound)
		ended, err := b.reader.Reset(t.Context(), reset.ID)
		require.NoError(t, err)
		require.Equal(t, store.ResetReplaced, ended.Outcome)
		_, err = b.reader.SessionByToken(t.Context(), sessions[0].Hash, noon)
		require.NoError(t, err, "the session that asked goes on")
		_, err = b.reader.SessionByToken(t.Context(), sessions[1].Hash, noon)
		requireFault(t, err, fault.NotFound)
		_, err = b.reader.SessionByToken(t.Context(), r.Upload.Hash, noon)
		require.NoError(t, err, "and so does the right to add documents")
	})
	t.Run("leaves the sign-in alone with another phone", func(t *testing.T) {
		t.Parallel()
		a := b.register(t).Account
		_, token := b.issued(t, a.ID, noon)
		p, _ := b.proof(t, a, account.ContactPhone, changeTo("+255754999000"))
		require.NoError(t, b.change(t, a, p))
		view, err := b.reader.Account(t.Context(), a.ID)
		require.NoError(t, err)
		require.Equal(t, "+255754999000", view.Phone)
		require.True(t, view.PhoneVerified)
		require.False(t, view.EmailVerified)
		_, err = b.reader.ResetByToken(t.Context(), token, noon)
		require.NoError(t, err)
	})
	t.Run("to what another account has is refused, by either name", func(t *testing.T) {
		t.Parallel()
		a, other := b.register(t).Account, b.register(t).Account
		for _, contact := range account.Contacts() {
			taken, err := b.reader.ContactTaken(t.Context(), a.ID, contact, other.Contact(contact))
			require.NoError(t, err)
			require.True(t, taken)
			taken, err = b.reader.ContactTaken(t.Context(), other.ID, contact, other.Contact(contact))
			require.NoError(t, err)
			require.False(t, taken, "one's own is not")
			p, _ := b.proof(t, a, contact, changeTo(other.Contact(contact)))
			requireFault(t, b.change(t, a, p), fault.Taken, string(contact))
			requireFault(t, store.ErrTaken(contact), fault.Taken, string(contact))
		}
	})
	t.Run("gives one address to one of many who ask for it at once", func(t *testing.T) {
		t.Parallel()
		var changed atomic.Int64
		var racing sync.WaitGroup
		for range 8 {
			a := b.register(t).Account
			p, _ := b.proof(t, a, account.ContactEmail, changeTo("wanted@pwani.example"))
			racing.Go(func() {
				switch err := b.change(t, a, p); {
				case err == nil:
					changed.Add(1)
				case !fault.Is(err, fault.Taken):
					t.Errorf("unexpected error: %v", err)
				}
			})
		}
		racing.Wait()
		require.EqualValues(t, 1, changed.Load())
	})
}
