package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	"golang.org/x/sync/errgroup"

	"kibali/devstack"
	"kibali/documents"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/policy"
	"kibali/migrations"
	"kibali/store"
)

// installation is Kibali as it is run for real, and what it talks to.
type installation struct {
	dir       string
	stack     *devstack.Stack
	program   string
	serves    []*child
	workers   []*child
	replicas  []string // base URLs of the serves
	provider  *provider
	staff     []staffMember // the first one is an admin, the others review
	finance   []staffMember
	gateway   string // the credential of the platform's own gateway
	auditor   *auditor
	canaries  *canaries
	documents *documents.Store
	superuser *pgxpool.Pool
	temporal  client.Client
	report    *Report
	watching  sync.WaitGroup
	unwatch   context.CancelFunc
}

type staffMember struct{ name, token string }

// install builds the program and starts an installation of two serve and two
// worker processes.
func install(ctx context.Context, dir string, report *Report, random *rand.Rand) (i *installation, err error) {
	i = &installation{dir: dir, report: report, canaries: newCanaries(random), program: filepath.Join(dir, "kibali")}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.stop())
		}
	}()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return build(groupCtx, i.program) })
	group.Go(func() (err error) {
		i.stack, err = devstack.Start(ctx, devstack.Options{
			DataDir: filepath.Join(dir, "stack"), Durable: true, Headless: true, SearchAttributes: cases.SearchAttributes(),
		})
		return err
	})
	if err := group.Wait(); err != nil {
		return i, err
	}
	if i.provider, err = startProvider(ctx, report, random); err != nil {
		return i, err
	}
	if err := i.connect(ctx); err != nil {
		return i, err
	}
	if i.auditor, err = newAuditor(ctx, i.stack.AppURL(), report); err != nil {
		return i, err
	}
	if err := i.startProcesses(ctx, report); err != nil {
		return i, err
	}
	err = i.hire(ctx)
	return i, err
}

func build(ctx context.Context, program string) error {
	output, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "kibali/cmd/kibali").CombinedOutput() //nolint:gosec // the path is ours
	if err != nil {
		return fmt.Errorf("build kibali: %w: %s", err, output)
	}
	return nil
}

// connect makes the schema and opens what the checks look with.
func (i *installation) connect(ctx context.Context) (err error) {
	if err := migrations.Migrate(ctx, i.stack.OwnerURL()); err != nil {
		return err
	}
	if err := i.setPolicy(ctx); err != nil {
		return err
	}
	if i.superuser, err = pgxpool.New(ctx, i.stack.SuperuserURL()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(i.dir, "documents"), 0o700); err != nil {
		return err
	}
	if i.documents, err = documents.Open(ctx, i.documentsURL()); err != nil {
		return err
	}
	i.temporal, err = client.NewLazyClient(client.Options{
		HostPort: i.stack.Temporal.Address(), Namespace: i.stack.Temporal.Namespace(), Logger: quiet(),
	})
	return err
}

func (i *installation) documentsURL() string {
	return "file://" + filepath.ToSlash(filepath.Join(i.dir, "documents"))
}

// setPolicy puts a policy in force that has no quiet hours: the hour of a run
// must not decide whether its SMS are sent. Unknown outcomes of messages are
// settled soon, and staff may give much alone: they give for hours.
func (i *installation) setPolicy(ctx context.Context) error {
	db, err := store.Open(ctx, i.stack.AppURL())
	if err != nil {
		return err
	}
	defer db.Close()
	return db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		p := policy.Default()
		p.QuietHours = nil
		p.TopUps.Alone = alone
		p.Messages.Settle, p.Messages.GiveUp = policy.Duration(10*time.Second), policy.Duration(10*time.Minute)
		_, err := tx.InsertPolicy(ctx, p, actor.Actor{Kind: actor.System}, "A run that breaks everything.", time.Now().UTC().Truncate(time.Microsecond))
		return err
	})
}

// startProcesses starts the serves and workers, makes their build current and
// returns when all are ready.
func (i *installation) startProcesses(ctx context.Context, report *Report) error {
	var watched context.Context
	watched, i.unwatch = context.WithCancel(context.WithoutCancel(ctx))
	for n := range 2 {
		serve, base, err := i.newServe(ctx, n+1)
		if err != nil {
			return err
		}
		worker, err := i.newWorker(ctx, n+1)
		if err != nil {
			return err
		}
		i.serves, i.workers, i.replicas = append(i.serves, serve), append(i.workers, worker), append(i.replicas, base)
	}
	for _, c := range i.processes() {
		if err := c.start(); err != nil {
			return err
		}
		i.watching.Go(func() { c.watch(watched, report) })
	}
	if _, err := i.command(ctx, "deploy"); err != nil {
		return err
	}
	return i.ready(ctx, i.processes()...)
}

func (i *installation) processes() []*child { return slices.Concat(i.serves, i.workers) }

func (i *installation) newServe(ctx context.Context, n int) (c *child, base string, err error) {
	listen, err := freeAddress(ctx)
	if err != nil {
		return nil, "", err
	}
	c, err = i.newChild(ctx, fmt.Sprintf("serve-%d", n), "serve",
		"KIBALI_LISTEN="+listen, "KIBALI_LIMIT_REGISTRATION_ADDRESS=0", "KIBALI_LIMIT_LOGIN_ADDRESS=0", "KIBALI_LIMIT_UPLOAD_ADDRESS=0",
		"KIBALI_LIMIT_RESET_ADDRESS=0")
	return c, "http://" + listen, err
}

func (i *installation) newWorker(ctx context.Context, n int) (*child, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return i.newChild(ctx, fmt.Sprintf("worker-%d", n), "worker",
		"KIBALI_CACHE_DIR="+filepath.Join(cache, "kibali", "pdf"),
		"KIBALI_EMAIL_PROVIDER=sendgrid", "KIBALI_EMAIL_URL="+i.provider.address,
		"KIBALI_EMAIL_API_KEY="+i.canaries.secret+"-mail", "KIBALI_EMAIL_FROM=kibali@kibali.example",
		"KIBALI_SMS_PROVIDER=twilio", "KIBALI_SMS_BASE_URL="+i.provider.address, "KIBALI_SMS_USERNAME=AC00000000000000000000000000000000",
		"KIBALI_SMS_SECRET="+i.canaries.secret+"-sms", "KIBALI_SMS_SENDER_ID=KIBALI")
}

func (i *installation) newChild(ctx context.Context, name, command string, env ...string) (*child, error) {
	operations, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	return &child{
		name: name, path: i.program, args: []string{command}, operations: operations,
		env: append(i.environment(), append(env, "KIBALI_OPERATIONS_LISTEN="+operations)...), logFile: filepath.Join(i.dir, name+".log"),
	}, nil
}

func (i *installation) environment() []string {
	return []string{
		"KIBALI_DATABASE_URL=" + i.stack.AppURL(), "KIBALI_DOCUMENTS_URL=" + i.documentsURL(),
		"KIBALI_BASE_URL=https://kibali.example", "KIBALI_PLATFORM_NAME=Kibali Test",
		"KIBALI_SECRET_KEY=" + strings.Repeat(i.canaries.secret, 3),
		"TEMPORAL_ADDRESS=" + i.stack.Temporal.Address(), "TEMPORAL_NAMESPACE=" + i.stack.Temporal.Namespace(),
	}
}

// command runs a command of the program to its end and returns what it printed.
func (i *installation) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, i.program, args...) //nolint:gosec // our own program
	cmd.Env = slices.Concat(environment(), i.environment())
	var errs bytes.Buffer
	cmd.Stderr = &errs
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("kibali %s: %w: %s", args[0], err, errs.String())
	}
	return string(output), nil
}

// hire makes an admin, three reviewers, two who look after credits, and the
// platform's own gateway.
func (i *installation) hire(ctx context.Context) error {
	for n, role := range []actor.Role{actor.Admin, actor.Reviewer, actor.Reviewer, actor.Reviewer, actor.Finance, actor.Finance} {
		name := fmt.Sprintf("%s Staff %d", i.canaries.word, n)
		token, err := i.credential(ctx, "staff", "create", "--role", string(role), "--name", name,
			"--email", fmt.Sprintf("%s.staff%d@kibali.example", i.canaries.word, n))
		if err != nil {
			return err
		}
		if role == actor.Finance {
			i.finance = append(i.finance, staffMember{name: name, token: token})
		} else {
			i.staff = append(i.staff, staffMember{name: name, token: token})
		}
	}
	var err error
	i.gateway, err = i.credential(ctx, "service", "create", "--name", "Gateway")
	return err
}

// credential runs a command whose last line is a credential.
func (i *installation) credential(ctx context.Context, args ...string) (string, error) {
	output, err := i.command(ctx, args...)
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return lines[len(lines)-1], err
}

// ready returns when the processes answer that they are ready.
func (i *installation) ready(ctx context.Context, processes ...*child) error {
	probe := &http.Client{Timeout: 3 * time.Second}
	for _, c := range processes {
		err := until(ctx, time.Minute, 50*time.Millisecond, c.name+" is not ready", func() (bool, error) {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.operations+"/readyz", http.NoBody)
			if err != nil {
				return false, err
			}
			answer, err := probe.Do(request)
			if err != nil {
				return false, err
			}
			return answer.StatusCode == http.StatusOK, answer.Body.Close()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stop ends everything; the processes gracefully, which they owe to do.
func (i *installation) stop() error {
	var failures []error
	if i.unwatch != nil {
		i.unwatch()
	}
	for _, c := range i.processes() {
		failures = append(failures, c.end(syscall.SIGTERM, 40*time.Second))
	}
	i.watching.Wait()
	if i.temporal != nil {
		i.temporal.Close()
	}
	if i.documents != nil {
		failures = append(failures, i.documents.Close())
	}
	if i.superuser != nil {
		i.superuser.Close()
	}
	if i.auditor != nil {
		i.auditor.close()
	}
	if i.provider != nil {
		i.provider.stop()
	}
	if i.stack != nil {
		failures = append(failures, i.stack.Stop())
	}
	return errors.Join(failures...)
}

// quiet is a logger for clients whose failures are part of the test.
func quiet() temporallog.Logger { return silent{} }

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
