package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kibali/domain/fault"
)

// folderLock is the exclusive right to use a data folder. The kernel gives it
// back when its holder dies, so a crash leaves nothing to clean up.
type folderLock struct{ file *os.File }

// lockFolder makes dir when needed and locks dir/lock. When another process
// holds it, the error is a fault.Conflict that names that process.
func lockFolder(dir string) (*folderLock, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := flock(file, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the data folder: %w", err)
		}
		return nil, fault.New(fault.Conflict,
			"the data folder %s is in use by process %s; stop that one first, or use another data folder",
			dir, lockHolder(file))
	}
	if err := writeHolder(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock of the data folder: %w", err)
	}
	return &folderLock{file: file}, nil
}

// release gives the folder back. The file stays: a process that has it open
// already would lock a file that nobody else sees.
func (l *folderLock) release() { unlock(l.file) }

// unlock gives a lock back and closes its file. Closing alone would leave the
// lock for a moment with a child that is just being started, until it has
// closed its copy of the file.
func unlock(file *os.File) {
	_ = flock(file, unix.LOCK_UN) // closing does the rest
	file.Close()
}

func flock(file *os.File, how int) error {
	for {
		err := unix.Flock(int(file.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func writeHolder(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func lockHolder(file *os.File) string {
	buffer := make([]byte, 32)
	n, _ := file.ReadAt(buffer, 0)
	if pid := strings.TrimSpace(string(buffer[:n])); pid != "" {
		return pid
	}
	return "unknown"
}
