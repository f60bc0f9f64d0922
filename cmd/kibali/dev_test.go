package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/devstack/devtest"
)

// devReport is dev.json, as the outside reads it.
type devReport struct {
	URL               string `json:"url"`
	TemporalUIURL     string `json:"temporal_ui_url"`
	TemporalAddress   string `json:"temporal_address"`
	TemporalNamespace string `json:"temporal_namespace"`
	TemporalCLI       string `json:"temporal_cli"`
	DatabaseURL       string `json:"database_url"`
	InboxURL          string `json:"inbox_url"`
	Staff             []struct {
		Role, Email, Password, Token string
	} `json:"staff"`
	ServiceToken string `json:"service_token"`
}

func (r devReport) token(role string) string {
	for _, who := range r.Staff {
		if who.Role == role {
			return who.Token
		}
	}
	return ""
}

// startDev starts dev on a data folder and waits until it is ready.
func startDev(t *testing.T, data string, args ...string) (*program, devReport) {
	t.Helper()
	began := time.Now()
	p := start(t, nil, append([]string{"dev", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	var r devReport
	p.until("dev.json", func() bool {
		content, err := os.ReadFile(filepath.Join(data, "dev.json"))
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(content, &r), "it is complete whenever it is there")
		return true
	})
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	return p, r
}

func noDevJSON(t *testing.T, data string) {
	t.Helper()
	require.NoFileExists(t, filepath.Join(data, "dev.json"))
}

func TestDev(t *testing.T) {
	t.Parallel()
	data := devtest.Folder(t)
	p, first := startDev(t, data, "--no-demo")

	t.Run("says where everything is, to its owner only", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(data, "dev.json"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		for _, value := range []string{first.TemporalUIURL, first.TemporalAddress, first.TemporalNamespace, first.DatabaseURL} {
			require.NotEmpty(t, value)
		}
		require.FileExists(t, first.TemporalCLI)
		require.Len(t, first.Staff, 5)
		for _, who := range first.Staff {
			require.GreaterOrEqual(t, len(who.Password), 15)
			caller{t, first.URL, who.Token}.send(http.MethodGet, "/v1/stats", nil, http.StatusOK, nil)
		}
		require.Contains(t, first.ServiceToken, "kbg_")
		require.Contains(t, p.said(), first.URL)
		require.Contains(t, p.said(), first.token("admin"))
	})

	anyone, reviewer := caller{t, first.URL, ""}, caller{t, first.URL, first.token("reviewer")}
	id := anyone.register("asha@juma.example", "0712 345 678")
	t.Run("carries a registration to its end", func(t *testing.T) {
		var decided struct {
			Account struct {
				Status string `json:"status"`
			} `json:"account"`
		}
		reviewer.send(http.MethodPost, "/v1/accounts/"+id+"/approve", map[string]any{}, http.StatusOK, &decided)
		require.Equal(t, "active", decided.Account.Status)
		var inbox []struct{ Channel, To, Text string }
		p.until("four notices", func() bool {
			caller{t, first.InboxURL, ""}.send(http.MethodGet, "", nil, http.StatusOK, &inbox)
			return len(inbox) == 4
		})
		count := map[string]int{}
		for _, item := range inbox {
			count[item.Channel+" "+item.To]++
			require.NotEmpty(t, item.Text)
		}
		require.Equal(t, map[string]int{"email asha@juma.example": 2, "sms +255712345678": 2}, count, "SMS come at any hour")
	})

	t.Run("records what it makes in the audit trail", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), first.DatabaseURL)
		require.NoError(t, err)
		defer conn.Close(t.Context())
		var made int
		require.NoError(t, conn.QueryRow(t.Context(),
			`SELECT count(*) FROM audit_events WHERE action IN ('staff.created', 'service.created', 'policy.changed')`).Scan(&made))
		require.Equal(t, 8, made)
	})

	t.Run("refuses a second one on the same folder and leaves the first alone", func(t *testing.T) {
		code, out, errs := command(t, "dev", "--data", data, "--listen", "127.0.0.1:0")
		require.Equal(t, exitFailed, code)
		require.Empty(t, out)
		require.Contains(t, errs, "is in use by process")
		require.FileExists(t, filepath.Join(data, "dev.json"))
		require.Equal(t, "active", reviewer.status(id))
	})

	children := p.children()
	require.Greater(t, len(children), 4)
	t.Run("stops when its whole group is told to", func(t *testing.T) {
		require.NoError(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM))
		require.Zero(t, p.wait())
		requireGone(t, children)
		noDevJSON(t, data)
	})

	t.Run("finds its data and its tokens again, even after it was killed", func(t *testing.T) {
		p, second := startDev(t, data, "--no-demo")
		require.Equal(t, first.Staff, second.Staff)
		require.Equal(t, first.ServiceToken, second.ServiceToken)
		require.Equal(t, "active", caller{t, second.URL, first.token("admin")}.status(id))
		children := p.children()
		require.Equal(t, -1, p.exit(syscall.SIGKILL))
		requireGone(t, children)
		noDevJSON(t, data)

		p, third := startDev(t, data, "--no-demo")
		again := caller{t, third.URL, first.token("reviewer")}
		require.Equal(t, "active", again.status(id))
		other := caller{t, third.URL, ""}.register("halima@omari.example", "0754 345 679")
		again.send(http.MethodPost, "/v1/accounts/"+other+"/approve", map[string]any{}, http.StatusOK, nil)
		children = p.children()
		require.Zero(t, p.exit(syscall.SIGINT))
		requireGone(t, children)
		noDevJSON(t, data)
	})
}

func TestDevSaysSoWhenAPartOfItDies(t *testing.T) {
	t.Parallel()
	data := devtest.Folder(t)
	p, r := startDev(t, data, "--no-demo")
	children := p.children()
	conn, err := pgx.Connect(t.Context(), r.DatabaseURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	// The children of the program itself are the two servers; end one of them.
	var direct []int
	for _, pid := range children {
		if parent, err := syscall.Getpgid(pid); err == nil && parent == pid {
			direct = append(direct, pid)
		}
	}
	require.NotEmpty(t, direct)
	require.NoError(t, syscall.Kill(direct[0], syscall.SIGKILL))
	require.Equal(t, exitFailed, p.wait())
	require.Contains(t, p.said(), "is gone, everything stops")
	requireGone(t, children)
	noDevJSON(t, data)
}

func TestDevNamesThePortThatIsInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	began := time.Now()
	code, _, errs := command(t, "dev", "--data", devtest.Folder(t), "--listen", taken.Addr().String())
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, taken.Addr().String()+" is in use by another program")
	require.Contains(t, errs, "--listen")
	require.Less(t, time.Since(began), 5*time.Second, "it is told before anything is started")
}

func TestDevWithoutItsKeysSaysWhatToDo(t *testing.T) {
	t.Parallel()
	data := devtest.Folder(t)
	require.NoError(t, os.Mkdir(filepath.Join(data, "postgres"), 0o755))
	code, _, errs := command(t, "dev", "--data", data, "--listen", "127.0.0.1:0")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "keys.json is gone")
}
