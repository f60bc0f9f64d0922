package development

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"kibali/cmd/kibali/operations"
	"kibali/cmd/kibali/process"
	"kibali/devstack"
	"kibali/domain/cases"
	"kibali/migrations"
	"kibali/notify"
	"kibali/service"
	"kibali/web"
	"kibali/worker"
)

// Options say how development is run.
type Options struct {
	DataDir string
	Listen  string // of the API; port 0 picks one
	Demo    bool   // demo accounts beside the staff
	Version string // of this build
	Log     func(io.Writer) *slog.Logger
	Out     io.Writer // what a person reads
}

// logFile is the file of the data folder that the log goes to.
const logFile = "kibali.log"

// Run runs everything until ctx ends, and then stops it in order. It returns a
// fault.Conflict when the data folder or the port is in use, and an error when
// a part of it ends by itself.
func Run(ctx context.Context, o Options) (err error) {
	began := time.Now()
	f, err := openFolder(o.DataDir)
	if err != nil {
		return err
	}
	defer f.close()
	if err := f.remove(reportFile); err != nil {
		return err
	}
	listener, err := process.Listen(ctx, o.Listen, "--listen")
	if err != nil {
		return err
	}
	s := &system{Options: o, folder: f, began: began, listener: listener, failed: make(chan error, 4)}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			s.say("stopping ...")
			return nil // asked for
		}
		return err
	}
	select {
	case <-ctx.Done():
		s.say("stopping ...")
		return nil
	case err := <-s.failed:
		return err
	case err := <-s.stack.Died():
		return fmt.Errorf("a part of the development stack is gone, everything stops: %w", err)
	}
}

// system is everything that runs, as far as it runs already.
type system struct {
	Options
	folder   *folder
	began    time.Time
	listener net.Listener
	failed   chan error // something ended by itself

	sayLock sync.Mutex
	log     *slog.Logger
	keys    keys
	inbox   *notify.Inbox
	stack   *devstack.Stack
	process *process.Process
	gate    *gate
	// closeGate is set once the gate answers.
	closeGate func() error
	health    *operations.Health
	ops       net.Listener

	// stops are undone in reverse order.
	stops []func() error
}

func (s *system) onStop(stop func() error) { s.stops = append(s.stops, stop) }

// stop lets no more requests in, and undoes what start did, the last first.
func (s *system) stop() error {
	failures := []error{s.folder.remove(reportFile)}
	if s.health != nil {
		s.health.Stop()
	}
	if s.closeGate != nil {
		failures = append(failures, s.closeGate())
	} else {
		s.listener.Close()
	}
	for len(s.stops) > 0 {
		last := len(s.stops) - 1
		failures = append(failures, s.stops[last]())
		s.stops = s.stops[:last]
	}
	return errors.Join(failures...)
}

// say prints one line for a person.
func (s *system) say(format string, args ...any) {
	s.sayLock.Lock()
	defer s.sayLock.Unlock()
	fmt.Fprintf(s.Out, format+"\n", args...)
}

// start starts everything, and returns when all of it is ready.
func (s *system) start(ctx context.Context) error {
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"log", s.openLog},
		{"gate", s.openGate},
		{"keys", s.openKeys},
		{"servers", s.startServers},
		{"schema", s.migrate},
		{"parts", s.assemble},
		{"worker", s.startWorker},
		{"data", s.settle},
		{"API", s.openAPI},
	} {
		began := time.Now()
		if err := step.run(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.log.Debug("started", "part", step.name, "took", time.Since(began))
	}
	return nil
}

// maxLog is the size at which the log begins anew.
const maxLog = 32 << 20

func (s *system) openLog(context.Context) error {
	path := s.folder.file(logFile)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return fmt.Errorf("put the old log away: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	s.onStop(file.Close)
	s.log = s.Log(file)
	return nil
}

func (s *system) openKeys(context.Context) (err error) {
	if s.keys, err = openKeys(s.folder); err != nil {
		return err
	}
	if s.inbox, err = notify.OpenInbox(s.folder.file("inbox.jsonl")); err != nil {
		return err
	}
	s.onStop(s.inbox.Close)
	return nil
}

func (s *system) startServers(ctx context.Context) (err error) {
	s.stack, err = devstack.Start(ctx, devstack.Options{
		DataDir: s.folder.path, SearchAttributes: cases.SearchAttributes(), Progress: s.say,
	})
	if err != nil {
		return err
	}
	s.onStop(s.stack.Stop)
	return nil
}

func (s *system) migrate(ctx context.Context) error {
	applied, err := migrations.Apply(ctx, s.stack.OwnerURL())
	if len(applied) > 0 {
		s.say("schema: applied %d migrations", len(applied))
	}
	return err
}

func (s *system) assemble(ctx context.Context) error {
	pool, err := pgxpool.ParseConfig(s.stack.AppURL())
	if err != nil {
		return errors.New("the development stack's database URL cannot be read")
	}
	pool.MaxConns = 20
	pool.ConnConfig.RuntimeParams["application_name"] = "kibali dev"
	storage := url.URL{Scheme: "file", Path: filepath.ToSlash(s.folder.file("documents"))}
	s.process, err = process.New(ctx, process.Blueprint{
		Pool: pool, Documents: storage.String(), Hashes: hashes, Version: s.Version, Log: s.log,
		SecretKey: []byte(s.keys.SecretKey), Platform: "Kibali", BaseURL: s.url(), Limits: service.DefaultLimits().Crowded(crowd),
		Temporal: client.Options{HostPort: s.stack.Temporal.Address(), Namespace: s.stack.Temporal.Namespace()},
	})
	if err != nil {
		return err
	}
	s.onStop(func() error {
		s.process.Close()
		return nil
	})
	s.health = operations.NewHealth(s.log, s.process.DatabaseProbe(), s.process.TemporalProbe(false), s.process.DocumentsProbe())
	if s.ops, err = process.Listen(ctx, "127.0.0.1:0", "--listen"); err != nil {
		return err
	}
	stopOperations := process.ServeOperations(s.ops, s.health, s.process.Metrics, s.log)
	s.onStop(func() error {
		stopOperations()
		return nil
	})
	return nil
}

// crowd is how many times as much one address may do as elsewhere: here everybody
// comes from one.
const crowd = 100

// hashes is how many passwords are hashed at a time.
const hashes = 4

func (s *system) startWorker(ctx context.Context) error {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		err := s.process.Work(working, process.Work{
			BuildID: s.Version, CacheDir: cacheDir(s.folder), Email: s.inbox, SMS: s.inbox, Platform: "Kibali", BaseURL: s.url(),
		})
		ended <- err
		if working.Err() == nil {
			s.failed <- fmt.Errorf("the worker has ended: %w", err)
		}
	}()
	s.onStop(func() error {
		cancel()
		return <-ended
	})
	if err := s.deploy(ctx); err != nil {
		return err
	}
	return s.process.WaitForWorker(ctx)
}

// deployedFile is the file of the data folder that names the build that was
// made current last.
const deployedFile = "deployed.json"

// deploy makes this build current. Temporal remembers it, but takes seconds to
// answer for it after a start: with a build that was current before nobody
// waits for that.
func (s *system) deploy(ctx context.Context) error {
	var current string
	if _, err := s.folder.read(deployedFile, &current); err != nil {
		return err
	}
	if current != s.Version {
		deploying, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if err := worker.Deploy(deploying, s.process.Temporal, s.Version); err != nil {
			return err
		}
		return s.folder.write(deployedFile, s.Version)
	}
	deploying, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := worker.Deploy(deploying, s.process.Temporal, s.Version); err != nil && !errors.Is(deploying.Err(), context.Canceled) {
			s.log.Warn("the build could not be made current again", "cause", err.Error())
		}
	}()
	s.onStop(func() error {
		cancel()
		<-ended
		return nil
	})
	return nil
}

// cacheDir is where the compiled PDF library is kept: it is the same for every
// data folder of a user.
func cacheDir(f *folder) string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "kibali", "pdf")
	}
	return f.file("cache")
}

// url is where the API is, for someone on this machine.
func (s *system) url() string {
	address, ok := s.listener.Addr().(*net.TCPAddr)
	if ok && address.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", address.Port)
	}
	return "http://" + s.listener.Addr().String()
}

const inboxPath = "/dev/inbox.json"

// openAPI lets requests in and says that everything is ready.
func (s *system) openAPI(context.Context) error {
	site, err := web.NewSite(s.url())
	if err != nil {
		return err
	}
	faces, err := s.process.Web(process.Front{Site: site, TemporalUI: s.stack.Temporal.UIURL()})
	if err != nil {
		return err
	}
	s.gate.open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == inboxPath { // no mux: the faces see every other path as it is
			s.inbox.ServeHTTP(w, r)
			return
		}
		faces.ServeHTTP(w, r)
	}))
	r := report{
		URL: s.url(), TemporalUIURL: s.stack.Temporal.UIURL(), TemporalAddress: s.stack.Temporal.Address(),
		TemporalNamespace: s.stack.Temporal.Namespace(), TemporalCLI: s.stack.Temporal.CLI(), DatabaseURL: s.stack.OwnerURL(),
		InboxURL: s.url() + inboxPath, OperationsURL: "http://" + s.ops.Addr().String(),
		Staff: s.keys.Staff, ServiceToken: s.keys.ServiceToken, DemoUser: s.demoLogin(), PID: os.Getpid(), Version: s.Version,
	}
	release, err := s.folder.guard()
	if err != nil {
		return err
	}
	s.onStop(release)
	if err := s.folder.write(reportFile, r); err != nil {
		return err
	}
	s.say("Kibali is ready after %.1f s.", time.Since(s.began).Seconds())
	r.print(s.Out, s.folder)
	return nil
}
