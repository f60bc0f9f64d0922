package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process describes a child process before it runs.
type process struct {
	title string // names it in messages: "PostgreSQL"
	path  string
	args  []string
	dir   string
	env   []string
	as    *account       // whose rights it runs with; nil: the caller's
	log   *os.File       // takes its output
	last  syscall.Signal // what it is sent when this process dies
}

// child is a process that runs, or did.
type child struct {
	title string
	pid   int
	last  syscall.Signal
	done  chan struct{} // closed when it has ended
	err   error         // how it ended; read after done
}

// start starts the process so that it cannot outlive this one: when this
// process dies, however it dies, the child is sent its last signal.
//
// It gets a process group of its own, so that Ctrl-C in a terminal reaches this
// process only, which then stops its children in order.
func (p process) start() (*child, error) { return p.launch(nil) }

// run runs the process to its end and returns what it printed. Cancelling ctx
// kills it and what it started.
func (p process) run(ctx context.Context) (string, error) {
	var output bytes.Buffer
	c, err := p.launch(&output)
	if err != nil {
		return "", err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
		<-c.done
		return output.String(), ctx.Err()
	}
	if c.err != nil {
		return output.String(), fmt.Errorf("%s: %w: %s", p.title, c.err, lastLines(output.String(), 5))
	}
	return output.String(), nil
}

func (p process) launch(output *bytes.Buffer) (*child, error) {
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	if output != nil {
		cmd.Stdout, cmd.Stderr = output, output
	} else if p.log != nil {
		cmd.Stdout, cmd.Stderr = p.log, p.log
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.as != nil {
		cmd.SysProcAttr.Credential = p.as.credential()
	}
	last := p.last
	if last == 0 {
		last = syscall.SIGKILL
	}
	dieWithParent(cmd, last)

	c := &child{title: p.title, last: last, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// On Linux a child is told of the death of the *thread* that made it, so
		// that thread has to live as long as the child does.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("start %s: %w", p.title, err)
			return
		}
		c.pid = cmd.Process.Pid
		release := watchParent(c.pid, last)
		started <- nil
		c.err = cmd.Wait()
		release()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// id is the process id, 0 for no process.
func (c *child) id() int {
	if c == nil {
		return 0
	}
	return c.pid
}

// ended reports whether the process has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// whileAlive returns a context that is cancelled when the process ends, for
// what is vain to wait for after that.
func (c *child) whileAlive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// stop sends the signals one after another, giving the process the patience to
// end after each, and kills it in the end.
func (c *child) stop(patience time.Duration, signals ...syscall.Signal) error {
	for _, signal := range append(signals, syscall.SIGKILL) {
		if err := syscall.Kill(c.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) && !c.ended() {
			return fmt.Errorf("stop %s: %w", c.title, err)
		}
		select {
		case <-c.done:
			return nil
		case <-time.After(patience):
		}
	}
	return fmt.Errorf("%s, process %d, does not end", c.title, c.pid)
}

// lastLines returns the last n lines of text that are not empty, on one line.
func lastLines(text string, n int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}

// cleanEnvironment is this process's environment without the variables that
// begin with one of the prefixes, which would change what a child does.
func cleanEnvironment(prefixes ...string) []string {
	var kept []string
	for _, variable := range os.Environ() {
		drop := false
		for _, prefix := range prefixes {
			drop = drop || strings.HasPrefix(variable, prefix)
		}
		if !drop {
			kept = append(kept, variable)
		}
	}
	return kept
}
