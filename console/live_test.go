package console_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/devstack/browser/browsertest"
	"kibali/domain/actor"
	"kibali/service"
	"kibali/web"
)

func keepsUp(t *testing.T, s stand) {
	w := s.signIn(t, actor.Reviewer, browsertest.Look{})
	w.Go("/console/pending")
	w.See("#results")
	a := s.inReview(t, nil)
	w.Read(a.Company.Name)
	w.Go("/console/accounts/" + a.ID.String() + "/review")
	w.See(`.decide-bar a[data-key="a"]`)
	admin := s.Staff[actor.Admin]
	_, err := s.Process.Service.Approve(t.Context(), actor.Actor{Kind: actor.Staff, ID: admin.ID, Role: admin.Role}, service.Ask{AccountID: a.ID})
	require.NoError(t, err)
	w.Gone(`.decide-bar a[data-key="a"]`)
	w.See(`#standing .status[data-status="active"]`)
}

// stream opens the stream of a console and returns its lines.
func (s stand) stream(t *testing.T, token string) (lines <-chan string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/console/live", http.NoBody)
	require.NoError(t, err)
	request.AddCookie(&http.Cookie{Name: string(web.StaffCookie), Value: token})
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	told := make(chan string, 1000)
	go func() {
		defer response.Body.Close()
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			if data, ok := strings.CutPrefix(scanner.Text(), "data: "); ok {
				told <- data
			}
		}
		close(told)
	}()
	return told, cancel
}

func awaitTold(t *testing.T, lines <-chan string, part string) {
	t.Helper()
	for deadline := time.After(15 * time.Second); ; {
		select {
		case line := <-lines:
			if strings.Contains(line, part) {
				return
			}
		case <-deadline:
			require.Fail(t, "not told", part)
		}
	}
}

// TestLive opens as many streams as a large team has consoles.
func TestLive(t *testing.T) {
	t.Parallel()
	s := start(t)
	in, err := s.Process.Service.StaffSignIn(t.Context(), actor.Actor{}, service.StaffSignIn{Email: s.Staff[actor.Reviewer].Email, Password: s.Staff[actor.Reviewer].Password})
	require.NoError(t, err)
	connections := func() (n int) {
		require.NoError(t, s.Super.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN kibali_console' AND datname = current_database()`).Scan(&n))
		return n
	}
	const consoles = 200
	streams, stops := make([]<-chan string, consoles), make([]func(), consoles)
	for i := range streams {
		streams[i], stops[i] = s.stream(t, in.Token)
	}
	awaitTold(t, streams[0], "resync")
	a := s.Register(t, nil)
	for _, lines := range streams {
		awaitTold(t, lines, a.ID.String())
	}
	require.Equal(t, 1, connections())

	t.Run("finds its connection again, and tells of the gap", func(t *testing.T) {
		_, err := s.Super.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN kibali_console' AND datname = current_database()`)
		require.NoError(t, err)
		awaitTold(t, streams[1], "resync")
		b := s.Register(t, nil)
		awaitTold(t, streams[1], b.ID.String())
	})
	t.Run("lets go of it when nobody listens", func(t *testing.T) {
		for _, stop := range stops {
			stop()
		}
		require.Eventually(t, func() bool { return connections() == 0 }, 15*time.Second, 50*time.Millisecond)
	})
}

// TestLooksAgain is about consoles behind something that breaks their stream.
func TestLooksAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	upstream, err := url.Parse(s.URL)
	require.NoError(t, err)
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(upstream) // and its host
		if r.In.Header.Get("Origin") != "" {
			r.Out.Header.Set("Origin", s.URL)
		}
	}}
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/console/live" {
			http.Error(w, "no streams here", http.StatusBadGateway)
			return
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(broken.Close)
	behind := s
	behind.URL = broken.URL
	one := behind.signIn(t, actor.Reviewer, browsertest.Look{})
	other := one.Beside()
	one.Expected, other.Expected = []string{"status of 502"}, []string{"status of 502"}
	for _, w := range []*browsertest.Window{one, other} {
		w.Go("/console/pending")
		w.See("#results")
	}
	a := s.inReview(t, nil)
	for _, w := range []*browsertest.Window{one, other} { // the second asks for no stream itself
		w.Until(fmt.Sprintf(`document.getElementById("row-%s")`, a.ID))
	}
}
