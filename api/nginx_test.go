package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kibali/domain/account"
	"kibali/domain/actor"
)

// TestNginx puts the real nginx, with the configuration that is shipped, in
// front of a platform: who may not pass does not reach it, from the moment on
// in which a suspension is answered.
func TestNginx(t *testing.T) {
	t.Parallel()
	binary, problem := nginxBinary(t)
	if binary == "" {
		if os.Getenv("KIBALI_WITHOUT_NGINX") == "1" {
			t.Log("not tested: " + problem)
			return
		}
		t.Fatal(problem + "; or set KIBALI_WITHOUT_NGINX=1 to do without it")
	}
	s := setup(t)
	kibali := httptest.NewServer(s.handler)
	t.Cleanup(kibali.Close)
	platform := &protected{}
	upstream := httptest.NewServer(platform)
	t.Cleanup(upstream.Close)
	front := startNginx(t, binary, kibali.URL, upstream.URL)

	t.Run("lets requests of active accounts through, in any method, and says whose they are", func(t *testing.T) {
		u := s.activeUser(t)
		key := s.apiKey(t, u)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
			status, _ := ask(t, method, front+"/v2/send?x=1", strings.Repeat("x", 100_000), "Authorization", "Bearer "+key, "X-Account-Id", "somebody else")
			require.Equal(t, http.StatusOK, status, method)
			seen := platform.last()
			require.Equal(t, []string{u.id}, seen.Header["X-Account-Id"])
			require.Empty(t, seen.Header["Authorization"])
			require.Equal(t, method+" /v2/send?x=1", seen.Method+" "+seen.URL.RequestURI())
		}
		status, _ := ask(t, "GET", front+"/", "", "X-Api-Key", key)
		require.Equal(t, http.StatusOK, status)
		require.Empty(t, platform.last().Header["X-Api-Key"])
	})
	t.Run("keeps out whom it does not know", func(t *testing.T) {
		before := platform.count()
		for _, headers := range [][]string{{}, {"Authorization", "Bearer nonsense"}, {"X-Account-Id", "019ab0a6-8d2b-7b6e-9d52-3c3c6f1a7e90"}} {
			status, header := ask(t, "POST", front+"/v2/send", "x", headers...)
			require.Equal(t, http.StatusUnauthorized, status)
			require.Equal(t, "Bearer", header.Get("WWW-Authenticate"))
		}
		require.Equal(t, before, platform.count())
	})
	t.Run("keeps a suspended account out from the answer on, and lets the same key in again", func(t *testing.T) {
		u := s.activeUser(t)
		key := s.apiKey(t, u)
		suspended := make(chan struct{})
		var passedAfter atomic.Int64
		var group sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					after := false
					select {
					case <-suspended:
						after = true
					default:
					}
					status, _ := ask(t, "POST", front+"/v2/send", "x", "X-Api-Key", key)
					if status == http.StatusOK && after {
						passedAfter.Add(1)
					}
				}
			})
		}
		a := s.call(t, http.MethodPost, "/v1/accounts/"+u.id+"/suspend", s.tokens[actor.Admin], map[string]any{"reason_code": "terms", "reason": "Spam."})
		close(suspended)
		require.Equal(t, http.StatusAccepted, a.Code)
		for range 50 {
			status, header := ask(t, "POST", front+"/v2/send", "x", "X-Api-Key", key)
			require.Equal(t, http.StatusForbidden, status)
			require.Equal(t, "account_suspended", header.Get("X-Kibali-Reason"))
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
		}
		close(stop)
		group.Wait()
		require.Zero(t, passedAfter.Load())

		_, err := s.owner.Exec(t.Context(), `UPDATE accounts SET blocked_by = NULL WHERE id = $1`, u.id)
		require.NoError(t, err)
		s.setStatus(t, u, account.Active)
		status, _ := ask(t, "POST", front+"/v2/send", "x", "X-Api-Key", key)
		require.Equal(t, http.StatusOK, status)
	})
	t.Run("lets nobody through when Kibali is away", func(t *testing.T) {
		key := s.apiKey(t, s.activeUser(t))
		kibali.Close()
		before := platform.count()
		status, header := ask(t, "GET", front+"/", "", "X-Api-Key", key)
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.NotEmpty(t, header.Get("Retry-After"))
		require.Equal(t, before, platform.count())
	})
}

// protected is the platform: it remembers the last request that reached it.
type protected struct {
	mu   sync.Mutex
	seen *http.Request
	n    int
}

func (p *protected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.n = r, p.n+1
	w.WriteHeader(http.StatusOK)
}

func (p *protected) last() *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func (p *protected) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func ask(t *testing.T, method, target, body string, headers ...string) (int, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header
}

// startNginx runs nginx with the shipped configuration between the addresses,
// and returns where it listens.
func startNginx(t *testing.T, binary, kibali, platform string) string {
	t.Helper()
	shipped, err := os.ReadFile(filepath.Join("..", "deploy", "gateway", "nginx.conf"))
	require.NoError(t, err)
	host := func(address string) string {
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		return parsed.Host
	}
	address := nowhere(t)
	configuration := string(shipped)
	for _, pair := range [][2]string{{"127.0.0.1:8080", host(kibali)}, {"127.0.0.1:9000", host(platform)}, {"listen 8000", "listen " + address}} {
		require.Equal(t, 1, strings.Count(configuration, pair[0]), pair[0])
		configuration = strings.Replace(configuration, pair[0], pair[1], 1)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kibali.conf"), []byte(configuration), 0o600))
	main := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
include %[1]s/kibali.conf; }`, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(main), 0o600))

	var said bytes.Buffer
	nginx := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
	nginx.Stderr = &said
	require.NoError(t, nginx.Start())
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM)
		_ = nginx.Wait() // it ends by the signal
	})
	require.Eventually(t, func() bool {
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond, "nginx does not start: %s", said.String())
	return "http://" + address
}

// nginxBinary returns the nginx of this machine. Where there is none it is
// installed; why not, if that cannot be done.
func nginxBinary(t *testing.T) (path, problem string) {
	t.Helper()
	find := func() string {
		for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
			if path, err := exec.LookPath(name); err == nil {
				return path
			}
		}
		return ""
	}
	if path := find(); path != "" {
		return path, ""
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		return "", "nginx is not installed, and only root can install it, with apt; install Debian's nginx to run this test"
	}
	installing, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	install := exec.CommandContext(installing, "sh", "-c", "apt-get install -y --no-install-recommends nginx || { apt-get update && apt-get install -y --no-install-recommends nginx; }")
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if output, err := install.CombinedOutput(); err != nil {
		return "", fmt.Sprintf("nginx is not installed and cannot be had from here: %s", output)
	}
	return find(), ""
}
