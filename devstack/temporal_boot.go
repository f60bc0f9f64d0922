package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// boot starts the server and waits until it is ready. It returns errPortTaken
// when one of its ports was lost to another process.
func (t *Temporal) boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	args, err := t.serverArgs()
	if err != nil {
		return err
	}
	logFile, logStart, err := openLog(t.LogFile())
	if err != nil {
		return err
	}
	defer logFile.Close()
	server, err := process{
		title: "Temporal", path: t.cli, args: args, dir: t.dir, log: logFile,
		env:  cleanEnvironment("TEMPORAL_"), // which could point it at another configuration
		last: syscall.SIGKILL,               // its database is safe against that
	}.start()
	if err != nil {
		return err
	}
	if err := errors.Join(writePIDFile(t.pidFile(), server), t.awaitReady(ctx, server)); err != nil {
		reason := logSince(t.LogFile(), logStart)
		stopErr := server.stop(5 * time.Second)
		if strings.Contains(reason, "address already in use") {
			return errPortTaken
		}
		return errors.Join(fmt.Errorf("start Temporal: %w: %s (log: %s)", err, lastLines(reason, 6), t.LogFile()), stopErr)
	}
	t.server = server
	go t.watch(server)
	return nil
}

// watch reports the end of a server that nobody asked to end.
func (t *Temporal) watch(server *child) {
	<-server.done
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.server != server {
		return
	}
	t.server = nil
	select {
	case t.died <- fmt.Errorf("the Temporal server ended unexpectedly (%w); its log is %s", endOf(server), t.LogFile()):
	default: // an earlier death was not looked at yet
	}
}

func (t *Temporal) serverArgs() ([]string, error) {
	args := []string{
		"server", "start-dev", "--ip", loopback, "--port", strconv.Itoa(t.port),
		"--namespace", t.options.Namespace, "--log-level", "warn",
	}
	if t.options.Headless {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-port", strconv.Itoa(t.uiPort))
	}
	if !t.options.Throwaway {
		args = append(args, "--db-filename", filepath.Join(t.dir, "temporal.db"))
	}
	for _, name := range slices.Sorted(maps.Keys(t.options.SearchAttributes)) {
		args = append(args, "--search-attribute", name+"="+t.options.SearchAttributes[name])
	}
	for _, name := range slices.Sorted(maps.Keys(t.options.DynamicConfig)) {
		value, err := json.Marshal(t.options.DynamicConfig[name])
		if err != nil {
			return nil, fmt.Errorf("dynamic config %s: %w", name, err)
		}
		args = append(args, "--dynamic-config-value", name+"="+string(value))
	}
	return args, nil
}

// awaitReady returns nil once the server answers and the namespace is as asked
// for.
func (t *Temporal) awaitReady(ctx context.Context, server *child) error {
	ctx, cancel := server.whileAlive(ctx)
	defer cancel()
	err := t.dialUntilReady(ctx)
	if server.ended() {
		return endOf(server)
	}
	return err
}

func (t *Temporal) dialUntilReady(ctx context.Context) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", errors.Join(ctx.Err(), last))
		}
		// Nothing is asked of a port on which nobody listens yet: the client
		// would wait longer and longer between its attempts.
		if last = checkListening(t.port); last != nil {
			continue
		}
		if last = t.readyNamespace(ctx); last == nil {
			return nil
		}
	}
}

func (t *Temporal) readyNamespace(ctx context.Context) error {
	connection, err := client.DialContext(ctx, client.Options{
		HostPort: hostPort(t.port), Namespace: t.options.Namespace, Logger: silent{},
	})
	if err != nil {
		return err
	}
	defer connection.Close()
	return PrepareNamespace(ctx, connection, NamespaceOptions{
		Name: t.options.Namespace, Retention: t.options.Retention, SearchAttributes: t.options.SearchAttributes,
	})
}

// silent is an SDK logger that says nothing: while a server starts, failing to
// reach it is no news.
type silent struct{}

var _ log.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
