// Command fresh fails when a generated file is not what its generator writes.
// It generates everything in a copy of the tree, so that it neither changes
// nor depends on what is uncommitted.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

func main() {
	stale, err := check(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(stale) > 0 {
		fmt.Fprintln(os.Stderr, "these files are not what their generators write; run 'make generate':")
		for _, path := range stale {
			fmt.Fprintln(os.Stderr, "  "+path)
		}
		os.Exit(1)
	}
}

// check returns the files of the tree at root that "go generate" would change,
// add or remove.
func check(root string) (stale []string, err error) {
	copied, err := place(root)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(copied); err != nil { // of a check that was killed
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(copied)) }()

	before, err := contents(root)
	if err != nil {
		return nil, err
	}
	for path, content := range before {
		if err := write(filepath.Join(copied, path), content); err != nil {
			return nil, err
		}
	}
	generate := exec.Command("go", "generate", "./...")
	generate.Dir = copied
	generate.Stdout, generate.Stderr = os.Stderr, os.Stderr
	if err := generate.Run(); err != nil {
		return nil, fmt.Errorf("go generate: %w", err)
	}
	after, err := contents(copied)
	if err != nil {
		return nil, err
	}

	paths := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		old, was := before[path]
		current, is := after[path]
		if !was || !is || !bytes.Equal(old, current) {
			stale = append(stale, path)
		}
	}
	return stale, nil
}

// place is where the copy of the tree at root goes: always the same, so that
// the compiler finds in its cache what it compiled for the check before.
func place(root string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	root, err = filepath.Abs(root)
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "kibali", fmt.Sprintf("fresh-%x", sha256.Sum256([]byte(root)))[:22]), nil
}

// contents returns the regular files below root by their paths from it, without
// what is built, kept by the development stack or the version control system.
func contents(root string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", ".kibali", "bin"}, relative) {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() || slices.Contains([]string{"kibali", "bench", "chaos", ".env"}, relative) {
			return nil
		}
		found[relative], err = os.ReadFile(path)
		return err
	})
	return found, err
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}
