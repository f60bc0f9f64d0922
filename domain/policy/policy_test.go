package policy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/policy"
)

func TestTheDefaultPolicyIsValidAndSurvivesStorage(t *testing.T) {
	t.Parallel()
	content, err := json.Marshal(policy.Default())
	require.NoError(t, err)
	read, err := policy.Parse(content)
	require.NoError(t, err)
	require.Equal(t, policy.Default(), read)
}

func TestAStoredPolicyIsReadLeniently(t *testing.T) {
	t.Parallel()
	read, err := policy.Parse([]byte(`{"reveiw": {}, "documents": {"remind": "2h", "expire": "1h", "since": 7}, "max_documents": 1000}`))
	require.NoError(t, err, "another build wrote it")
	require.Equal(t, policy.Duration(2*time.Hour), read.Documents.Remind)
	require.Equal(t, 1000, read.MaxDocuments)
	require.Equal(t, policy.Default().Passwords, read.Passwords, "what it could not say is the default")
	require.Equal(t, policy.Default().Calendar, read.Calendar)
	require.Equal(t, policy.Default().Sessions, read.Sessions)

	read, err = policy.Parse([]byte(`{"calendar": {"zone": "Africa/Nairobi", "hours": {"monday": {"from": "08:00", "to": "12:00"}}}, "quiet_hours": null}`))
	require.NoError(t, err)
	require.Len(t, read.Calendar.Hours, 1, "a calendar is taken as a whole")
	require.Nil(t, read.QuietHours)

	_, err = policy.Parse([]byte(`{"documents": {"remind": "soon"}}`))
	require.ErrorContains(t, err, "read policy")
	require.Nil(t, fault.As(err), "nobody asked for anything wrong")
}

func TestACalendarThatIsNoneIsAnUnexpectedError(t *testing.T) {
	t.Parallel()
	p := policy.Default()
	p.Calendar.Zone = "Nowhere/Town"
	_, _, err := p.Deadlines(account.InReview, time.Now())
	require.ErrorContains(t, err, "calendar")
	require.Nil(t, fault.As(err))
}

func TestValidateNamesEveryBadMember(t *testing.T) {
	t.Parallel()
	p := policy.Default()
	p.Calendar.Zone = "Nowhere/Town"
	p.Documents.Expire = p.Documents.Remind
	p.Review.Deadline = 0
	p.QuietHours.To = "7"
	p.MaxDocuments = 0
	p.MaxAPIKeys = 1001
	p.Messages = policy.Messages{GiveUp: policy.Duration(100 * time.Hour)}
	p.Passwords = policy.Passwords{User: 7, Staff: 65}
	p.ResetLink = 0
	p.Sessions.User = policy.Session{Idle: policy.Duration(time.Minute), Life: policy.Duration(time.Hour)}
	p.Sessions.Staff.Life = p.Sessions.Staff.Idle - 1
	p.Contacts.EmailLink = 0
	refused := fault.As(p.Validate())
	require.NotNil(t, refused)
	var names []string
	for _, f := range refused.Fields {
		names = append(names, f.Field)
	}
	require.ElementsMatch(t, []string{"calendar.zone", "documents", "review", "quiet_hours.to", "max_documents", "max_api_keys", "messages.give_up", "messages.settle", "passwords.user", "passwords.staff", "reset_link", "sessions.user", "sessions.staff", "contacts.email_link"}, names)
}

func TestApprovalMayRequireProvedContacts(t *testing.T) {
	t.Parallel()
	p := policy.Default().Contacts
	require.Empty(t, p.Unproved(account.Account{}), "by default it requires none")
	p.EmailRequired, p.PhoneRequired = true, true
	require.Equal(t, account.Contacts(), p.Unproved(account.Account{}))
	require.Equal(t, []account.Contact{account.ContactPhone}, p.Unproved(account.Account{EmailVerified: true}))
	require.Empty(t, p.Unproved(account.Account{EmailVerified: true, PhoneVerified: true}))
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	p := policy.Default()
	friday := time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC) // 16:00 in Dar es Salaam

	t.Run("of an applicant run on every day", func(t *testing.T) {
		t.Parallel()
		remind, end, err := p.Deadlines(account.AwaitingDocuments, friday)
		require.NoError(t, err)
		require.Equal(t, friday.Add(48*time.Hour), remind)
		require.Equal(t, friday.Add(14*24*time.Hour), end)
	})
	t.Run("of a review run on working time", func(t *testing.T) {
		t.Parallel()
		remind, end, err := p.Deadlines(account.InReview, friday)
		require.NoError(t, err)
		// One hour on Friday, nine on Monday, eight on Tuesday.
		require.Equal(t, time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC), remind.UTC())
		require.Equal(t, time.Date(2026, 11, 25, 13, 0, 0, 0, time.UTC), end.UTC())
	})
	t.Run("do not exist for an account at rest", func(t *testing.T) {
		t.Parallel()
		remind, end, err := p.Deadlines(account.NoStage, friday)
		require.NoError(t, err)
		require.Zero(t, remind)
		require.Zero(t, end)
	})
}
