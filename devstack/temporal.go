package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
)

// DefaultRetention is how long the dev server keeps closed workflows.
const DefaultRetention = 90 * 24 * time.Hour

// TemporalOptions says how a Temporal dev server is run.
type TemporalOptions struct {
	// Dir holds the server's database and its log. It is made when needed.
	Dir string
	// Port for gRPC and UIPort for the web UI; 0 picks a free one.
	Port, UIPort int
	// Headless runs without the web UI.
	Headless bool
	// Throwaway keeps the database in memory, makes Stop quick, and has it
	// remove Dir. What such a server knew is gone after Kill.
	Throwaway bool
	// Namespace is made when it is not there; "" means "default".
	Namespace string
	// Retention of the namespace; 0 means DefaultRetention.
	Retention time.Duration
	// SearchAttributes to register, by name: "Keyword", "Datetime", "Int", ...
	SearchAttributes map[string]string
	// DynamicConfig holds further server settings; values are marshalled to JSON.
	DynamicConfig map[string]any
	// Progress may be nil.
	Progress Progress
}

// Temporal is a Temporal dev server. Its methods may be called from several
// goroutines.
type Temporal struct {
	options TemporalOptions
	dir     string // absolute
	cli     string
	died    chan error

	mu         sync.Mutex
	port       int
	uiPort     int
	portsKnown bool // ports stay the same once the server has run on them
	server     *child
	lock       *folderLock
}

// StartTemporal starts a dev server in opts.Dir and returns once it answers and
// its namespace, retention and search attributes are as asked for. It fails
// with a fault.Conflict when another process uses the folder or a port.
func StartTemporal(ctx context.Context, opts TemporalOptions) (*Temporal, error) {
	return startTemporal(ctx, opts, make(chan error, 1))
}

func startTemporal(ctx context.Context, opts TemporalOptions, died chan error) (_ *Temporal, err error) {
	if opts.Progress == nil {
		opts.Progress = func(string, ...any) {}
	}
	if opts.Namespace == "" {
		opts.Namespace = client.DefaultNamespace
	}
	if opts.Retention == 0 {
		opts.Retention = DefaultRetention
	}
	t := &Temporal{options: opts, port: opts.Port, uiPort: opts.UIPort, died: died}
	if t.dir, err = filepath.Abs(opts.Dir); err != nil {
		return nil, err
	}
	if t.lock, err = lockFolder(t.dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.lock.release()
		}
	}()
	if t.cli, err = TemporalCLI(ctx, opts.Progress); err != nil {
		return nil, err
	}
	if err := t.Start(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// Start starts the server again after Kill, on the same ports and database, and
// returns once it answers. It does nothing while the server runs.
func (t *Temporal) Start(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lock == nil {
		return errors.New("the Temporal server was stopped")
	}
	if t.server != nil && !t.server.ended() {
		return nil
	}
	if err := endLeftBehind(t.pidFile(), syscall.SIGKILL); err != nil {
		return err
	}
	for range portAttempts {
		if err := t.choosePorts(); err != nil {
			return err
		}
		err := t.boot(ctx)
		if err == nil {
			t.portsKnown = true
			return nil
		}
		if !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return fmt.Errorf("start Temporal: %w, %d times in turn", errPortTaken, portAttempts)
}

// choosePorts picks the ports that are not given, and checks those that are.
func (t *Temporal) choosePorts() error {
	for _, port := range []struct {
		what  string
		given int
		value *int
		used  bool
	}{
		{"Temporal", t.options.Port, &t.port, true},
		{"The Temporal UI", t.options.UIPort, &t.uiPort, !t.options.Headless},
	} {
		if !port.used {
			continue
		}
		if t.portsKnown || port.given != 0 {
			if err := checkPort(port.what, *port.value); err != nil {
				return err
			}
			continue
		}
		free, err := freePort()
		if err != nil {
			return err
		}
		*port.value = free
	}
	return nil
}

// Stop stops the server and gives its folder back.
func (t *Temporal) Stop() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lock == nil {
		return nil
	}
	var err error
	if server := t.server; server != nil {
		t.server = nil
		var signals []syscall.Signal
		if !t.options.Throwaway {
			signals = []syscall.Signal{syscall.SIGTERM}
		}
		err = server.stop(10*time.Second, signals...)
	}
	if err == nil {
		err = removeIfThere(t.pidFile())
	}
	t.lock.release()
	t.lock = nil
	if t.options.Throwaway {
		err = errors.Join(err, os.RemoveAll(t.dir))
	}
	return err
}

// Kill ends the server with kill -9, as a crash would; Start starts it again.
func (t *Temporal) Kill() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	server := t.server
	t.server = nil
	if server == nil {
		return nil
	}
	return server.stop(5 * time.Second)
}

// Address is where the server answers gRPC: "127.0.0.1:<port>".
func (t *Temporal) Address() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return hostPort(t.port)
}

// UIURL is the address of the web UI, "" when there is none.
func (t *Temporal) UIURL() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.options.Headless {
		return ""
	}
	return "http://" + hostPort(t.uiPort)
}

// PID is the process id of the server, 0 when it does not run.
func (t *Temporal) PID() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.server.id()
}

// Namespace is the namespace that was made ready.
func (t *Temporal) Namespace() string { return t.options.Namespace }

// CLI is the path of the temporal program that runs the server; it is a client
// of it as well.
func (t *Temporal) CLI() string { return t.cli }

// Died yields one error when the server ends without Stop or Kill.
func (t *Temporal) Died() <-chan error { return t.died }

// LogFile is where the server writes its log.
func (t *Temporal) LogFile() string { return filepath.Join(t.dir, "temporal.log") }

func (t *Temporal) pidFile() string { return filepath.Join(t.dir, "temporal.pid") }
