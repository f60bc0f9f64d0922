package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/doctor"
	"kibali/devstack/devtest"
	"kibali/domain/cases"
	"kibali/migrations"
)

// installation is a place for serve and worker.
type installation struct {
	database devtest.Database
	temporal devtest.TemporalServer
	settings []string
}

// providerSettings are for providers that answer, at the given address.
func providerSettings(t *testing.T) []string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/scopes"):
			io.WriteString(w, `{"scopes":["mail.send"]}`)
		case strings.HasSuffix(r.URL.Path, "/mail/send"):
			w.WriteHeader(http.StatusAccepted)
		case strings.HasSuffix(r.URL.Path, "/Messages.json") && r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, `{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}`)
		default:
			io.WriteString(w, `{"sid":"AC1","status":"active"}`)
		}
	}))
	t.Cleanup(provider.Close)
	return []string{
		"KIBALI_EMAIL_PROVIDER=sendgrid", "KIBALI_EMAIL_URL=" + provider.URL, "KIBALI_EMAIL_API_KEY=key", "KIBALI_EMAIL_FROM=kibali@example.co.tz",
		"KIBALI_SMS_PROVIDER=twilio", "KIBALI_SMS_BASE_URL=" + provider.URL, "KIBALI_SMS_USERNAME=AC1", "KIBALI_SMS_SECRET=token", "KIBALI_SMS_SENDER_ID=Kibali",
	}
}

func setup(t *testing.T) installation {
	t.Helper()
	i := installation{database: devtest.NewDatabase(t, migrations.Migrate), temporal: devtest.Temporal(t, cases.SearchAttributes())}
	i.settings = append(providerSettings(t),
		"KIBALI_DATABASE_URL="+i.database.AppURL, "KIBALI_OWNER_DATABASE_URL="+i.database.OwnerURL,
		"TEMPORAL_ADDRESS="+i.temporal.Address, "TEMPORAL_NAMESPACE="+i.temporal.Namespace,
		"KIBALI_DOCUMENTS_URL=file://"+devtest.Folder(t), "KIBALI_SECRET_KEY=Zr8yUu1Xq7vM2nB5kT9wL3pD6sF0gH4j", "KIBALI_BASE_URL=https://id.example.co.tz",
		"KIBALI_LISTEN=127.0.0.1:0", "KIBALI_OPERATIONS_LISTEN=127.0.0.1:0",
	)
	return i
}

// run runs a command to its end as a process and returns its exit code.
func (i installation) run(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	p := start(t, i.settings, args...)
	code = p.wait()
	return code, p.said()
}

// start starts serve or worker and returns the addresses that it logs.
func (i installation) start(t *testing.T, name string, settings ...string) (p *program, api, operations string) {
	t.Helper()
	p = start(t, append(append([]string{}, i.settings...), settings...), name)
	p.until("its first line", func() bool { return strings.Contains(p.said(), `"operations":"`) })
	address := func(key string) string {
		match := regexp.MustCompile(`"` + key + `":"([^"]+)"`).FindStringSubmatch(p.said())
		if match == nil {
			return ""
		}
		return "http://" + match[1]
	}
	return p, address("address"), address("operations")
}

func TestProduction(t *testing.T) {
	t.Parallel()
	i := setup(t)

	code, said := i.run(t, "migrate")
	require.Zero(t, code, said)
	require.Contains(t, said, "the schema is current")

	code, said = i.run(t, "staff", "create", "--role", "admin", "--email", "neema@example.co.tz", "--name", "Neema Mushi")
	require.Zero(t, code, said)
	token := regexp.MustCompile(`kbs_\S+`).FindString(said)
	require.NotEmpty(t, token)
	code, said = i.run(t, "staff", "create", "--role", "admin", "--email", "Neema@example.co.tz", "--name", "Another")
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "exists")
	code, said = i.run(t, "staff", "create", "--role", "king", "--email", "x", "--name", " ")
	require.Equal(t, exitFailed, code)
	for _, field := range []string{"email", "name", "role"} {
		require.Contains(t, said, "  "+field+": ")
	}

	serve, api, operations := i.start(t, "serve")
	admin := caller{t, api, token}
	waiting := caller{t, api, ""}.register("asha@juma.example", "0712345678")
	t.Run("an approval without a worker waits", func(*testing.T) {
		admin.send(http.MethodPost, "/v1/accounts/"+waiting+"/approve", map[string]any{}, http.StatusAccepted, nil)
	})

	worker, _, workerOperations := i.start(t, "worker")
	code, said = i.run(t, "deploy")
	require.Zero(t, code, said)
	require.Contains(t, said, "build "+build()+" is current")
	t.Run("and is carried out when one works", func(*testing.T) {
		serve.until("approval", func() bool { return admin.status(waiting) == "active" })
	})

	t.Run("serve and worker are ready", func(t *testing.T) {
		for _, url := range []string{operations, workerOperations} {
			code, said := i.run(t, "health", "--url", url+"/readyz")
			require.Zero(t, code, said)
			require.Contains(t, said, `"status":"ready"`)
		}
		caller{t, operations, ""}.send(http.MethodGet, "/healthz", nil, http.StatusOK, nil)
	})

	t.Run("metrics tell of HTTP, PostgreSQL, Temporal and the runtime, and of no person", func(t *testing.T) {
		for url, wanted := range map[string][]string{
			operations: {
				`kibali_http_requests_total{method="POST",route="/v1/registrations",status="201"} 1`,
				`kibali_http_request_duration_seconds_bucket{method="GET",route="/v1/accounts/:id"`,
				"kibali_postgres_pool_connections_max 20", "temporal_request", "go_goroutines", "process_resident_memory_bytes", "kibali_build_info",
			},
			workerOperations: {"temporal_activity_execution_latency", "temporal_workflow_task_queue_poll_succeed", "kibali_postgres_pool_acquires_total"},
		} {
			answer, err := (&http.Client{Timeout: time.Minute}).Get(url + "/metrics")
			require.NoError(t, err)
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			answer.Body.Close()
			for _, line := range wanted {
				require.Contains(t, string(text), line)
			}
			require.NotContains(t, string(text), waiting)
		}
	})

	t.Run("doctor finds it well", func(t *testing.T) {
		code, said := i.run(t, "doctor", "--json")
		require.Zero(t, code, said)
		var found struct {
			OK     bool
			Checks doctor.Findings
		}
		require.NoError(t, json.Unmarshal([]byte(said), &found))
		require.True(t, found.OK)
		for _, finding := range found.Checks {
			require.Equal(t, doctor.OK, finding.State, finding)
		}
		require.Len(t, found.Checks, 15)
	})

	t.Run("logs are JSON and name nobody", func(t *testing.T) {
		for _, p := range []*program{serve, worker} {
			for line := range strings.Lines(p.said()) {
				require.True(t, json.Valid([]byte(line)), line)
			}
			for _, text := range []string{"asha", "juma", "712345678", "Mvua", token} {
				require.NotContains(t, strings.ToLower(p.said()), strings.ToLower(text))
			}
		}
	})

	t.Run("a request in hand is finished before the end", func(t *testing.T) {
		another := caller{t, api, ""}.register("halima@omari.example", "0754345679")
		answered := make(chan int, 1)
		body, writer := io.Pipe()
		reading := make(chan struct{})
		traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
		request, err := http.NewRequestWithContext(traced, http.MethodPost, api+"/v1/accounts/"+another+"/approve", body)
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Expect", "100-continue")
		go func() {
			answer, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}, Timeout: time.Minute}).Do(request)
			if err != nil {
				answered <- 0
				return
			}
			answer.Body.Close()
			answered <- answer.StatusCode
		}()
		<-reading // the server has the request in hand and waits for its body
		require.NoError(t, serve.cmd.Process.Signal(syscall.SIGTERM))
		serve.until("its port to close", func() bool {
			answer, err := (&http.Client{Timeout: time.Second}).Get(api + "/openapi.json")
			if err == nil {
				answer.Body.Close()
			}
			return err != nil
		})
		_, err = io.WriteString(writer, "{}")
		require.NoError(t, err)
		require.NoError(t, writer.Close())
		require.Equal(t, http.StatusOK, <-answered)
		require.Zero(t, serve.wait())
		require.Contains(t, serve.said(), `"msg":"stopped"`)
	})

	require.Zero(t, worker.exit(syscall.SIGTERM))
}

func TestServeDrainsBeforeItStops(t *testing.T) {
	t.Parallel()
	i := setup(t)
	serve, api, operations := i.start(t, "serve", "KIBALI_DRAIN=2s")
	require.NoError(t, serve.cmd.Process.Signal(syscall.SIGTERM))
	serve.until("readyz to say so", func() bool {
		answer, err := (&http.Client{Timeout: time.Minute}).Get(operations + "/readyz")
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(body), `"status":"stopping"`)
	})
	caller{t, api, ""}.register("asha@juma.example", "0712345678")
	require.Zero(t, serve.wait())
}

func TestServeThatIsKilledLeavesNothingThatHashes(t *testing.T) {
	t.Parallel()
	serve, _, _ := setup(t).start(t, "serve")
	hashes := serve.children()
	require.Len(t, hashes, 1)
	require.Equal(t, -1, serve.exit(syscall.SIGKILL))
	requireGone(t, hashes)
}

func TestServeWithTemporalAwayIsReadyAndTakesRegistrations(t *testing.T) {
	t.Parallel()
	i := setup(t)
	serve, api, operations := i.start(t, "serve", "TEMPORAL_ADDRESS=127.0.0.1:1")
	var readiness struct {
		Status string
		Checks map[string]string
	}
	caller{t, operations, ""}.send(http.MethodGet, "/readyz", nil, http.StatusOK, &readiness)
	require.Equal(t, "degraded", readiness.Status)
	require.Equal(t, map[string]string{"database": "ok", "documents": "ok", "temporal": "away"}, readiness.Checks)
	caller{t, api, ""}.register("asha@juma.example", "0712345678")
	require.Zero(t, serve.exit(syscall.SIGTERM))
}

func TestServeAndWorkerRefuseASchemaThatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	newest, err := migrations.Newest()
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change string
		says   string
	}{
		"newer": {`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`, "start a newer build"},
		"older": {`DELETE FROM goose_db_version WHERE version_id >= $1`, "run `kibali migrate` first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := setup(t)
			conn, err := pgx.Connect(t.Context(), i.database.OwnerURL)
			require.NoError(t, err)
			defer conn.Close(context.WithoutCancel(t.Context()))
			arguments := []any{}
			if strings.Contains(tc.change, "$1") {
				arguments = append(arguments, newest)
			}
			_, err = conn.Exec(t.Context(), tc.change, arguments...)
			require.NoError(t, err)
			for _, name := range []string{"serve", "worker"} {
				code, said := i.run(t, name)
				require.Equal(t, exitFailed, code, said)
				require.Contains(t, said, tc.says)
			}
		})
	}
}

func TestServeSaysAtOnceThatItsPasswordIsWrong(t *testing.T) {
	t.Parallel()
	i := setup(t)
	wrong := regexp.MustCompile(`kibali_app:[^@]*@`).ReplaceAllString(i.database.AppURL, "kibali_app:wrong-"+secret+"@")
	require.NotEqual(t, i.database.AppURL, wrong)
	i.settings = append(i.settings, "KIBALI_DATABASE_URL="+wrong)
	code, said := i.run(t, "serve")
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "the database cannot be used")
	require.NotContains(t, said, secret)
}

func TestHealthFailsWhenNothingAnswers(t *testing.T) {
	t.Parallel()
	code, _, errs := command(t, "health", "--operations-listen", "127.0.0.1:1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "127.0.0.1:1")
}
