package service_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/domain/policy"
	"kibali/identity"
	"kibali/service"
	"kibali/store"
)

// sent takes up what an account is to prove of a contact, as its case would, and
// returns the proof with the token or the code that was sent.
func (b testBundle) sent(t *testing.T, a account.Account, contact account.Contact) (store.ContactProof, string) {
	t.Helper()
	p, err := b.reader.OpenProof(t.Context(), a.ID, contact)
	require.NoError(t, err)
	now := time.Now().UTC().Add(time.Duration(b.ahead.Load())).Truncate(time.Microsecond)
	expires := now.Add(account.CodeLife)
	p.IssuedAt, p.ExpiresAt = &now, &expires
	secret := links(t).Code(p.ID)
	hash := links(t).HashCode(p.ID, secret)
	if contact == account.ContactEmail {
		secret = links(t).Token(identity.EmailToken, p.ID)
		hash = identity.HashToken(secret)
	}
	_, err = b.owner.Exec(t.Context(), `UPDATE contact_proofs SET issued_at = $2, expires_at = $3, secret_hash = $4 WHERE id = $1`,
		p.ID, now, expires, hash[:])
	require.NoError(t, err)
	return p, secret
}

func (b testBundle) view(t *testing.T, a account.Account) account.Account {
	t.Helper()
	view, err := b.reader.Account(t.Context(), a.ID)
	require.NoError(t, err)
	return view.Account
}

// wrongOf returns a code that is not the given one.
func wrongOf(code string) string { return fmt.Sprintf("%06d", (int(code[5]-'0')+1)%10) }

func (b testBundle) actions(t *testing.T, a account.Account) []string {
	t.Helper()
	rows, err := b.owner.Query(t.Context(), `SELECT action FROM audit_events WHERE account_id = $1 AND subject = 'contact_proof' ORDER BY id`, a.ID)
	require.NoError(t, err)
	defer rows.Close()
	var found []string
	for rows.Next() {
		var action string
		require.NoError(t, rows.Scan(&action))
		found = append(found, action)
	}
	require.NoError(t, rows.Err())
	return found
}

func (b testBundle) confirm(t *testing.T, a account.Account, code string) error {
	t.Helper()
	_, err := b.service.ConfirmPhone(t.Context(), self(a), code)
	return err
}

func (b testBundle) complete(t *testing.T, token string) error {
	t.Helper()
	return b.service.CompleteEmailProof(t.Context(), actor.Actor{RequestID: "test"}, token)
}

func (b testBundle) changes(t *testing.T, a account.Account, contact account.Contact, value string) error {
	t.Helper()
	_, err := b.service.ChangeContact(t.Context(), self(a), service.ContactChange{Contact: contact, Value: value, Password: password})
	return err
}

func TestProvingAnEmail(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("begins with the registration and works once, without a session", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, token := b.sent(t, a, account.ContactEmail)
		require.False(t, b.view(t, a).EmailVerified)
		require.NoError(t, b.complete(t, token))
		require.True(t, b.view(t, a).EmailVerified)
		requireFault(t, b.complete(t, token), fault.Invalid, "token")
		require.Equal(t, []string{"email.verified"}, b.actions(t, a))
		_, err := b.service.AskProof(t.Context(), self(a), account.ContactEmail)
		requireFault(t, err, fault.Conflict)
	})
	t.Run("succeeds for one of fifty at once", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, token := b.sent(t, a, account.ContactEmail)
		var used atomic.Int64
		race(50, func(int) {
			switch err := b.service.CompleteEmailProof(t.Context(), actor.Actor{}, token); {
			case err == nil:
				used.Add(1)
			case !fault.Is(err, fault.Invalid):
				t.Errorf("unexpected error: %v", err)
			}
		})
		require.EqualValues(t, 1, used.Load())
		require.Equal(t, []string{"email.verified"}, b.actions(t, a))
	})
	t.Run("is asked for again, and only the newest link is good", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, old := b.sent(t, a, account.ContactEmail)
		p, err := b.service.AskProof(t.Context(), self(a), account.ContactEmail)
		require.NoError(t, err)
		require.False(t, p.Change)
		described, err := b.temporal.DescribeWorkflowExecution(t.Context(), cases.NotificationID(p.ID), "")
		require.NoError(t, err)
		require.Equal(t, "Running", described.GetWorkflowExecutionInfo().GetStatus().String())
		_, token := b.sent(t, a, account.ContactEmail)
		requireFault(t, b.complete(t, old), fault.Invalid, "token")
		require.NoError(t, b.complete(t, token))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM notices WHERE account_id = $1 AND kind = 'email_proof' AND channel = 'email'`, a.ID))
	})
	t.Run("is refused for every link that is not good, without saying which it is", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		closed := b.register(t)
		_, ofClosed := b.sent(t, closed, account.ContactEmail)
		b.put(t, closed, account.Closed, account.NoStage)
		late := b.register(t)
		_, lateToken := b.sent(t, late, account.ContactEmail)
		b.ahead.Store(int64(account.CodeLife))
		var said []string
		for _, token := range []string{"", "kbe_nonsense", ofClosed, lateToken, b.mail(t, late.ID)} {
			err := b.complete(t, token)
			requireFault(t, err, fault.Invalid, "token")
			said = append(said, err.Error())
		}
		for _, text := range said {
			require.Equal(t, said[0], text)
		}
	})
	t.Run("works while the account is suspended, and lifts nothing", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, token := b.sent(t, a, account.ContactEmail)
		b.put(t, a, account.Suspended, account.NoStage)
		require.NoError(t, b.complete(t, token))
		require.Equal(t, account.Suspended, b.view(t, a).Status)
	})
	t.Run("is asked for without Temporal, and the sweep opens the case later", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withoutTemporal(t))
		a := b.register(t)
		_, err := b.service.AskProof(t.Context(), self(a), account.ContactEmail)
		require.NoError(t, err)
		idle, err := b.reader.IdleCases(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), 10)
		require.NoError(t, err)
		p, err := b.reader.OpenProof(t.Context(), a.ID, account.ContactEmail)
		require.NoError(t, err)
		require.Contains(t, idle, store.IdleCase{CaseID: cases.NotificationID(p.ID), AccountID: a.ID})
	})
	t.Run("is for the account's user", func(t *testing.T) {
		t.Parallel()
		_, err := b.service.AskProof(t.Context(), b.admin, account.ContactEmail)
		requireFault(t, err, fault.Forbidden)
		_, err = b.service.ConfirmPhone(t.Context(), b.admin, "123456")
		requireFault(t, err, fault.Forbidden)
		_, err = b.service.ChangeContact(t.Context(), b.admin, service.ContactChange{})
		requireFault(t, err, fault.Forbidden)
	})
}

func TestProvingAPhone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := func(t *testing.T) (account.Account, store.ContactProof, string) {
		t.Helper()
		a := b.register(t)
		_, err := b.service.AskProof(t.Context(), self(a), account.ContactPhone)
		require.NoError(t, err)
		p, code := b.sent(t, a, account.ContactPhone)
		return a, p, code
	}

	t.Run("takes the code, with spaces", func(t *testing.T) {
		t.Parallel()
		a, _, code := asked(t)
		view, err := b.service.ConfirmPhone(t.Context(), self(a), code[:3]+" "+code[3:])
		require.NoError(t, err)
		require.True(t, view.PhoneVerified)
		requireFault(t, b.confirm(t, a, code), fault.Invalid, "code")
		require.Equal(t, []string{"phone_proof.requested", "phone.verified"}, b.actions(t, a))
		require.Equal(t, 1, b.count(t, `SELECT count(*) FROM notices WHERE account_id = $1 AND kind = 'phone_proof' AND channel = 'sms'`, a.ID))
	})
	t.Run("ends with the fifth wrong code, and the right one is too late", func(t *testing.T) {
		t.Parallel()
		a, p, code := asked(t)
		for left := account.CodeTries - 1; left >= 0; left-- {
			refused := requireFault(t, b.confirm(t, a, wrongOf(code)), fault.Invalid, "code")
			require.Equal(t, left, refused.Fields[0].Limit)
		}
		refused := requireFault(t, b.confirm(t, a, code), fault.Invalid, "code")
		require.Equal(t, "expired", refused.Fields[0].Code)
		require.False(t, b.view(t, a).PhoneVerified)
		ended, err := b.reader.ContactProof(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, store.ProofExhausted, ended.Outcome)
		require.Equal(t, 5, b.count(t, `SELECT count(*) FROM audit_events WHERE account_id = $1 AND action = 'phone_proof.refused'`, a.ID))

		_, err = b.service.AskProof(t.Context(), self(a), account.ContactPhone)
		require.NoError(t, err)
		_, fresh := b.sent(t, a, account.ContactPhone)
		require.NoError(t, b.confirm(t, a, fresh))
	})
	t.Run("counts five wrong codes of a hundred at once, over two replicas", func(t *testing.T) {
		t.Parallel()
		a, p, code := asked(t)
		other := service.New(service.Config{
			Store: b.store, Temporal: b.temporal, Documents: b.files, Hasher: hasher(t), Log: quiet(), Links: links(t),
		})
		var wrong, spent atomic.Int64
		race(100, func(i int) {
			one := b.service
			if i%2 == 1 {
				one = other
			}
			_, err := one.ConfirmPhone(t.Context(), self(a), wrongOf(code))
			refused := fault.As(err)
			switch {
			case refused == nil || len(refused.Fields) != 1:
				t.Errorf("unexpected: %v", err)
			case refused.Fields[0].Code == "expired":
				spent.Add(1)
			default:
				wrong.Add(1)
			}
		})
		require.EqualValues(t, 5, wrong.Load())
		require.EqualValues(t, 95, spent.Load())
		ended, err := b.reader.ContactProof(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, 5, ended.Tries)
		requireFault(t, b.confirm(t, a, code), fault.Invalid, "code")
	})
	t.Run("succeeds for one of fifty with the right code at once", func(t *testing.T) {
		t.Parallel()
		a, _, code := asked(t)
		var used atomic.Int64
		race(50, func(int) {
			_, err := b.service.ConfirmPhone(t.Context(), self(a), code)
			if err == nil {
				used.Add(1)
			} else if !fault.Is(err, fault.Invalid) {
				t.Errorf("unexpected error: %v", err)
			}
		})
		require.EqualValues(t, 1, used.Load())
	})
	t.Run("takes the newest code only", func(t *testing.T) {
		t.Parallel()
		a, _, old := asked(t)
		_, err := b.service.AskProof(t.Context(), self(a), account.ContactPhone)
		require.NoError(t, err)
		_, code := b.sent(t, a, account.ContactPhone)
		if old != code { // one time in a million
			requireFault(t, b.confirm(t, a, old), fault.Invalid, "code")
		}
		require.NoError(t, b.confirm(t, a, code))
	})
	t.Run("takes no code after ten minutes, before it was sent, or that is none", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		a := b.register(t)
		refused := requireFault(t, b.confirm(t, a, "123456"), fault.Invalid, "code")
		require.Equal(t, "expired", refused.Fields[0].Code)
		_, err := b.service.AskProof(t.Context(), self(a), account.ContactPhone)
		require.NoError(t, err)
		requireFault(t, b.confirm(t, a, "123456"), fault.Invalid, "code")
		p, code := b.sent(t, a, account.ContactPhone)
		for _, none := range []string{"", "12345", "abcdef"} {
			requireFault(t, b.confirm(t, a, none), fault.Invalid, "code")
		}
		b.ahead.Store(int64(account.CodeLife))
		requireFault(t, b.confirm(t, a, code), fault.Invalid, "code")
		unused, err := b.reader.ContactProof(t.Context(), p.ID)
		require.NoError(t, err)
		require.Zero(t, unused.Tries)
	})
}

func TestChangeContact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	numbered := func() string { return fmt.Sprintf("0754 %06d", 100_000+numbers.Add(1)) }

	t.Run("of an address changes nothing until the link is used, and then everything", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		in, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		elsewhere, err := b.login(t, a.Email, password)
		require.NoError(t, err)
		session, err := b.reader.SessionByToken(t.Context(), identity.HashToken(in.Token), time.Now())
		require.NoError(t, err)
		reset := b.mail(t, a.ID)
		next := fmt.Sprintf("next%d@pwani.example", numbers.Add(1))
		_, err = b.service.ChangeContact(t.Context(), self(a), service.ContactChange{
			Contact: account.ContactEmail, Value: upper(next), Password: password, Session: session.ID,
		})
		require.NoError(t, err)
		require.Equal(t, a.Email, b.view(t, a).Email)
		_, token := b.sent(t, a, account.ContactEmail)
		require.NoError(t, b.complete(t, token))

		changed := b.view(t, a)
		require.Equal(t, next, changed.Email)
		require.True(t, changed.EmailVerified)
		_, err = b.login(t, a.Email, password)
		requireFault(t, err, fault.Unauthenticated)
		require.True(t, b.lives(t, in.Token))
		require.False(t, b.lives(t, elsewhere.Token))
		requireFault(t, b.service.CompleteReset(t.Context(), actor.Actor{}, reset, another), fault.Invalid, "token")
		_, err = b.login(t, next, password)
		require.NoError(t, err)
		require.Equal(t, []string{"email_proof.requested", "email.changed"}, b.actions(t, a))
		require.Equal(t, 2, b.count(t, `SELECT count(*) FROM notices WHERE account_id = $1 AND kind = 'email_changed'`, a.ID))
		require.Equal(t, 1, b.count(t, `
			SELECT count(*) FROM audit_events e JOIN password_resets r ON r.id::text = e.subject_id
			WHERE e.account_id = $1 AND e.actor_id = $1 AND e.action = 'password_reset.replaced' AND r.outcome = 'replaced'`, a.ID))
		require.Zero(t, b.count(t, `SELECT count(*) FROM audit_events e WHERE e.account_id = $1 AND e::text LIKE '%@%'`, a.ID), "the trail has no addresses")
	})
	t.Run("of a phone takes the code of the new one", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		next := numbered()
		require.NoError(t, b.changes(t, a, account.ContactPhone, next))
		_, code := b.sent(t, a, account.ContactPhone)
		require.NoError(t, b.confirm(t, a, code))
		want, _ := account.ParsePhone(next, "")
		require.Equal(t, want, b.view(t, a).Phone)
		require.True(t, b.view(t, a).PhoneVerified)
		require.Equal(t, []string{"phone_proof.requested", "phone.changed"}, b.actions(t, a))
	})
	t.Run("is sent again to the new address while it waits", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		require.NoError(t, b.changes(t, a, account.ContactEmail, "again@pwani.example"))
		p, err := b.service.AskProof(t.Context(), self(a), account.ContactEmail)
		require.NoError(t, err)
		require.True(t, p.Change)
		require.Equal(t, "again@pwani.example", p.Value)
	})
	t.Run("is not replaced by what was asked for just before of the present one", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		changing, err := b.owner.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = changing.Rollback(t.Context()) }()
		_, err = changing.Exec(t.Context(), `SELECT FROM accounts WHERE id = $1 FOR UPDATE`, a.ID)
		require.NoError(t, err)
		asked := make(chan error, 1)
		go func() {
			_, err := b.service.AskProof(t.Context(), self(a), account.ContactPhone)
			asked <- err
		}()
		require.Eventually(t, func() bool {
			var waited bool
			err := changing.QueryRow(t.Context(), `
				SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid)`).Scan(&waited)
			return err == nil && waited
		}, 20*time.Second, 10*time.Millisecond, "it has looked and waits for the account")
		change := uuid.Must(uuid.NewV7())
		_, err = changing.Exec(t.Context(), `
			INSERT INTO contact_proofs (id, account_id, contact, value, change, requested_at) VALUES ($1, $2, 'phone', '+255754000555', true, now())`,
			change, a.ID)
		require.NoError(t, err)
		require.NoError(t, changing.Commit(t.Context()))
		requireFault(t, <-asked, fault.Conflict)
		open, err := b.reader.OpenProof(t.Context(), a.ID, account.ContactPhone)
		require.NoError(t, err)
		require.Equal(t, change, open.ID)
	})
	t.Run("asks for the password again and names what is wrong", func(t *testing.T) {
		t.Parallel()
		a := b.register(t)
		_, err := b.service.ChangeContact(t.Context(), self(a), service.ContactChange{Contact: account.ContactEmail, Value: "x@pwani.example", Password: "wrong"})
		requireFault(t, err, fault.Invalid, "current_password")
		requireFault(t, b.changes(t, a, account.ContactEmail, "nobody"), fault.Invalid, "email")
		requireFault(t, b.changes(t, a, account.ContactPhone, "022 211 2345"), fault.Invalid, "phone")
		refused := requireFault(t, b.changes(t, a, account.ContactEmail, a.Email), fault.Invalid, "email")
		require.Equal(t, "unchanged", refused.Fields[0].Code)
		require.Zero(t, b.count(t, `SELECT count(*) FROM contact_proofs WHERE account_id = $1 AND change`, a.ID))
	})
	t.Run("to what is taken is refused as a registration is, now and when it is proved", func(t *testing.T) {
		t.Parallel()
		a, other := b.register(t), b.register(t)
		for _, contact := range account.Contacts() {
			requireFault(t, b.changes(t, a, contact, other.Contact(contact)), fault.Taken, string(contact))
		}
		require.NoError(t, b.changes(t, a, account.ContactEmail, "soon@pwani.example"))
		p, token := b.sent(t, a, account.ContactEmail)
		require.NoError(t, b.changes(t, other, account.ContactEmail, "soon@pwani.example"))
		_, first := b.sent(t, other, account.ContactEmail)
		require.NoError(t, b.complete(t, first))
		requireFault(t, b.complete(t, token), fault.Taken, "email")
		requireFault(t, b.complete(t, token), fault.Invalid, "token")
		ended, err := b.reader.ContactProof(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, store.ProofVoid, ended.Outcome)
		require.Equal(t, a.Email, b.view(t, a).Email)

		require.NoError(t, b.changes(t, a, account.ContactPhone, "0754 000 777"))
		_, code := b.sent(t, a, account.ContactPhone)
		require.NoError(t, b.changes(t, other, account.ContactPhone, "0754 000 777"))
		_, theirs := b.sent(t, other, account.ContactPhone)
		require.NoError(t, b.confirm(t, other, theirs))
		requireFault(t, b.confirm(t, a, code), fault.Taken, "phone")
	})
	t.Run("is given up when the password is another one, or must be", func(t *testing.T) {
		t.Parallel()
		for name, end := range map[string]func(a account.Account){
			"changed": func(a account.Account) {
				_, err := b.service.ChangePassword(t.Context(), self(a), password, another)
				require.NoError(t, err)
			},
			"reset": func(a account.Account) {
				require.NoError(t, b.service.CompleteReset(t.Context(), actor.Actor{}, b.mail(t, a.ID), another))
			},
			"forced": func(a account.Account) {
				_, err := b.service.ForceReset(t.Context(), b.admin, ask(a))
				require.NoError(t, err)
			},
		} {
			a := b.register(t)
			require.NoError(t, b.changes(t, a, account.ContactEmail, fmt.Sprintf("thief%d@pwani.example", numbers.Add(1))))
			_, token := b.sent(t, a, account.ContactEmail)
			end(a)
			requireFault(t, b.complete(t, token), fault.Invalid, "token")
			require.Equal(t, a.Email, b.view(t, a).Email, name)
		}
	})
	t.Run("of a suspended account waits, and of a closed one is over", func(t *testing.T) {
		t.Parallel()
		for _, status := range []account.Status{account.Suspended, account.Closed} {
			a := b.register(t)
			require.NoError(t, b.changes(t, a, account.ContactEmail, fmt.Sprintf("barred%d@pwani.example", numbers.Add(1))))
			p, token := b.sent(t, a, account.ContactEmail)
			b.put(t, a, status, account.NoStage)
			requireFault(t, b.complete(t, token), fault.Invalid, "token")
			require.Equal(t, a.Email, b.view(t, a).Email)
			still, err := b.reader.ContactProof(t.Context(), p.ID)
			require.NoError(t, err)
			require.True(t, still.Open())
		}
	})
}

func TestProofLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, limited(service.Limits{ProofAccount: service.Rate{Most: 3, Per: time.Hour}, ProofAddress: service.Rate{Most: 8, Per: time.Hour}}))
	a := b.register(t)
	by := self(a)
	for range 3 {
		_, err := b.service.AskProof(t.Context(), by, account.ContactPhone)
		require.NoError(t, err)
	}
	_, err := b.service.AskProof(t.Context(), by, account.ContactPhone)
	requireFault(t, err, fault.RateLimited)
	_, err = b.service.AskProof(t.Context(), by, account.ContactEmail)
	require.NoError(t, err, "the other contact has its own")
	requireFault(t, b.changes(t, a, account.ContactPhone, "0754 000 888"), fault.RateLimited)

	// One phone is not sent more by several accounts either.
	for i := range 4 {
		err := b.changes(t, b.register(t), account.ContactPhone, "0754 000 999")
		if i < 3 {
			require.NoError(t, err)
		} else {
			requireFault(t, err, fault.RateLimited)
		}
	}
	_, err = b.service.AskProof(t.Context(), self(b.register(t)), account.ContactPhone)
	require.NoError(t, err)
	_, err = b.service.AskProof(t.Context(), self(b.register(t)), account.ContactPhone)
	requireFault(t, err, fault.RateLimited)
	for range 8 {
		requireFault(t, b.complete(t, "kbe_guess"), fault.Invalid, "token")
	}
	requireFault(t, b.complete(t, "kbe_guess"), fault.RateLimited)
}

func TestApprovalWaitsForProvedContacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := policy.Default()
	p.Contacts.EmailRequired, p.Contacts.PhoneRequired = true, true
	_, version, err := b.reader.Policy(t.Context())
	require.NoError(t, err)
	_, err = b.service.ChangePolicy(t.Context(), b.admin, p, "", version)
	require.NoError(t, err)
	a := b.register(t)
	_, err = b.service.Approve(t.Context(), b.admin, ask(a))
	refused := requireFault(t, err, fault.Conflict, "email", "phone")
	require.Equal(t, "unverified", refused.Fields[0].Code)
	require.Equal(t, account.Pending, refused.Details["current"].(service.Current).Status)
	require.Zero(t, b.count(t, `SELECT count(*) FROM decisions WHERE account_id = $1`, a.ID))
	_, err = b.owner.Exec(t.Context(), `UPDATE accounts SET email_verified_at = now(), phone_verified_at = now() WHERE id = $1`, a.ID)
	require.NoError(t, err)
	decided, err := b.service.Approve(t.Context(), b.admin, ask(a))
	require.NoError(t, err)
	require.NotEqual(t, uuid.Nil, decided.Decision.ID)
	_, err = b.service.Reject(t.Context(), b.admin, func() service.Ask {
		asked := ask(b.register(t))
		asked.ReasonCode, asked.Reason = "not_eligible", "No."
		return asked
	}())
	require.NoError(t, err)
}
