package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// version is set by the linker: -X main.version=1.2.3.
var version string

// build names this build: the version that was given to the linker; else the
// commit that it was made from; else a hash of the program itself.
var build = sync.OnceValue(func() string {
	if version != "" {
		return version
	}
	settings := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
	}
	if revision := settings["vcs.revision"]; len(revision) >= 12 && settings["vcs.modified"] == "false" {
		return revision[:12]
	}
	sum, err := hashOfProgram()
	if err != nil {
		return "unknown"
	}
	return "local-" + sum[:12]
})

func hashOfProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer program.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, program); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(term terminal) error {
	fmt.Fprintf(term.out, "kibali %s (%s, %s/%s)\n", build(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
