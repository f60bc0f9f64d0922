package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
)

func TestReasons(t *testing.T) {
	t.Parallel()
	const other = account.ReasonOther
	for name, tc := range map[string]struct {
		action account.Action
		in     account.Reason
		want   []string
	}{
		"a rejection":                {account.Reject, account.Reason{Code: account.ReasonDocumentsMissing, Text: "Send the licence."}, nil},
		"a request with a note":      {account.RequestChanges, account.Reason{Code: other, Text: "x", Note: "Looks odd 👩\u200d🌾"}, nil},
		"a suspension":               {account.Suspend, account.Reason{Code: account.ReasonRegulation, Text: "TCRA's order."}, nil},
		"a closing has no code":      {account.Close, account.Reason{Text: "Asked for by the owner."}, nil},
		"an approval may be bare":    {account.Approve, account.Reason{}, nil},
		"a reactivation with a note": {account.Reactivate, account.Reason{Note: "Paid."}, nil},
		"nothing given":              {account.Reject, account.Reason{}, []string{"reason_code required", "reason required"}},
		"a code of another action":   {account.Suspend, account.Reason{Code: account.ReasonDocumentsMissing, Text: "x"}, []string{"reason_code invalid"}},
		"a code of suspensions":      {account.Reject, account.Reason{Code: account.ReasonFraud, Text: "x"}, []string{"reason_code invalid"}},
		"a code in another case":     {account.Reject, account.Reason{Code: "Other", Text: "x"}, []string{"reason_code invalid"}},
		"an approval with a reason":  {account.Approve, account.Reason{Code: other, Text: "x"}, []string{"reason_code invalid", "reason invalid"}},
		"a closing without a reason": {account.Close, account.Reason{Code: other}, []string{"reason_code invalid", "reason required"}},
		"white space is no reason":   {account.Reject, account.Reason{Code: other, Text: " \n\t "}, []string{"reason required"}},
		"punctuation is no reason":   {account.Reject, account.Reason{Code: other, Text: "..."}, []string{"reason invalid"}},
		"1000 and 2000 characters":   {account.Reject, account.Reason{Code: other, Text: strings.Repeat("é", 1000), Note: strings.Repeat("é", 2000)}, nil},
		"one more":                   {account.Reject, account.Reason{Code: other, Text: strings.Repeat("é", 1001), Note: strings.Repeat("é", 2001)}, []string{"reason too_long", "note too_long"}},
		"NUL":                        {account.Reject, account.Reason{Code: other, Text: "a\x00", Note: "\x00"}, []string{"reason invalid", "note invalid"}},
		"a change of direction":      {account.Reject, account.Reason{Code: other, Text: "a\u202e", Note: "a\u2066"}, []string{"reason invalid", "note invalid"}},
		"invalid UTF-8":              {account.Reject, account.Reason{Code: "\xff", Text: "a\xff", Note: "\xff"}, []string{"reason_code invalid", "reason invalid", "note invalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.in.Normalise(tc.action)
			require.Equal(t, tc.want, fields(t, err))
			if tc.want == nil {
				require.Equal(t, tc.in, got)
			} else {
				require.Equal(t, account.Reason{}, got)
			}
		})
	}
}

func TestAppeals(t *testing.T) {
	t.Parallel()
	got, field := account.ParseAppeal(" It was\n\nnot us. \n")
	require.Nil(t, field)
	require.Equal(t, "It was\n\nnot us.", got)
	for in, code := range map[string]string{
		"": "required", " \n": "required", "...": "invalid", "a\x00": "invalid", "a\xff": "invalid", strings.Repeat("é", 4001): "too_long",
	} {
		_, field := account.ParseAppeal(in)
		require.Equal(t, "text", field.Field)
		require.Equal(t, code, field.Code)
	}
}

func TestReasonKeepsItsParagraphs(t *testing.T) {
	t.Parallel()
	got, err := account.Reason{
		Code: account.ReasonOther, Text: "\r\n Two  things:\r\n- one\n\n\n\n- two \n", Note: "a\n\nb",
	}.Normalise(account.Reject)
	require.NoError(t, err)
	require.Equal(t, account.Reason{Code: account.ReasonOther, Text: "Two things:\n- one\n\n- two", Note: "a\n\nb"}, got)
}

func TestReasonCodesAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	review := []account.ReasonCode{"documents_missing", "documents_unreadable", "details_mismatch", "not_eligible", "other"}
	for _, action := range account.Actions() {
		var want []account.ReasonCode
		switch action {
		case account.Reject, account.RequestChanges:
			want = review
		case account.Suspend:
			want = []account.ReasonCode{"terms", "regulation", "fraud", "non_payment", "other"}
		case account.Erase:
			want = []account.ReasonCode{"person_asked", "no_longer_needed", "regulation", "other"}
		}
		require.Equal(t, want, account.ReasonCodes(action), action)
		for _, code := range want {
			got, field := account.ParseReasonCode(action, string(code))
			require.Nil(t, field)
			require.Equal(t, code, got)
		}
	}
}

func TestDocumentKindsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	require.Equal(t, []account.DocumentKind{
		"tin_certificate", "business_licence", "certificate_of_incorporation", "director_id", "other",
	}, account.DocumentKinds())
	for _, kind := range account.DocumentKinds() {
		got, field := account.ParseDocumentKind(string(kind))
		require.Nil(t, field)
		require.Equal(t, kind, got)
	}
	for in, code := range map[string]string{"": account.CodeRequired, "passport": account.CodeInvalid, "Other": account.CodeInvalid} {
		got, field := account.ParseDocumentKind(in)
		require.Empty(t, got)
		require.Equal(t, "kind", field.Field)
		require.Equal(t, code, field.Code)
	}
}
