package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// bootLimit is how long a server may take until it answers, recovery from a
// crash included.
const bootLimit = 60 * time.Second

// errClusterBusy says that processes of an earlier server still end.
var errClusterBusy = errors.New("an earlier server still uses the cluster")

// boot starts the server and waits until it answers. It returns errPortTaken
// when the port was lost to another process.
func (p *Postgres) boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	if p.fixedPort {
		if err := checkPort("PostgreSQL", p.port); err != nil {
			return err
		}
	} else {
		port, err := freePort()
		if err != nil {
			return err
		}
		p.port = port
	}
	for {
		err := p.bootOnce(ctx)
		if !errors.Is(err, errClusterBusy) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
	}
}

func (p *Postgres) bootOnce(ctx context.Context) error {
	log, logStart, err := openLog(p.LogFile())
	if err != nil {
		return err
	}
	defer log.Close()
	server, err := process{
		title: "PostgreSQL", path: p.binaries.path("postgres"), args: p.serverArgs(), dir: p.place,
		env: postgresEnvironment(), as: p.account, log: log,
		// "Immediate" shutdown: the postmaster ends its backends and frees its
		// shared memory; the next start recovers from the write-ahead log.
		last: syscall.SIGQUIT,
	}.start()
	if err != nil {
		return err
	}
	if err := errors.Join(writePIDFile(p.pidFile(), server), p.awaitAnswer(ctx, server)); err != nil {
		reason := logSince(p.LogFile(), logStart)
		stopErr := server.stop(5*time.Second, syscall.SIGQUIT)
		switch {
		case strings.Contains(reason, "could not create any TCP/IP sockets"):
			return errPortTaken
		case strings.Contains(reason, "pre-existing shared memory block"):
			return errClusterBusy
		}
		return errors.Join(fmt.Errorf("start PostgreSQL %s: %w: %s (log: %s)",
			p.binaries.version, err, lastLines(reason, 6), p.LogFile()), stopErr)
	}
	p.server = server
	go p.watch(server)
	return nil
}

// watch reports the end of a server that nobody asked to end.
func (p *Postgres) watch(server *child) {
	<-server.done
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != server {
		return
	}
	p.server = nil
	select {
	case p.died <- fmt.Errorf("PostgreSQL ended unexpectedly (%w); its log is %s", endOf(server), p.LogFile()):
	default: // an earlier death was not looked at yet
	}
}

func endOf(c *child) error {
	if c.err == nil {
		return errors.New("exit status 0")
	}
	return c.err
}

// awaitAnswer returns nil once the server lets the superuser in.
func (p *Postgres) awaitAnswer(ctx context.Context, server *child) error {
	ctx, cancel := server.whileAlive(ctx)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		select {
		case <-ctx.Done():
			if server.ended() {
				return endOf(server)
			}
			return fmt.Errorf("it does not answer: %w", errors.Join(ctx.Err(), last))
		case <-tick.C:
		}
		// Only this cluster knows the password, so whoever lets us in is it.
		connection, err := p.connectSuperuser(ctx, SuperuserRole)
		if err == nil {
			return connection.Close(ctx)
		}
		last = err
	}
}

// connectSuperuser connects to a database. A new cluster still has the password
// that it was made with until settle gives it its own.
func (p *Postgres) connectSuperuser(ctx context.Context, database string) (*pgx.Conn, error) {
	var failures []error
	for _, password := range []string{p.passwords.Superuser, p.passwords.Initial} {
		if password == "" {
			continue
		}
		config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s sslmode=disable connect_timeout=5",
			loopback, p.port, SuperuserRole, password, database))
		if err != nil {
			return nil, err
		}
		connection, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			return connection, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func (p *Postgres) serverArgs() []string {
	settings := map[string]string{
		"listen_addresses":        loopback,
		"port":                    strconv.Itoa(p.port),
		"unix_socket_directories": "",
		"max_connections":         "200",
		"shared_buffers":          "256MB",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"lc_messages":             "C", // bootOnce reads the log
		"logging_collector":       "off",
		"log_error_verbosity":     "terse", // the details of an error quote rows
	}
	if !p.durable {
		// Commits still reach the system's memory one by one, and so survive a
		// kill: with synchronous_commit off they would not.
		maps.Copy(settings, map[string]string{"fsync": "off", "full_page_writes": "off"})
	}
	maps.Copy(settings, p.settings)
	args := []string{"-D", p.clusterDir()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// postgresEnvironment lacks what would point the programs at another cluster
// or have them speak another language.
func postgresEnvironment() []string {
	return append(cleanEnvironment("PG", "LC_", "LANG", "LANGUAGE"), "LC_ALL=C")
}

// endEarlierServer ends what an earlier start left behind in the cluster, so that a new
// server can start.
func (p *Postgres) endEarlierServer() error {
	if err := endLeftBehind(p.pidFile(), syscall.SIGQUIT); err != nil {
		return err
	}
	path := filepath.Join(p.clusterDir(), "postmaster.pid")
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the cluster's own pid file: %w", err)
	}
	first, rest, _ := bytes.Cut(content, []byte("\n"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(first)))
	if err != nil || pid < 2 {
		return os.Remove(path) // cut short by a crash
	}
	if strings.Contains(processCommand(pid), "-D "+p.clusterDir()+" ") {
		p.progress("ending PostgreSQL process %d, left behind by an earlier start", pid)
		return endProcess(pidFile{PID: pid, Identity: processIdentity(pid)}, syscall.SIGQUIT)
	}
	if syscall.Kill(pid, 0) != nil {
		return nil // PostgreSQL sees for itself that the process is gone
	}
	// Another process has the number now, for which PostgreSQL would refuse to
	// start. With its parent's number there it does not, and still checks that
	// no backend of the earlier server is alive, as it would not without a file.
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("renew the cluster's own pid file: %w", err)
	}
	defer file.Close()
	_, err = fmt.Fprintf(file, "%d\n%s", os.Getpid(), rest)
	return err
}

// logLimit is the size above which a log is put aside by the next start.
const logLimit = 16 << 20

// openLog opens a log to append to, and returns its present size.
func openLog(path string) (*os.File, int64, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, 0, err
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open the log: %w", err)
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, end, nil
}

// logSince returns what was logged after the log had the given size.
func logSince(path string, start int64) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	content, err := io.ReadAll(io.NewSectionReader(file, start, 1<<20))
	if err != nil {
		return err.Error()
	}
	return string(content)
}
