package service_test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

func limited(l service.Limits) option { return func(c *service.Config) { c.Limits = l } }

func at(address string) actor.Actor {
	return actor.Actor{RequestID: "test", Address: netip.MustParseAddr(address)}
}

// another returns a further service over the same database, as another replica
// is.
func (b testBundle) replica(t *testing.T, l service.Limits) *service.Service {
	t.Helper()
	return service.New(service.Config{Store: b.store, Temporal: b.temporal, Documents: b.files, Hasher: hasher(t), Log: quiet(), Limits: l,
		Now: func() time.Time {
			return time.Now().UTC().Add(time.Duration(b.ahead.Load())).Truncate(time.Microsecond)
		}})
}

// tries logs in until it is told to wait, and returns after how many failures.
func tries(t *testing.T, s *service.Service, by actor.Actor, email string) int {
	t.Helper()
	for n := range 1000 {
		_, err := s.Login(t.Context(), by, email, "wrong")
		if fault.Is(err, fault.RateLimited) {
			return n
		}
		requireFault(t, err, fault.Unauthenticated)
	}
	return -1
}

func TestLoginLimits(t *testing.T) {
	t.Parallel()
	l := service.DefaultLimits()

	t.Run("ask to wait after ten failures, whoever the e-mail is and on every replica", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited(l))
		a := b.register(t)
		other := b.replica(t, l)
		for range 5 {
			_, err := other.Login(t.Context(), at("198.51.100.7"), upper(a.Email), "wrong")
			requireFault(t, err, fault.Unauthenticated)
		}
		require.Equal(t, 5, tries(t, b.service, at("198.51.100.7"), a.Email))
		require.Equal(t, 10, tries(t, b.service, at("198.51.100.7"), "nobody@example.co.tz"))
		require.Equal(t, 10, tries(t, b.service, at("198.51.100.7"), "not an address"))
		_, right := b.service.Login(t.Context(), at("198.51.100.7"), a.Email, password)
		_, unknown := other.Login(t.Context(), at("198.51.100.7"), "nobody@example.co.tz", password)
		for _, err := range []error{right, unknown} {
			wait, ok := requireFault(t, err, fault.RateLimited).Details[fault.RetryAfter].(int)
			require.True(t, ok)
			require.InDelta(t, 15*60, wait, 70)
		}
		_, err := b.service.Login(t.Context(), at("198.51.100.8"), a.Email, password)
		require.NoError(t, err, "from elsewhere the user is let in")
		b.ahead.Store(int64(17 * time.Minute))
		_, err = b.service.Login(t.Context(), at("198.51.100.7"), a.Email, password)
		require.NoError(t, err)
	})
	t.Run("count no more than ten of many at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited(l))
		a := b.register(t)
		var failed, told atomic.Int64
		race(60, func(int) {
			_, err := b.service.Login(t.Context(), at("198.51.100.7"), a.Email, "wrong")
			if fault.Is(err, fault.RateLimited) {
				told.Add(1)
			} else if fault.Is(err, fault.Unauthenticated) {
				failed.Add(1)
			}
		})
		require.EqualValues(t, 10, failed.Load())
		require.EqualValues(t, 50, told.Load())
	})
	t.Run("forget the failures with a success", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited(l))
		a := b.register(t)
		for range 4 {
			for range 9 {
				_, err := b.service.Login(t.Context(), at("198.51.100.7"), a.Email, "wrong")
				requireFault(t, err, fault.Unauthenticated)
			}
			_, err := b.service.Login(t.Context(), at("198.51.100.7"), a.Email, password)
			require.NoError(t, err)
		}
		for range 200 {
			_, err := b.service.Login(t.Context(), at("198.51.100.9"), a.Email, password)
			require.NoError(t, err, "successes are not limited")
		}
	})
	t.Run("bound what one address tries, over all e-mails, as one customer has it", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited(l))
		n := 0
		for i := range 30 {
			email := string(rune('a'+i%26)) + string(rune('a'+i/26)) + "@example.co.tz"
			n += tries(t, b.service, at("2001:db8::"+string(rune('1'+i%9))), email)
		}
		require.Equal(t, 100, n)
		require.Equal(t, 10, tries(t, b.service, at("2001:db8:0:1::1"), "x@example.co.tz"))
		require.Zero(t, tries(t, b.service, at("2001:db8::ffff"), "x@example.co.tz"))
		require.Equal(t, 10, tries(t, b.service, at("::ffff:192.0.2.1"), "x@example.co.tz"))
		require.Zero(t, tries(t, b.service, at("192.0.2.1"), "x@example.co.tz"))
	})
	t.Run("let nobody lock a user out who is where they were before", func(t *testing.T) {
		t.Parallel()
		few := l
		few.LoginAccount.Most = 30
		b := setup(t, limited(few))
		a := b.register(t)
		home := at("203.0.113.5")
		_, err := b.service.Login(t.Context(), home, a.Email, password)
		require.NoError(t, err)
		n := 0
		for i := range 5 {
			n += tries(t, b.service, at("198.51.100."+string(rune('1'+i))), a.Email)
		}
		require.Equal(t, 30, n, "strangers have so many tries, from wherever")
		_, err = b.service.Login(t.Context(), at("203.0.113.6"), a.Email, password)
		requireFault(t, err, fault.RateLimited)
		_, err = b.service.Login(t.Context(), home, a.Email, password)
		require.NoError(t, err)
		require.Equal(t, 10, tries(t, b.service, home, a.Email))

		require.NoError(t, b.service.CompleteReset(t.Context(), at("203.0.113.6"), b.mail(t, a.ID), another))
		_, err = b.service.Login(t.Context(), at("203.0.113.6"), a.Email, another)
		require.NoError(t, err, "whoever has the mailbox gets in again")
	})
	t.Run("are for staff and for the present password too", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited(l))
		for range 10 {
			_, err := b.service.StaffSignIn(t.Context(), at("198.51.100.7"), service.StaffSignIn{Email: "nobody@kibali.test", Password: "wrong"})
			requireFault(t, err, fault.Unauthenticated)
		}
		_, err := b.service.StaffSignIn(t.Context(), at("198.51.100.7"), service.StaffSignIn{Email: "nobody@kibali.test", Password: "wrong"})
		requireFault(t, err, fault.RateLimited)
		a := b.register(t)
		for range 10 {
			_, err := b.service.ChangePassword(t.Context(), self(a), "wrong", another)
			requireFault(t, err, fault.Invalid, "current_password")
		}
		_, err = b.service.ChangePassword(t.Context(), self(a), password, another)
		requireFault(t, err, fault.RateLimited)
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()

	t.Run("bound registrations, resets and uploads of an address", func(t *testing.T) {
		t.Parallel()
		b := setup(t, limited(service.Limits{
			RegistrationAddress: service.Rate{Most: 3, Per: time.Hour}, ResetAddress: service.Rate{Most: 2, Per: time.Hour},
			UploadAddress: service.Rate{Most: 4, Per: time.Hour}, UploadAccount: service.Rate{Most: 3, Per: time.Hour},
		}))
		here, there := at("198.51.100.7"), at("198.51.100.8")
		var accounts []account.Account
		for range 3 {
			r, err := b.service.Register(t.Context(), here, application(), password)
			require.NoError(t, err)
			accounts = append(accounts, r.Account)
		}
		_, err := b.service.Register(t.Context(), here, application(), password)
		requireFault(t, err, fault.RateLimited)
		_, err = b.service.Register(t.Context(), there, application(), password)
		require.NoError(t, err)

		for range 2 {
			require.NoError(t, b.service.AskReset(t.Context(), here, "nobody@example.co.tz"))
			requireFault(t, b.service.CompleteReset(t.Context(), here, "kbr_x", another), fault.Invalid, "token")
		}
		requireFault(t, b.service.AskReset(t.Context(), here, accounts[0].Email), fault.RateLimited)
		requireFault(t, b.service.CompleteReset(t.Context(), here, "kbr_x", another), fault.RateLimited)
		require.NoError(t, b.service.AskReset(t.Context(), there, accounts[0].Email))

		upload := func(a account.Account, from actor.Actor) error {
			from.Kind, from.ID = actor.Account, a.ID
			_, err := b.service.Upload(t.Context(), from, a.ID, pdf("other"))
			return err
		}
		for range 3 {
			require.NoError(t, upload(accounts[0], here))
		}
		requireFault(t, upload(accounts[0], there), fault.RateLimited)
		require.NoError(t, upload(accounts[1], there))
	})
	t.Run("of one address are as many times as high where so many share it", func(t *testing.T) {
		t.Parallel()
		one, hundred := service.DefaultLimits(), service.DefaultLimits().Crowded(100)
		require.Equal(t, one.Login, hundred.Login)
		require.Equal(t, one.LoginAccount, hundred.LoginAccount)
		require.Equal(t, one.UploadAccount, hundred.UploadAccount)
		require.Equal(t, 100*one.LoginAddress.Most, hundred.LoginAddress.Most)
		require.Equal(t, 100*one.RegistrationAddress.Most, hundred.RegistrationAddress.Most)
	})
	t.Run("let nothing through that cannot be counted", func(t *testing.T) {
		t.Parallel()
		away, err := store.Open(t.Context(), "postgres://kibali_app@127.0.0.1:1/kibali?connect_timeout=2")
		require.NoError(t, err)
		t.Cleanup(away.Close)
		s := service.New(service.Config{Store: away, Hasher: hasher(t), Log: quiet(), Limits: service.DefaultLimits()})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.Error(t, s.AskReset(ctx, at("198.51.100.7"), "nobody@example.co.tz"))
		_, err = s.Register(ctx, at("198.51.100.7"), application(), password)
		require.Error(t, err)
		require.Nil(t, fault.As(err))
		require.Error(t, s.CompleteReset(ctx, at("198.51.100.7"), identity.ResetToken+"x", another))
	})
}
