package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Install is Find that installs Chromium where it is missing and where it can be:
// as root on Debian and what derives from it. It returns ErrMissing where it
// cannot. progress tells a person what takes long.
func Install(ctx context.Context, progress func(format string, args ...any)) (string, error) {
	path, err := Find()
	if err == nil || runtime.GOOS != "linux" || os.Getuid() != 0 {
		return path, err
	}
	apt, aptErr := exec.LookPath("apt-get")
	if aptErr != nil {
		return "", err
	}
	progress("installing Chromium (a minute or two) ...")
	for _, arguments := range [][]string{
		{"update", "-q"},
		{"install", "-q", "-y", "--no-install-recommends", "chromium", "fonts-liberation"},
	} {
		command := exec.CommandContext(ctx, apt, arguments...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := command.CombinedOutput(); err != nil {
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			return "", errors.Join(ErrMissing, fmt.Errorf("apt-get %s: %w: %s", arguments[0], err, lines[len(lines)-1]))
		}
	}
	return Find()
}
