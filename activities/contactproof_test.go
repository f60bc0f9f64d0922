package activities_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/identity"
	"kibali/notify"
	"kibali/store"
)

// proves records that an account is to prove a contact, as the service does, and
// returns the proof and the notice that is owed.
func (d *desk) proves(a account.Account, contact account.Contact, changes ...func(*store.ContactProof)) (proof, notice uuid.UUID) {
	d.t.Helper()
	p := store.ContactProof{ID: uuid.Must(uuid.NewV7()), AccountID: a.ID, Contact: contact, Value: a.Contact(contact), RequestedAt: d.clock()}
	for _, change := range changes {
		change(&p)
	}
	channel := store.Email
	if contact == account.ContactPhone {
		channel = store.SMS
	}
	d.in(func(ctx context.Context, tx *store.Tx) error { return tx.InsertProof(ctx, p) })
	return p.ID, d.owes(a, string(contact)+"_proof", channel, cases.NotificationID(p.ID))
}

// owes records a notice of a case.
func (d *desk) owes(a account.Account, kind, channel, caseID string) uuid.UUID {
	d.t.Helper()
	id := uuid.New()
	d.in(func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertNotices(ctx, store.Notice{
			ID: id, Key: id.String(), AccountID: a.ID, CaseID: caseID, Kind: kind, Channel: channel, CreatedAt: d.clock(),
		})
	})
	return id
}

func (d *desk) sends(notice uuid.UUID) {
	d.t.Helper()
	require.NoError(d.t, d.SendNotice(d.t.Context(), notice))
}

func (d *desk) proof(id uuid.UUID) store.ContactProof {
	d.t.Helper()
	p, err := d.reader.ContactProof(d.t.Context(), id)
	require.NoError(d.t, err)
	return p
}

var emailLink = regexp.MustCompile(`(?m)^https://ujumbe\.example\.co\.tz/verify-email/(kbe_\S+)$`)

// mailedTo returns the tokens of links to prove an address, newest first.
func (d *desk) mailedTo(email string) []string {
	var tokens []string
	for _, item := range d.inbox.List() {
		if found := emailLink.FindStringSubmatch(item.Text); found != nil && item.To == email {
			tokens = append(tokens, found[1])
		}
	}
	return tokens
}

func TestALinkThatProvesAnAddress(t *testing.T) {
	t.Parallel()

	t.Run("is mailed where it is to be proved, with a token that is kept nowhere", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		id, notice := d.proves(a, account.ContactEmail, func(p *store.ContactProof) { p.Change, p.Value = true, "new@pwani.example" })
		d.sends(notice)
		d.sends(notice)
		tokens := d.mailedTo("new@pwani.example")
		require.Len(t, tokens, 1)
		require.Len(t, d.inbox.List(), 1, "and to nobody else")
		found, err := d.reader.ProofByToken(t.Context(), identity.HashToken(tokens[0]))
		require.NoError(t, err)
		require.Equal(t, id, found.ID)
		require.Equal(t, noon.Add(72*time.Hour), *found.ExpiresAt)
		require.Equal(t, a.Email, d.account(a.ID).Email, "nothing changes by it")
		require.Equal(t, []string{"register", "email_proof.issued"}, d.events(a.ID))
		require.Empty(t, d.read(`SELECT e::text FROM audit_events e WHERE e::text LIKE '%kbe\_%' UNION ALL SELECT n::text FROM notices n WHERE n::text LIKE '%kbe\_%'
			UNION ALL SELECT p::text FROM contact_proofs p WHERE p::text LIKE '%kbe\_%'`))
	})
	t.Run("is good for as long as the policy says, from when it is first sent", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		d.policies(func(p *policy.Policy) { p.Contacts.EmailLink = policy.Duration(2 * time.Hour) })
		id, notice := d.proves(d.register(), account.ContactEmail)
		d.pass(5 * time.Hour)
		d.sends(notice)
		require.Equal(t, noon.Add(7*time.Hour), *d.proof(id).ExpiresAt)
	})
	t.Run("stands in the e-mail that an application has arrived", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		id, _ := d.proves(a, account.ContactEmail)
		d.sends(d.owes(a, "application_received", store.Email, ""))
		d.sends(d.owes(a, "application_received", store.SMS, ""))
		require.Equal(t, []string{cases.RegistrationID(a.ID)}, d.read(`SELECT workflow_id FROM audit_events WHERE account_id = $1 AND action = 'email_proof.issued'`, a.ID), "whose case there is")
		tokens := d.mailedTo(a.Email)
		require.Len(t, tokens, 1)
		require.NotNil(t, d.proof(id).IssuedAt)
		require.Contains(t, d.inbox.List()[1].Text, "if you have not applied, do nothing")
		require.Contains(t, d.inbox.List()[0].Text, "https://ujumbe.example.co.tz/login", "an SMS has no secret")

		d.in(func(ctx context.Context, tx *store.Tx) error { return tx.RedeemProof(ctx, id, d.clock()) })
		d.sends(d.owes(a, "application_received", store.Email, ""))
		require.Len(t, d.mailedTo(a.Email), 1, "there is nothing to prove any more")
		require.Contains(t, d.inbox.List()[0].Text, "https://ujumbe.example.co.tz/login")
	})
	t.Run("of a change does not stand there", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		d.proves(a, account.ContactEmail, func(p *store.ContactProof) { p.Change, p.Value = true, "new@pwani.example" })
		d.sends(d.owes(a, "application_received", store.Email, ""))
		require.NotContains(t, d.inbox.List()[0].Text, "kbe_")
	})
	t.Run("is not sent when it is good no more", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		replaced, first := d.proves(a, account.ContactEmail)
		_, late := d.proves(a, account.ContactEmail)
		require.Equal(t, store.ProofReplaced, d.proof(replaced).Outcome)
		d.in(func(ctx context.Context, tx *store.Tx) error { return tx.ReleaseContact(ctx, a.ID, d.clock()) })
		unknown := d.owes(a, string(notify.EmailProof), store.Email, cases.NotificationID(uuid.New()))
		for _, notice := range []uuid.UUID{first, late, unknown} {
			d.sends(notice)
			require.Equal(t, store.NoticeFailed, d.notice(notice).Status)
			require.Equal(t, "obsolete", d.notice(notice).Failure)
		}
		require.Empty(t, d.inbox.List())
	})
}

func TestACodeThatProvesAPhone(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`\b[0-9]{6}\b`)

	t.Run("is sent where it is to be proved, also in quiet hours, and is kept nowhere", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		d.pass(12 * time.Hour) // midnight in Dar es Salaam
		a := d.register()
		id, notice := d.proves(a, account.ContactPhone, func(p *store.ContactProof) { p.Change, p.Value = true, "+255754000111" })
		d.sends(notice)
		require.Len(t, d.inbox.List(), 1)
		sms := d.inbox.List()[0]
		require.Equal(t, "+255754000111", sms.To)
		require.Equal(t, []string{links(t).Code(id)}, code.FindAllString(sms.Text, -1))
		require.NotContains(t, sms.Text, "http")
		p := d.proof(id)
		require.Equal(t, d.clock().Add(10*time.Minute), *p.ExpiresAt)
		require.Equal(t, []string{"register", "phone_proof.issued"}, d.events(a.ID))
		like := "%" + links(t).Code(id) + "%"
		require.Empty(t, d.read(`SELECT e::text FROM audit_events e WHERE e.after::text LIKE $1 UNION ALL SELECT n::text FROM notices n WHERE n.failure LIKE $1`, like))
	})
	t.Run("is not sent when it would come too late", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		a := d.register()
		id, notice := d.proves(a, account.ContactPhone)
		d.in(func(ctx context.Context, tx *store.Tx) error {
			at, expires := d.clock(), d.clock().Add(account.CodeLife)
			return tx.IssueProof(ctx, store.ContactProof{ID: id, IssuedAt: &at, ExpiresAt: &expires}, [32]byte{1})
		})
		d.pass(account.CodeLife)
		d.sends(notice)
		require.Equal(t, "obsolete", d.notice(notice).Failure)
		require.Empty(t, d.inbox.List())
	})
}

func TestThatAContactWasChangedIsToldToTheOldOne(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, contact := range account.Contacts() {
		a := d.register()
		value := map[account.Contact]string{account.ContactEmail: "new@pwani.example", account.ContactPhone: "+255754000222"}[contact]
		id, _ := d.proves(a, contact, func(p *store.ContactProof) { p.Change, p.Value = true, value })
		p := d.proof(id)
		told := uuid.New()
		p.Previous, p.ToldBy = a.Contact(contact), &told
		changed := a
		if contact == account.ContactEmail {
			changed.Email = value
		} else {
			changed.Phone = value
		}
		d.in(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ChangeContact(ctx, changed, p, d.clock())
			return err
		})
		for _, channel := range []string{store.Email, store.SMS} {
			d.sends(d.owes(a, string(contact)+"_changed", channel, cases.NotificationID(told)))
		}
		sms, email := d.inbox.List()[0], d.inbox.List()[1]
		require.Equal(t, a.Phone, sms.To, contact)
		require.Equal(t, a.Email, email.To, contact)
		for _, item := range []notify.Item{sms, email} {
			require.NotContains(t, item.Text, value, "the new one is nobody's business")
		}
	}
}

func TestApprovalWaitsForProvedContacts(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.policies(func(p *policy.Policy) { p.Contacts.EmailRequired, p.Contacts.PhoneRequired = true, true })
	a := d.register()
	message := d.decides(a, account.Approve)
	for range 2 {
		o, err := d.ApplyDecision(t.Context(), message)
		require.NoError(t, err)
		require.Equal(t, cases.Refused, o.Result)
		require.Equal(t, cases.CodeUnproved, o.Code)
	}
	require.Equal(t, account.Pending, d.account(a.ID).Status)
	for _, contact := range account.Contacts() {
		d.in(func(ctx context.Context, tx *store.Tx) error { return tx.VerifyContact(ctx, a.ID, contact, d.clock()) })
	}
	require.Equal(t, cases.Applied, d.decide(a, account.Approve).Result)
	require.Equal(t, cases.Refused, d.decide(d.register(), account.Approve).Result)
	rejected := d.decide(d.register(), account.Reject)
	require.Equal(t, cases.Applied, rejected.Result, "turning away waits for nothing")
}
