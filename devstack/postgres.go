package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// The roles and the database that every cluster has.
const (
	SuperuserRole = "postgres"
	OwnerRole     = "kibali_owner" // owns the database; migrations run as it
	AppRole       = "kibali_app"   // what serve and worker connect as; migrations grant it what it may do
	DatabaseName  = "kibali"
)

// Progress is told what is going on, in the manner of fmt.Printf, one line at a
// time and without the line's end. It may be called from several goroutines.
type Progress func(format string, args ...any)

// PostgresOptions says how a cluster is run.
type PostgresOptions struct {
	// Dir holds the cluster, its passwords and its log. It is made when needed.
	Dir string
	// Port to listen on; 0 picks a free one.
	Port int
	// Durable has every commit reach the disk. Without it commits survive a kill
	// of PostgreSQL but not a crash of the machine, and are several times faster.
	Durable bool
	// Throwaway makes Stop quick and unclean, and has it remove the data.
	Throwaway bool
	// Settings are server settings that replace the defaults, by name.
	Settings map[string]string
	// Progress may be nil.
	Progress Progress
}

// Postgres is a private PostgreSQL cluster. Its methods may be called from
// several goroutines.
type Postgres struct {
	dir       string // absolute
	throwaway bool
	durable   bool
	settings  map[string]string
	fixedPort bool
	progress  Progress
	died      chan error

	search    postgresSearch
	source    postgresSource
	cache     string // what is fetched or prepared once is kept here
	account   *account
	binaries  postgresBinaries
	place     string
	passwords passwords

	mu     sync.Mutex
	port   int
	server *child
	lock   *folderLock
}

// StartPostgres makes the cluster in opts.Dir when there is none, starts it and
// returns once it answers. It fails with a fault.Conflict when another process
// uses the folder or the port.
func StartPostgres(ctx context.Context, opts PostgresOptions) (*Postgres, error) {
	return startPostgres(ctx, opts, make(chan error, 1))
}

func startPostgres(ctx context.Context, opts PostgresOptions, died chan error) (_ *Postgres, err error) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, err
	}
	p := &Postgres{
		dir: dir, throwaway: opts.Throwaway, durable: opts.Durable, settings: opts.Settings,
		port: opts.Port, fixedPort: opts.Port != 0, progress: opts.Progress, died: died, search: defaultPostgresSearch(), source: mavenCentral,
	}
	if p.progress == nil {
		p.progress = func(string, ...any) {}
	}
	if p.cache, err = cacheFolder(); err != nil {
		return nil, err
	}
	if p.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.lock.release()
		}
	}()
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	if err := p.settle(ctx); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		return nil, errors.Join(err, p.endServer())
	}
	return p, nil
}

// prepare finds the programs and makes the cluster, without starting it.
func (p *Postgres) prepare(ctx context.Context) (err error) {
	if p.account, err = unprivilegedAccount(); err != nil {
		return err
	}
	if p.place, err = p.clusterPlace(ctx); err != nil {
		return err
	}
	if p.binaries, err = p.findPostgres(ctx); err != nil {
		return err
	}
	if err := p.bringBinaries(ctx); err != nil {
		return err
	}
	return p.ensureCluster(ctx)
}

// Start starts the cluster again after Kill, on the same port and data, and
// returns once it answers. It does nothing while the cluster runs.
func (p *Postgres) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lock == nil {
		return errors.New("the cluster was stopped")
	}
	if p.server != nil && !p.server.ended() {
		return nil
	}
	if err := p.endEarlierServer(); err != nil {
		return err
	}
	for range portAttempts {
		err := p.boot(ctx)
		if err == nil {
			p.fixedPort = true
			return nil
		}
		if !errors.Is(err, errPortTaken) {
			return err
		}
		if p.fixedPort {
			return portInUse("PostgreSQL", p.port)
		}
	}
	return fmt.Errorf("start PostgreSQL: %w, for %d ports in turn", errPortTaken, portAttempts)
}

// Stop stops the cluster and gives its folder back.
func (p *Postgres) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lock == nil {
		return nil
	}
	err := p.endServer()
	p.lock.release()
	p.lock = nil
	if p.throwaway {
		err = errors.Join(err, p.removeData())
	}
	return err
}

// endServer asks the server to end: cleanly, or at once when the data is thrown
// away anyhow.
func (p *Postgres) endServer() error {
	server := p.server
	p.server = nil
	if server == nil {
		return nil
	}
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} // "fast", then "immediate" shutdown
	if p.throwaway {
		signals = signals[1:]
	}
	if err := server.stop(20*time.Second, signals...); err != nil {
		return err
	}
	return removeIfThere(p.pidFile())
}

// Kill ends the whole cluster with kill -9, as a crash would; Start starts it
// again. It returns when nothing of it runs any more.
func (p *Postgres) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return nil
	}
	server := p.server
	p.server = nil
	// The postmaster is held still first, so that it starts nothing new.
	if err := syscall.Kill(server.pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	backends := map[int]string{}
	for _, pid := range processChildren(server.pid) {
		backends[pid] = processIdentity(pid)
	}
	for pid := range backends {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill PostgreSQL: %w", err)
		}
	}
	if err := server.stop(5 * time.Second); err != nil {
		return err
	}
	for pid, identity := range backends {
		if identity != "" && !waitUntil(5*time.Second, func() bool { return processIdentity(pid) != identity }) {
			return fmt.Errorf("kill PostgreSQL: process %d does not end", pid)
		}
	}
	return nil
}

// Port is the TCP port that the cluster listens on, at 127.0.0.1.
func (p *Postgres) Port() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.port
}

// PID is the process id of the cluster's first process, 0 when none runs.
func (p *Postgres) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server.id()
}

// Version is the version of PostgreSQL, such as "15.18".
func (p *Postgres) Version() string { return p.binaries.version }

// Program is the path of one of PostgreSQL's own programs, such as pgbench. It
// may not be there: not every installation has all of them.
func (p *Postgres) Program(name string) string { return p.binaries.path(name) }

// Died yields one error when the server ends without Stop or Kill.
func (p *Postgres) Died() <-chan error { return p.died }

// SuperuserURL is the address of a database for the cluster's superuser.
func (p *Postgres) SuperuserURL(database string) string {
	return p.url(SuperuserRole, p.passwords.Superuser, database)
}

// OwnerURL is the address of a database for the role that owns it.
func (p *Postgres) OwnerURL(database string) string {
	return p.url(OwnerRole, p.passwords.Owner, database)
}

// AppURL is the address of a database for the role of the application.
func (p *Postgres) AppURL(database string) string {
	return p.url(AppRole, p.passwords.App, database)
}

func (p *Postgres) url(role, password, database string) string {
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password), Host: hostPort(p.Port()),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return address.String()
}

// LogFile is where the server writes its log.
func (p *Postgres) LogFile() string { return filepath.Join(p.dir, "postgres.log") }

func (p *Postgres) pidFile() string    { return filepath.Join(p.dir, "postgres.pid") }
func (p *Postgres) clusterDir() string { return filepath.Join(p.place, "cluster") }

func (p *Postgres) removeData() error {
	if p.place != p.dir {
		if err := os.RemoveAll(p.place); err != nil {
			return fmt.Errorf("remove the cluster: %w", err)
		}
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("remove the cluster: %w", err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
