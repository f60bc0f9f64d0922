package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is the real program, as a process of its own.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	ended  chan struct{}
	mu     sync.Mutex
	output bytes.Buffer
}

// start starts the program with settings in the environment, "NAME=value".
func start(t *testing.T, settings []string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), asProgram+"=1"), settings...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("kibali %s:\n%s", strings.Join(args, " "), p.said())
		}
	})
	return p
}

// Write takes what the program prints.
func (p *program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(text)
}

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// until waits for something to come about while the program runs.
func (p *program) until(what string, ready func() bool) {
	p.t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-p.ended:
			require.FailNow(p.t, "the program has ended", "waiting for %s", what)
		case <-deadline:
			require.FailNow(p.t, "too slow", "waiting for %s", what)
		case <-tick.C:
		}
	}
}

// exit sends a signal and returns the exit code.
func (p *program) exit(signal syscall.Signal) int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(signal))
	return p.wait()
}

func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		require.FailNow(p.t, "the program does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// children returns the processes below the program that run, with their own.
func (p *program) children() []int { return processesBelow(p.t, p.cmd.Process.Pid) }

func processesBelow(t *testing.T, parent int) []int {
	t.Helper()
	output, err := exec.Command("ps", "-e", "-o", "pid=,ppid=,state=").Output()
	require.NoError(t, err)
	below := map[int][]int{}
	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] == "Z" {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		require.NoError(t, err)
		of, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		below[of] = append(below[of], pid)
	}
	var all []int
	for queue := below[parent]; len(queue) > 0; queue = queue[1:] {
		all = append(all, queue[0])
		queue = append(queue, below[queue[0]]...)
	}
	return all
}

// requireGone waits until none of the processes runs.
func requireGone(t *testing.T, pids []int) {
	t.Helper()
	require.NotEmpty(t, pids)
	require.Eventually(t, func() bool {
		for _, pid := range pids {
			state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
			if err == nil && strings.TrimSpace(string(state)) != "Z" {
				return false
			}
		}
		return true
	}, 15*time.Second, 50*time.Millisecond, "processes are left")
}

// caller sends requests with a credential.
type caller struct {
	t     *testing.T
	url   string
	token string
}

// send sends a request, checks the status and reads the answer into into.
func (c caller) send(method, path string, body any, status int, into any) {
	c.t.Helper()
	var content io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(c.t, err)
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, content)
	require.NoError(c.t, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := (&http.Client{Timeout: time.Minute}).Do(request)
	require.NoError(c.t, err)
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	require.NoError(c.t, err)
	require.Equal(c.t, status, answer.StatusCode, "%s %s: %s", method, path, read)
	if into != nil {
		require.NoError(c.t, json.Unmarshal(read, into), "%s", read)
	}
}

// register registers a company and returns the account's id.
func (c caller) register(email, phone string) string {
	c.t.Helper()
	var registered struct {
		Account struct {
			ID string `json:"id"`
		} `json:"account"`
	}
	c.send(http.MethodPost, "/v1/registrations", map[string]any{
		"name": "Asha Juma", "email": email, "phone": phone, "password": "Mvua-ya-masika-2026",
		"company": map[string]any{"name": "Juma Textiles Ltd", "industry": "retail"},
	}, http.StatusCreated, &registered)
	require.NotEmpty(c.t, registered.Account.ID)
	return registered.Account.ID
}

// status returns an account's status.
func (c caller) status(id string) string {
	c.t.Helper()
	var found struct {
		Account struct {
			Status string `json:"status"`
		} `json:"account"`
	}
	c.send(http.MethodGet, "/v1/accounts/"+id, nil, http.StatusOK, &found)
	return found.Account.Status
}
