package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"kibali/cmd/kibali/config"
	"kibali/service"
)

const secret = "s3cr3t-that-nobody-may-see-0123456789"

// completeServe is a configuration of serve that can be used.
func completeServe(changes ...string) []string {
	return append([]string{
		"serve", "--database-url=postgres://kibali_app:" + secret + "@127.0.0.1:1/kibali", "--documents-url=mem://",
		"--secret-key=" + secret, "--base-url=https://id.example.co.tz",
	}, changes...)
}

func completeWorker(changes ...string) []string {
	return append([]string{
		"worker", "--database-url=postgres://kibali_app:" + secret + "@127.0.0.1:1/kibali", "--documents-url=mem://",
		"--secret-key=" + secret, "--base-url=https://id.example.co.tz",
		"--email-provider=sendgrid", "--email-api-key=" + secret, "--email-from=kibali@example.co.tz",
		"--sms-provider=twilio", "--sms-username=AC1", "--sms-secret=" + secret, "--sms-sender-id=Kibali",
	}, changes...)
}

func TestEveryBadSettingIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want []string // the variables that are named, in order
		says []string
	}{
		"serve without any": {
			[]string{"serve"},
			[]string{"KIBALI_SECRET_KEY", "KIBALI_BASE_URL", "KIBALI_DATABASE_URL", "KIBALI_DOCUMENTS_URL"},
			[]string{"is not set", "openssl rand -base64 33", "postgres://kibali_app:PASSWORD@HOST:5432/kibali"},
		},
		"worker without any": {
			[]string{"worker"},
			[]string{"KIBALI_DATABASE_URL", "KIBALI_DOCUMENTS_URL", "KIBALI_SECRET_KEY", "KIBALI_BASE_URL", "KIBALI_EMAIL_PROVIDER", "KIBALI_SMS_PROVIDER"},
			[]string{"choose sendgrid or smtp", "choose africastalking, beem or twilio"},
		},
		"migrate without any": {[]string{"migrate"}, []string{"KIBALI_OWNER_DATABASE_URL"}, []string{"kibali_owner"}},
		"serve with everything wrong": {
			completeServe("--log-level=loud", "--secret-key=short", "--trusted-proxies=10.0.0.0/8,everyone", "--listen=8080",
				"--operations-listen=localhost:ninety", "--drain=-1s", "--base-url=ftp://x", "--database-pool=many",
				"--database-url=mysql://root:"+secret+"@host/kibali", "--documents-url=gs://bucket", "--hashes=0"),
			[]string{
				"KIBALI_LOG_LEVEL", "KIBALI_SECRET_KEY", "KIBALI_LISTEN", "KIBALI_OPERATIONS_LISTEN",
				"KIBALI_DRAIN", "KIBALI_TRUSTED_PROXIES", "KIBALI_BASE_URL", "KIBALI_DATABASE_POOL", "KIBALI_DATABASE_URL", "KIBALI_DOCUMENTS_URL", "KIBALI_HASHES",
			},
			[]string{`"everyone" is neither a network`, "is too short"},
		},
		"limits that are none": {
			completeServe("--limit-login=10", "--limit-login-address=-1/15m", "--limit-reset-address=10/soon", "--limit-upload-account=1/1ms"),
			[]string{"KIBALI_LIMIT_LOGIN", "KIBALI_LIMIT_LOGIN_ADDRESS", "KIBALI_LIMIT_RESET_ADDRESS", "KIBALI_LIMIT_UPLOAD_ACCOUNT"},
			[]string{"such as 10/15m"},
		},
		"a folder that is not a full path": {
			completeServe("--documents-url=file://documents"), []string{"KIBALI_DOCUMENTS_URL"}, []string{"full path"},
		},
		"a base URL with a query": {
			completeServe("--base-url=https://x.example?a=b"), []string{"KIBALI_BASE_URL"}, nil,
		},
		"a database URL that cannot be read": {
			completeServe("--database-url=postgres://kibali_app:" + secret + "%zz@host/kibali"), []string{"KIBALI_DATABASE_URL"}, nil,
		},
		"providers that lack what they need": {
			completeWorker("--email-api-key=", "--email-from=nobody", "--sms-username=", "--sms-sender-id="),
			[]string{"KIBALI_EMAIL_FROM", "KIBALI_EMAIL_API_KEY", "KIBALI_SMS_USERNAME", "KIBALI_SMS_SENDER_ID"},
			[]string{"SendGrid's API key is needed"},
		},
		"providers that nobody knows": {
			completeWorker("--email-provider=pigeon", "--sms-provider=smoke"),
			[]string{"KIBALI_EMAIL_PROVIDER", "KIBALI_SMS_PROVIDER"}, []string{"sendgrid, smtp", "africastalking, beem, twilio"},
		},
		"a mail server without its password": {
			completeWorker("--email-provider=smtp", "--email-url=smtp://kibali@mail.example", "--email-api-key="),
			[]string{"KIBALI_EMAIL_API_KEY"}, nil,
		},
		"a name of two lines": {
			completeWorker("--platform-name=Kibali\nBcc: x"), []string{"KIBALI_PLATFORM_NAME"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(t, tc.args...)
			require.Equal(t, exitUsage, code, errs)
			require.Empty(t, out)
			var named []string
			for _, match := range regexp.MustCompile(`(?m)^  (KIBALI_\w+) `).FindAllStringSubmatch(errs, -1) {
				named = append(named, match[1])
			}
			require.Equal(t, tc.want, named, errs)
			for _, text := range tc.says {
				require.Contains(t, errs, text)
			}
			require.NotContains(t, errs, secret)
		})
	}
}

func TestLimitsThatAreNotSetAreTheUsualOnes(t *testing.T) {
	t.Parallel()
	var limits config.Limits
	parser, err := kong.New(&limits)
	require.NoError(t, err)
	_, err = parser.Parse(nil)
	require.NoError(t, err)
	var problems config.Problems
	require.Equal(t, service.DefaultLimits(), limits.Rates(&problems))
	require.NoError(t, problems.Err())
	limits.LimitLogin = "0"
	require.Zero(t, limits.Rates(&problems).Login)
	require.NoError(t, problems.Err())
}

func TestSettingsThatAreSetToNothingHaveTheirDefaults(t *testing.T) {
	t.Parallel()
	code, _, errs := command(t, "serve", "--listen=", "--log-level=", "--database-pool=", "--operations-listen=", "--drain=")
	require.Equal(t, exitUsage, code)
	for _, variable := range []string{"KIBALI_LISTEN", "KIBALI_LOG_LEVEL", "KIBALI_DATABASE_POOL", "KIBALI_OPERATIONS_LISTEN", "KIBALI_DRAIN"} {
		require.NotContains(t, errs, variable)
	}
}

func TestSecretsInVariablesAreNotPrinted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"serve", "--help"}, {"worker", "--help"}, {"doctor", "--help"}, {"migrate", "--help"}, {"config", "--markdown"}, {"serve"}} {
		program := exec.Command(os.Args[0], args...)
		program.Env = append(os.Environ(), asProgram+"=1")
		for _, name := range []string{"DATABASE_URL", "OWNER_DATABASE_URL", "SECRET_KEY", "EMAIL_URL", "EMAIL_API_KEY", "SMS_USERNAME", "SMS_SECRET", "DATABASE_POOL"} {
			program.Env = append(program.Env, "KIBALI_"+name+"="+secret)
		}
		output, err := program.CombinedOutput()
		require.NotContains(t, string(output), secret, args)
		require.Equal(t, len(args) == 1, err != nil, string(output))
	}
}

func TestTheTableHasEverySetting(t *testing.T) {
	t.Parallel()
	code, out, _ := command(t, "config", "--markdown")
	require.Zero(t, code)
	rows := map[string]string{}
	for line := range strings.Lines(out) {
		if match := regexp.MustCompile("^\\| `(\\w+)` \\|").FindStringSubmatch(line); match != nil {
			require.Equal(t, 6, strings.Count(line, "|"), line)
			require.NotContains(t, rows, match[1])
			rows[match[1]] = line
		}
	}
	for _, name := range []string{"KIBALI_DATABASE_URL", "KIBALI_OWNER_DATABASE_URL", "KIBALI_SMS_SECRET", "TEMPORAL_ADDRESS", "TEMPORAL_API_KEY"} {
		require.Contains(t, rows, name)
	}
	require.Contains(t, rows["KIBALI_LISTEN"], "| `--listen` | `127.0.0.1:8080` | dev, serve |")
	require.Contains(t, rows["KIBALI_DATABASE_URL"], "staff create")
}
