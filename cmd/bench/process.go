package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a server that runs as a child of the bench.
type server struct {
	command *exec.Cmd
	address string
}

// buildKibali builds the program that is measured, into the folder.
func buildKibali(ctx context.Context, dir string) (binary string, err error) {
	progress("building kibali")
	binary = filepath.Join(dir, "kibali")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "kibali/cmd/kibali") //nolint:gosec // the bench runs what it has built, and itself
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build kibali: %w", err)
	}
	return binary, nil
}

// startKibali starts `kibali serve` or `kibali worker` and waits until it says
// so.
func startKibali(ctx context.Context, binary, name, said string, settings ...string) (*server, error) {
	command := exec.CommandContext(ctx, binary, name) //nolint:gosec // the bench runs what it has built, and itself
	command.Env = append(os.Environ(), settings...)
	if cache, err := os.UserCacheDir(); err == nil {
		// So that a worker is not at work on the PDF library while it is measured.
		command.Env = append(command.Env, "KIBALI_CACHE_DIR="+filepath.Join(cache, "kibali", "pdf"))
	}
	output, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	return startServer(command, output, func(line string) string {
		var told struct{ Msg, Address, Operations string }
		if json.Unmarshal([]byte(line), &told) == nil && told.Msg == said {
			return cmp.Or(told.Address, told.Operations)
		}
		return ""
	})
}

// nowhere is an address at which nobody listens.
const nowhere = "127.0.0.1:1"

// startAPI starts `kibali serve` for reading, which takes no Temporal.
func startAPI(ctx context.Context, database, key, dir string) (*server, error) {
	binary, err := buildKibali(ctx, dir)
	if err != nil {
		return nil, err
	}
	return startReading(ctx, binary, database, key, dir)
}

// startReading is startAPI of a kibali that was built before, with more settings.
func startReading(ctx context.Context, binary, database, key, dir string, more ...string) (*server, error) {
	return startKibali(ctx, binary, "serve", "serving", append(more,
		"KIBALI_DATABASE_URL="+database, "KIBALI_SECRET_KEY="+key, "KIBALI_LISTEN=127.0.0.1:0", "KIBALI_OPERATIONS_LISTEN=127.0.0.1:0",
		"KIBALI_DOCUMENTS_URL=file://"+dir, "KIBALI_BASE_URL=http://127.0.0.1", "TEMPORAL_ADDRESS="+nowhere)...)
}

// runKibali runs a command of kibali to its end.
func runKibali(ctx context.Context, binary, name string, settings ...string) error {
	command := exec.CommandContext(ctx, binary, name) //nolint:gosec // the bench runs what it has built, and itself
	command.Env = append(os.Environ(), settings...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kibali %s: %w: %s", name, err, output)
	}
	return nil
}

// startSelf starts the bench once more, to do one of its hidden commands.
func startSelf(ctx context.Context, args ...string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, self, args...) //nolint:gosec // the bench runs what it has built, and itself
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return startServer(command, output, func(line string) string { return line })
}

// startServer starts a command and waits for it to say where it listens.
func startServer(command *exec.Cmd, output io.Reader, addressIn func(line string) string) (*server, error) {
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &server{command: command}
	lines := bufio.NewScanner(output)
	var said []string
	for lines.Scan() {
		if s.address = addressIn(lines.Text()); s.address != "" {
			go func() { _, _ = io.Copy(io.Discard, output) }() // until it ends
			return s, nil
		}
		said = append(said, lines.Text())
	}
	return nil, errors.Join(fmt.Errorf("%s does not start: %s", filepath.Base(command.Path), strings.Join(said, "\n")), command.Wait())
}

// stop asks the server to end and waits until it has.
func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := s.command.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// memory is what the server has resident, in MB; 0 where the system does not tell.
func (s *server) memory() int { return s.status("VmRSS") }

// peakMemory is the most memory that the server has had resident, in MB; 0
// where the system does not tell.
func (s *server) peakMemory() int { return s.status("VmHWM") }

func (s *server) status(name string) int { return processMemory(s.command.Process.Pid, name) }

// runWatched runs a command and returns what it printed, and the most memory
// that it had resident, in MB, as seen every few milliseconds. What the system
// says of a process that has ended includes the one that started it.
func runWatched(command *exec.Cmd) (output []byte, peak int, err error) {
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	if err := command.Start(); err != nil {
		return nil, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return printed.Bytes(), peak, err
		case <-tick.C:
			peak = max(peak, processMemory(command.Process.Pid, "VmHWM"))
		}
	}
}

func processMemory(pid int, name string) int {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kilobytes, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kilobytes / 1024
		}
	}
	return 0
}
