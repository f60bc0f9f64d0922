// Command configuration writes the table of settings into README.md, between
// its two markers, as "kibali config --markdown" prints it. "go generate" runs
// it.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
)

const (
	begin = "<!-- configuration:begin -->\n"
	end   = "<!-- configuration:end -->\n"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: configuration FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write replaces what stands between the markers in the file at path.
func write(path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, opened := bytes.Cut(page, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !opened || !closed {
		return fmt.Errorf("%s does not have the two markers of the configuration", path)
	}
	command := exec.Command("go", "run", "kibali/cmd/kibali", "config", "--markdown")
	command.Stderr = os.Stderr
	table, err := command.Output()
	if err != nil {
		return fmt.Errorf("kibali config --markdown: %w", err)
	}
	written := bytes.Join([][]byte{before, []byte(begin), bytes.TrimSpace(table), []byte("\n" + end), after}, nil)
	return os.WriteFile(path, written, 0o644)
}
