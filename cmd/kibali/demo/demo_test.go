package demo

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/policy"
	"kibali/identity"
)

func TestEveryApplicationIsValidAndItsContactIsItsOwn(t *testing.T) {
	t.Parallel()
	emails, phones, numbers, tins := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	industries, locales := map[string]bool{}, map[string]bool{}
	for number, company := range companies {
		a, err := company.application(number).Normalise()
		require.NoError(t, err, company.name)
		require.False(t, emails[a.Email], a.Email)
		require.False(t, phones[a.Phone], a.Phone)
		require.False(t, tins[a.Company.TIN], a.Company.TIN)
		require.Len(t, a.Company.TIN, 9)
		if a.Company.RegistrationNumber != "" {
			require.False(t, numbers[a.Company.RegistrationNumber], a.Company.RegistrationNumber)
		}
		require.Contains(t, a.Email, ".example")
		emails[a.Email], phones[a.Phone], numbers[a.Company.RegistrationNumber], tins[a.Company.TIN] = true, true, true, true
		industries[a.Company.Industry], locales[a.Locale] = true, true
		require.Nil(t, identity.CheckPassword("EFGHIJ-KLMNOP-QRSTUV-WXYZ23", identity.MinUserPassword, a.Email, a.Name, a.Phone, a.Company.Name))
	}
	require.Equal(t, 60, Size())
	require.Len(t, industries, len(account.Industries()), "every industry occurs")
	require.Len(t, locales, len(account.Locales()))
}

func TestStoriesEndInEveryState(t *testing.T) {
	t.Parallel()
	count := map[account.State]int{}
	for _, company := range companies {
		count[company.story.outcome()]++
	}
	require.Equal(t, map[account.State]int{
		{Status: account.Pending, Stage: account.AwaitingDocuments}: 6,
		{Status: account.Pending, Stage: account.InReview}:          10,
		{Status: account.Pending, Stage: account.ChangesRequested}:  4,
		{Status: account.Active}:                                    26,
		{Status: account.Suspended}:                                 5,
		{Status: account.Rejected}:                                  5,
		{Status: account.Closed}:                                    4,
	}, count)
	require.Equal(t, account.Active, companies[slices.IndexFunc(companies, func(c company) bool { return c.email() == KnownUser() })].story.outcome().Status)
}

func TestOnePersonMayGiveAllThatIsGivenAlone(t *testing.T) {
	t.Parallel()
	given := int64(12 * bonus)
	for _, company := range companies {
		for _, step := range company.story {
			given += step.alone
		}
	}
	require.Less(t, given, policy.Default().TopUps.Alone)
}

func TestStoriesArePossible(t *testing.T) {
	t.Parallel()
	for _, company := range companies {
		state := account.Registered
		for _, step := range company.story {
			action := account.DocumentsReceived
			switch {
			case step.login, step.aside != nil:
				continue
			case step.resubmit:
				action = account.Resubmit
			case step.decision != nil:
				action = step.decision.action
				_, err := account.Reason{Code: step.decision.code, Text: step.decision.reason, Note: step.decision.note}.Normalise(action)
				require.NoError(t, err, company.name)
			}
			status, stage, err := account.Next(state.Status, state.Stage, action)
			require.NoError(t, err, "%s: %s", company.name, action)
			state = account.State{Status: status, Stage: stage}
		}
	}
}
