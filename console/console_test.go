package console_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/process/processtest"
	"kibali/devstack/browser/browsertest"
	"kibali/devstack/devtest"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/ledger"
	"kibali/notify"
	"kibali/service"
	"kibali/store"
)

func TestMain(m *testing.M) { devtest.Main(m, browsertest.Stop) }

// stand is everything, for the steps of one test.
type stand struct {
	*processtest.Stand
}

func start(t *testing.T) stand { return stand{processtest.Start(t)} }

// signIn opens a window in which a member of the role has signed in.
func (s stand) signIn(t *testing.T, role actor.Role, look browsertest.Look) *browsertest.Window {
	t.Helper()
	w := browsertest.Open(t, s.URL, look)
	w.Go("/console")
	w.At("/console/sign-in")
	w.Fill("#email", s.Staff[role].Email)
	w.Fill("#password", s.Staff[role].Password)
	w.Click("#sign-in button")
	w.At("/console/users")
	return w
}

// told waits until the user of an account was told something by e-mail and SMS,
// and returns both.
func (s stand) told(t *testing.T, a account.Account, subject string) (email, sms notify.Item) {
	t.Helper()
	require.Eventually(t, func() bool {
		found := 0
		for _, item := range s.Inbox.List() {
			switch {
			case item.To == a.Email && strings.Contains(item.Subject, subject):
				email, found = item, found|1
			case item.To == a.Phone && item.CreatedAt.After(email.CreatedAt.Add(-time.Minute)) && found&2 == 0:
				sms, found = item, found|2 // the newest is first
			}
		}
		return found == 3
	}, 20*time.Second, 20*time.Millisecond, "%s was not told", a.Email)
	return email, sms
}

// review brings an account's application into review, with a document.
func (s stand) inReview(t *testing.T, change func(*account.Application)) account.Account {
	t.Helper()
	a := s.Register(t, change)
	_, err := s.Process.Service.Upload(t.Context(), actor.Actor{Kind: actor.Account, ID: a.ID}, a.ID, service.Upload{
		FileName: "licence.png", Body: bytes.NewReader(picture(t, a.Company.Name)), Kind: func() (string, error) { return "business_licence", nil },
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		documents, err := s.Process.Store.Reader().Documents(t.Context(), a.ID)
		return err == nil && len(documents) == 1 && documents[0].Status == store.DocumentReady
	}, 20*time.Second, 20*time.Millisecond)
	return a
}

// picture returns a picture that differs with its text.
func picture(t *testing.T, text string) []byte {
	t.Helper()
	drawn := image.NewRGBA(image.Rect(0, 0, 320, 440))
	for i := range drawn.Pix {
		drawn.Pix[i] = 255
	}
	for i, b := range []byte(text) {
		for x := range 8 {
			drawn.Set(10+i*10+x, 20+int(b), color.Black)
		}
	}
	var encoded bytes.Buffer
	require.NoError(t, png.Encode(&encoded, drawn))
	return encoded.Bytes()
}

// active returns an account that was approved.
func (s stand) active(t *testing.T) account.Account {
	t.Helper()
	a := s.Register(t, nil)
	reviewer := s.Staff[actor.Reviewer]
	decided, err := s.Process.Service.Approve(t.Context(), actor.Actor{Kind: actor.Staff, ID: reviewer.ID, Role: reviewer.Role}, service.Ask{AccountID: a.ID})
	require.NoError(t, err)
	require.True(t, decided.Done)
	return decided.Account.Account
}

// topUp gives an account credits.
func (s stand) topUp(t *testing.T, a account.Account, amount int64) {
	t.Helper()
	by := s.Staff[actor.Finance]
	decided, err := s.Process.Service.TopUp(t.Context(), actor.Actor{Kind: actor.Staff, ID: by.ID, Role: by.Role}, service.TopUp{
		AccountID: a.ID, Amount: amount, Reason: string(ledger.Complimentary),
		Key: &store.IdempotencyKey{Scope: "test", Route: "test", Key: a.ID.String()},
	})
	require.NoError(t, err)
	require.True(t, decided.Done)
}

// codeOf returns the present code of a second factor.
func codeOf(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now())
	require.NoError(t, err)
	return code
}
