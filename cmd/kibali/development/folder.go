package development

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kibali/domain/fault"
)

// folder is the data folder, which one process at a time uses.
type folder struct {
	path string // absolute
	lock *os.File
}

// openFolder makes the folder when needed and takes it for this process. It
// returns a fault.Conflict that names the process which has it.
func openFolder(path string) (_ *folder, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// Others may pass through it: PostgreSQL runs as another user under root.
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // what is private in it has its own rights
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "dev.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the data folder: %w", err)
		}
		return nil, fault.New(fault.Conflict,
			"the data folder %s is in use by process %s; stop that one first, or use another folder with --data", path, holder(lock))
	}
	// The kernel gives the lock back when this process ends, however it does.
	if err := errors.Join(lock.Truncate(0), writeHolder(lock)); err != nil {
		lock.Close()
		return nil, fmt.Errorf("write the lock of the data folder: %w", err)
	}
	return &folder{path: path, lock: lock}, nil
}

func writeHolder(lock *os.File) error {
	_, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(lock *os.File) string {
	text := make([]byte, 32)
	n, _ := lock.ReadAt(text, 0)
	if pid := strings.TrimSpace(string(text[:n])); pid != "" {
		return pid
	}
	return "unknown"
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

func (f *folder) close() { f.lock.Close() }

// write replaces a file by value as JSON, in one step and for its owner only.
func (f *folder) write(name string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	part := f.file(name + ".part")
	if err := writeSynced(part, append(content, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(part, f.file(name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func writeSynced(path string, content []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// read reads a file that write wrote; found is false when there is none.
func (f *folder) read(name string, into any) (found bool, err error) {
	content, err := os.ReadFile(f.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return false, fmt.Errorf("read %s: %w", f.file(name), err)
	}
	return true, nil
}

func (f *folder) remove(name string) error {
	if err := os.Remove(f.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f *folder) exists(name string) bool {
	_, err := os.Stat(f.file(name))
	return err == nil
}
