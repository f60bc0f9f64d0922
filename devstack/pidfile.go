package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// pidFile remembers a child, so that a later start can end it should it have
// been left behind.
type pidFile struct {
	PID      int    `json:"pid"`
	Identity string `json:"identity"` // tells the process from a later one with the same pid
}

func writePIDFile(path string, c *child) error {
	content, err := json.Marshal(pidFile{PID: c.pid, Identity: processIdentity(c.pid)})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("remember the process of %s: %w", c.title, err)
	}
	return nil
}

// endLeftBehind ends the process that the pid file remembers when it still
// runs, first with the given signal, and removes the file. A process that only
// happens to have the same pid is not touched.
func endLeftBehind(path string, signal syscall.Signal) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var remembered pidFile
	// A file cut short by a crash remembers nothing.
	if json.Unmarshal(content, &remembered) == nil && remembered.PID > 1 && remembered.Identity != "" {
		if err := endProcess(remembered, signal); err != nil {
			return err
		}
	}
	return os.Remove(path)
}

func endProcess(p pidFile, signal syscall.Signal) error {
	for _, s := range []syscall.Signal{signal, syscall.SIGKILL} {
		if processIdentity(p.PID) != p.Identity {
			return nil
		}
		if err := syscall.Kill(p.PID, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end process %d, left behind by an earlier start: %w", p.PID, err)
		}
		if waitUntil(5*time.Second, func() bool { return processIdentity(p.PID) != p.Identity }) {
			return nil
		}
	}
	return fmt.Errorf("process %d, left behind by an earlier start, does not end", p.PID)
}

// waitUntil asks again and again until the answer is yes, and returns false when
// it is still no after the limit.
func waitUntil(limit time.Duration, yes func() bool) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for !yes() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}
