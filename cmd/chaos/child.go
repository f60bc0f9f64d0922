package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// child is a process of the installation that is killed and started again, on
// the same ports and with the same log. It cannot outlive this process.
type child struct {
	name       string
	path       string
	args, env  []string
	logFile    string
	operations string // host:port of its health and metrics

	mu      sync.Mutex
	running *incarnation
	starts  int
}

// incarnation is one life of a child.
type incarnation struct {
	pid    int
	ended  chan struct{} // closed when it is over
	err    error         // how it ended; read after ended
	killed bool          // by us; guarded by the child's mutex
}

// start starts the process, unless it runs.
func (c *child) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return nil
	}
	log, err := os.OpenFile(c.logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(c.path, c.args...) //nolint:gosec,noctx // our own program; its life is longer than this call
	cmd.Env, cmd.Stdout, cmd.Stderr = slices.Concat(environment(), c.env), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this process, which then ends the others
	dieWithParent(cmd)
	life := &incarnation{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer log.Close()
		// The death of the parent is that of the thread which made the child.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("start %s: %w", c.name, err)
			return
		}
		life.pid = cmd.Process.Pid
		started <- nil
		life.err = cmd.Wait()
		close(life.ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	c.running = life
	c.starts++
	return nil
}

// end sends the signal and returns when the process is gone. One that does not
// heed it within patience is killed, which is an error.
func (c *child) end(signal syscall.Signal, patience time.Duration) error {
	c.mu.Lock()
	life := c.running
	c.running = nil
	if life != nil {
		life.killed = true
	}
	c.mu.Unlock()
	if life == nil {
		return nil
	}
	if err := syscall.Kill(life.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end %s: %w", c.name, err)
	}
	select {
	case <-life.ended:
		return nil
	case <-time.After(patience):
	}
	_ = syscall.Kill(life.pid, syscall.SIGKILL)
	<-life.ended
	return fmt.Errorf("%s did not end within %v of %v", c.name, patience, signal)
}

// kill is kill -9.
func (c *child) kill() error { return c.end(syscall.SIGKILL, 10*time.Second) }

// watch reports every life that ends by itself, and starts another one, until
// ctx ends.
func (c *child) watch(ctx context.Context, report *Report) {
	for ctx.Err() == nil {
		c.mu.Lock()
		life := c.running
		c.mu.Unlock()
		if life == nil {
			if pause(ctx, 20*time.Millisecond) != nil {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-life.ended:
		}
		c.mu.Lock()
		unasked := !life.killed
		if unasked {
			c.running = nil
		}
		c.mu.Unlock()
		if unasked && ctx.Err() == nil {
			report.breach("P1", "process ended by itself", "%s: %v; see %s", c.name, life.err, c.logFile)
			if err := c.start(); err != nil {
				report.breach("P1", "process does not start", "%v", err)
				return
			}
		}
	}
}

// environment is what a child gets of ours: nothing that configures it.
func environment() []string {
	var kept []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME"} {
		if value, ok := os.LookupEnv(name); ok {
			kept = append(kept, name+"="+value)
		}
	}
	return kept
}

// freeAddress is an address on loopback that nobody listens on, and that stays free
// while its process is away: its port is below those that systems give to outgoing
// connections.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	var err error
	for range 100 {
		var listener net.Listener
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(16_000+rand.IntN(16_000))) //nolint:gosec // no secret
		if listener, err = config.Listen(ctx, "tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", err
}
