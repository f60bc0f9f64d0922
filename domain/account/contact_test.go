package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
)

func TestContactsAreReadAsTheFieldsOfAnApplication(t *testing.T) {
	t.Parallel()
	email, field := account.ContactEmail.Parse(" Asha@Example.co.tz ")
	require.Nil(t, field)
	require.Equal(t, "asha@example.co.tz", email)
	phone, field := account.ContactPhone.Parse("0712 345 678")
	require.Nil(t, field)
	require.Equal(t, "+255712345678", phone)
	for _, contact := range account.Contacts() {
		_, field := contact.Parse("neither")
		require.NotNil(t, field)
		require.Equal(t, string(contact), field.Field)
	}
}

func TestAnAccountHasBothContacts(t *testing.T) {
	t.Parallel()
	a := account.Account{Email: "asha@example.co.tz", Phone: "+255712345678", PhoneVerified: true}
	require.Equal(t, a.Email, a.Contact(account.ContactEmail))
	require.Equal(t, a.Phone, a.Contact(account.ContactPhone))
	require.False(t, a.Verified(account.ContactEmail))
	require.True(t, a.Verified(account.ContactPhone))
	a.EmailVerified, a.PhoneVerified = true, false
	require.True(t, a.Verified(account.ContactEmail))
	require.False(t, a.Verified(account.ContactPhone))
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"012345", " 012345\n", "012 345", "012-345", "0 1 2 3 4 5", "012\u00a0345"} {
		code, field := account.ParseCode(s)
		require.Nil(t, field, s)
		require.Equal(t, "012345", code)
	}
	for s, want := range map[string]string{
		"": account.CodeRequired, " - ": account.CodeRequired, "12345": account.CodeInvalid, "1234567": account.CodeInvalid,
		"12345a": account.CodeInvalid, "+12345": account.CodeInvalid, "١٢٣٤٥٦": account.CodeInvalid, "12.345": account.CodeInvalid,
		strings.Repeat("1", 10_000): account.CodeInvalid, "123\x00456": account.CodeInvalid,
	} {
		code, field := account.ParseCode(s)
		require.NotNil(t, field, "%.20q gave %q", s, code)
		require.Empty(t, code)
		require.Equal(t, "code", field.Field)
		require.Equal(t, want, field.Code)
	}
}
