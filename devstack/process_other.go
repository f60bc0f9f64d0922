//go:build !linux

package devstack

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent does nothing here: watchParent does it.
func dieWithParent(*exec.Cmd, syscall.Signal) {}

// watchParent starts a small shell that waits for the end of a pipe which only
// this process holds open, and then sends the signal. release ends the shell
// without the signal.
func watchParent(pid int, signal syscall.Signal) (release func()) {
	script := "trap '' INT; read -r line; [ \"$line\" = done ] || kill -" +
		strconv.Itoa(int(signal)) + " " + strconv.Itoa(pid)
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		// Without the watcher a child that is left behind is ended by the next
		// start on the same data folder.
		return func() {}
	}
	return func() {
		_, _ = pipe.Write([]byte("done\n"))
		_ = cmd.Wait()
	}
}

// processIdentity returns text that no other process shares with this one, or
// "" when there is no such process.
func processIdentity(pid int) string { return ps(pid, "lstart=") }

// processCommand returns the command line of a process, "" when it has none.
func processCommand(pid int) string { return ps(pid, "command=") }

// processChildren returns the processes that pid started and that still run.
func processChildren(pid int) []int {
	output, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	var children []int
	for _, field := range strings.Fields(string(output)) {
		if child, err := strconv.Atoi(field); err == nil {
			children = append(children, child)
		}
	}
	return children
}

func ps(pid int, column string) string {
	output, err := exec.Command("ps", "-o", column, "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
}
