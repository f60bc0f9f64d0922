package ssotest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var loginID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// SignIn goes to an address at the provider as a browser does, signs in there and
// returns the address that the browser is sent back to.
func (p *Provider) SignIn(t testing.TB, address, email string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), p.URL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	shown, body := p.ask(t, client, http.MethodGet, address, nil)
	require.Equal(t, http.StatusOK, shown.StatusCode, body)
	id := loginID.FindStringSubmatch(body)
	require.NotNil(t, id, body)
	back, body := p.ask(t, client, http.MethodPost, p.URL+"/login", url.Values{"id": {id[1]}, "email": {email}, "password": {Password}})
	require.Equal(t, http.StatusFound, back.StatusCode, body)
	location, err := back.Location()
	require.NoError(t, err)
	return location
}

func (*Provider) ask(t testing.TB, client *http.Client, method, address string, form url.Values) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(body)
}
