package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/doctor"
	"kibali/devstack/devtest"
	"kibali/domain/cases"
	"kibali/migrations"
	"kibali/notify"
	"kibali/sso"
	"kibali/sso/ssotest"
)

// patient is an installation of which a test breaks one part.
type patient struct {
	doctor.Installation
	t        *testing.T
	database devtest.Database
	temporal devtest.TemporalServer
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{t: t, database: devtest.NewDatabase(t, migrations.Migrate), temporal: devtest.Temporal(t, cases.SearchAttributes())}
	p.Database, p.Owner = p.pool(p.database.AppURL), p.pool(p.database.OwnerURL)
	p.Temporal = client.Options{HostPort: p.temporal.Address, Namespace: p.temporal.Namespace, Logger: quiet}
	p.Documents = "file://" + devtest.Folder(t)
	p.SecretKey, p.BaseURL = []byte("Zr8yUu1Xq7vM2nB5kT9wL3pD6sF0gH4j"), "https://id.example.co.tz"
	return p
}

func (p *patient) pool(url string) *pgxpool.Config {
	p.t.Helper()
	parsed, err := pgxpool.ParseConfig(url)
	require.NoError(p.t, err)
	return parsed
}

// as runs a statement on the database as the role of the URL.
func (p *patient) as(url, statement string) {
	p.t.Helper()
	conn, err := pgx.Connect(p.t.Context(), url)
	require.NoError(p.t, err)
	defer conn.Close(p.t.Context())
	_, err = conn.Exec(p.t.Context(), statement)
	require.NoError(p.t, err)
}

// finding examines the patient and returns one finding.
func (p *patient) finding(check string) doctor.Finding {
	p.t.Helper()
	found := doctor.Examine(p.t.Context(), p.Installation)
	for _, finding := range found {
		if finding.Check == check {
			return finding
		}
	}
	require.FailNow(p.t, "no such check", "%s in %v", check, found)
	return doctor.Finding{}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		harm  func(p *patient)
		check string
		state doctor.State
		says  string
		do    string
	}{
		"a database that is away": {
			func(p *patient) { p.Database = p.pool("postgres://kibali_app:" + secret + "@127.0.0.1:1/kibali") },
			"database", doctor.Failed, "127.0.0.1", "KIBALI_DATABASE_URL",
		},
		"a wrong password": {
			func(p *patient) { p.Database.ConnConfig.Password = secret },
			"database", doctor.Failed, "password authentication failed", "KIBALI_DATABASE_URL",
		},
		"a database without a schema": {
			func(p *patient) { p.Database = p.pool(devtest.NewDatabase(p.t, nil).AppURL) },
			"database schema", doctor.Failed, "no schema", "kibali migrate",
		},
		"an application that owns the schema": {
			func(p *patient) { p.Database = p.pool(p.database.OwnerURL) },
			"database role", doctor.Failed, "owns the tables", "deploy/postgres/roles.sh",
		},
		"one role for both": {
			func(p *patient) { p.Database = p.pool(p.database.OwnerURL) },
			"owner role", doctor.Failed, "the application connects as the owner", "two roles",
		},
		"an application that can rewrite what happened": {
			func(p *patient) { p.as(p.database.OwnerURL, `GRANT UPDATE ON audit_events TO kibali_app`) },
			"database role", doctor.Failed, "may UPDATE audit_events (what happened could be rewritten)", "",
		},
		"an application that can make tables": {
			func(p *patient) { p.as(p.database.SuperuserURL, `GRANT CREATE ON SCHEMA public TO kibali_app`) },
			"database role", doctor.Failed, "may create tables in the schema public", "",
		},
		"an application that cannot do its work": {
			func(p *patient) { p.as(p.database.OwnerURL, `REVOKE INSERT ON decisions FROM kibali_app`) },
			"database role", doctor.Failed, "may not INSERT decisions", "",
		},
		"a policy that cannot be read": {
			func(p *patient) {
				p.as(p.database.OwnerURL, `INSERT INTO policies (content, note) VALUES ('{"documents": 3}', '')`)
			},
			"database policy", doctor.Failed, "read policy", "Put a policy in force",
		},
		"an owner who owns nothing": {
			func(p *patient) { p.Owner = p.pool(p.database.AppURL) },
			"owner role", doctor.Failed, "kibali_app cannot change the schema", "",
		},
		"an owner who is not known here": {
			func(p *patient) { p.Owner = nil }, "owner role", doctor.Skipped, "only migrate needs it", "",
		},
		"an identity provider that is away": {
			func(p *patient) { p.SSO = &sso.Config{Issuer: "http://127.0.0.1:1", Key: p.SecretKey} },
			"single sign-on", doctor.Failed, "no answer", "KIBALI_OIDC_ISSUER",
		},
		"an identity provider of another name": {
			func(p *patient) { p.SSO = &sso.Config{Issuer: ssotest.Start(p.t).URL + "/", Key: p.SecretKey} },
			"single sign-on", doctor.Failed, "did not match", "KIBALI_OIDC_ISSUER",
		},
		"an identity provider that is well": {
			func(p *patient) {
				p.SSO = &sso.Config{Issuer: ssotest.Start(p.t).URL, RedirectURL: "https://id.example.co.tz/console/sign-in/sso/callback", Key: p.SecretKey}
			},
			"single sign-on", doctor.OK, "must know the redirect address https://id.example.co.tz/", "",
		},
		"Temporal that is away": {
			func(p *patient) { p.Temporal.HostPort = "127.0.0.1:1" }, "temporal", doctor.Failed, "127.0.0.1:1", "TEMPORAL_ADDRESS",
		},
		"a namespace that does not exist": {
			func(p *patient) { p.Temporal.Namespace = "nowhere" },
			"temporal namespace", doctor.Failed, "nowhere does not exist", "temporal operator namespace create --namespace nowhere",
		},
		"a namespace that forgets too soon": {
			func(p *patient) {
				_, err := p.temporal.Client.WorkflowService().UpdateNamespace(p.t.Context(), &workflowservice.UpdateNamespaceRequest{
					Namespace: p.temporal.Namespace, Config: &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(72 * time.Hour)},
				})
				require.NoError(p.t, err)
			},
			"temporal namespace", doctor.Failed, "for 3 days; 90 or more are needed", "--retention 2160h",
		},
		"search attributes that are missing": {
			func(p *patient) {
				p.Temporal.Namespace = devtest.Temporal(p.t, map[string]string{"AccountId": "Keyword"}).Namespace
			},
			"temporal search attributes", doctor.Failed, "missing: CaseStatus, Deadline, Industry, Reviewer", "--name Deadline --type Datetime",
		},
		"a search attribute of another type": {
			func(p *patient) {
				attributes := cases.SearchAttributes()
				attributes[cases.AttributeDeadline] = "Keyword"
				p.Temporal.Namespace = devtest.Temporal(p.t, attributes).Namespace
			},
			"temporal search attributes", doctor.Failed, "Deadline is Keyword and not Datetime", "",
		},
		"no worker": {
			func(*patient) {}, "temporal workers", doctor.Warning, "cases wait", "kibali worker",
		},
		"storage that cannot be written": {
			func(p *patient) {
				file := filepath.Join(devtest.Folder(p.t), "file")
				require.NoError(p.t, os.WriteFile(file, nil, 0o600))
				p.Documents = "file://" + file + "/documents"
			},
			"documents", doctor.Failed, "", "KIBALI_DOCUMENTS_URL",
		},
		"storage in memory": {
			func(p *patient) { p.Documents = "mem://" }, "documents", doctor.Failed, "lost", "s3://",
		},
		"a provider that refuses the key": {
			func(p *patient) {
				refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
				p.t.Cleanup(refusing.Close)
				var err error
				p.Email, err = notify.EmailConfig{Provider: "sendgrid", URL: refusing.URL, APIKey: secret, From: "kibali@example.co.tz"}.Sender(nil)
				require.NoError(p.t, err)
			},
			"notices e-mail", doctor.Failed, "misconfigured", "KIBALI_EMAIL_",
		},
		"a provider that sends nothing": {
			func(p *patient) {
				inbox, err := notify.OpenInbox(filepath.Join(p.t.TempDir(), "inbox.jsonl"))
				require.NoError(p.t, err)
				p.t.Cleanup(func() { inbox.Close() })
				p.SMS = inbox
			},
			"notices SMS", doctor.Warning, "sent to nobody", "KIBALI_SMS_PROVIDER",
		},
		"a secret key that can be guessed": {
			func(p *patient) { p.SecretKey = []byte("abababababababababababababababababab") },
			"secret key", doctor.Failed, "can be guessed", "openssl rand",
		},
		"the secret key of the example": {
			func(p *patient) { p.SecretKey = []byte("a-key-for-trying-it-out-do-not-keep-it") },
			"secret key", doctor.Warning, "everyone knows", "openssl rand",
		},
		"a base URL of this machine": {
			func(p *patient) { p.BaseURL = "http://127.0.0.1:8080" }, "base URL", doctor.Warning, "this machine only", "",
		},
		"a base URL without TLS": {
			func(p *patient) { p.BaseURL = "http://id.example.co.tz" }, "base URL", doctor.Warning, "not https", "proxy with TLS",
		},
		"settings that cannot be used": {
			func(p *patient) { p.Problems = config.Problems{{Variable: "KIBALI_BASE_URL", Text: "is not set"}} },
			"settings", doctor.Failed, "KIBALI_BASE_URL is not set", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			tc.harm(p)
			finding := p.finding(tc.check)
			require.Equal(t, tc.state, finding.State, finding)
			require.Contains(t, finding.Detail, tc.says)
			require.Contains(t, finding.Do, tc.do)
			require.NotContains(t, finding.Detail+finding.Do, secret)
		})
	}
}

func TestDoctorWithoutAnySettingNamesThemAllAndFails(t *testing.T) {
	t.Parallel()
	code, out, errs := command(t, "doctor")
	require.Equal(t, exitFailed, code)
	require.Empty(t, errs)
	for _, variable := range []string{
		"KIBALI_DATABASE_URL", "KIBALI_DOCUMENTS_URL", "KIBALI_SECRET_KEY", "KIBALI_BASE_URL", "KIBALI_EMAIL_PROVIDER", "KIBALI_SMS_PROVIDER",
	} {
		require.Contains(t, out, "FAILED   settings: "+variable+" is not set")
	}
}
