package development

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// guardScript waits for the end of its standard input, which only this process
// holds open, and then removes the report if it is this process's.
const guardScript = `read -r _; grep -q "\"pid\": $2," "$1" 2>/dev/null && rm -f "$1"; true`

// guard has the report removed even if this process is killed: who waits for
// the next start would take the old one for the new. The returned function ends
// it.
func (f *folder) guard() (release func() error, err error) {
	//nolint:noctx,gosec // it outlives everything else here, on purpose; its arguments are ours
	cmd := exec.Command("/bin/sh", "-c", guardScript, "sh", f.file(reportFile), strconv.Itoa(os.Getpid()))
	// A group of its own, so that what ends this process's group spares it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("guard %s: %w", reportFile, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("guard %s: %w", reportFile, err)
	}
	return func() error {
		_ = input.Close()
		return cmd.Wait()
	}, nil
}
