package devstack

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent has the kernel send the child a signal when the thread that
// starts it ends.
func dieWithParent(cmd *exec.Cmd, signal syscall.Signal) { cmd.SysProcAttr.Pdeathsig = signal }

// watchParent does nothing here: the kernel does it, see dieWithParent.
func watchParent(int, syscall.Signal) (release func()) { return func() {} }

// processIdentity returns text that no other process shares with this one,
// before or after a reboot, or "" when there is no such process or only what is
// left of one that has ended.
func processIdentity(pid int) string {
	stat, ok := processStat(pid)
	if !ok || stat.state == "Z" || stat.state == "X" {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte("unknown boot")
	}
	return strings.TrimSpace(string(boot)) + " " + stat.started
}

// processCommand returns the command line of a process, "" when it has none.
func processCommand(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
}

// processChildren returns the processes that pid started and that still run.
func processChildren(pid int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var children []int
	for _, entry := range entries {
		candidate, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if stat, ok := processStat(candidate); ok && stat.parent == pid && stat.state != "Z" {
			children = append(children, candidate)
		}
	}
	return children
}

type stat struct {
	state   string
	parent  int
	started string
}

func processStat(pid int) (stat, bool) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, false
	}
	// The second field is the name in brackets, which may hold spaces.
	_, rest, found := strings.Cut(string(line[max(0, strings.LastIndexByte(string(line), ')')):]), " ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return stat{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	return stat{state: fields[0], parent: parent, started: fields[19]}, err == nil
}
