package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"kibali/domain/fault"
	"kibali/store"
)

// tell prints what a verification has found, and fails when something cannot be
// true.
func tell(out io.Writer, f *store.Findings, counts ...string) error {
	for _, b := range f.Breaches {
		fmt.Fprintf(out, "%-12s %s: %s\n", b.Check, b.Row, b.What)
	}
	if more := f.Broken - int64(len(f.Breaches)); more > 0 {
		fmt.Fprintf(out, "and %d more\n", more)
	}
	for _, line := range counts {
		fmt.Fprintln(out, line)
	}
	if !f.Sound() {
		fmt.Fprintf(out, "NOT SOUND: %d breaches\n", f.Broken)
		return errUnwell
	}
	fmt.Fprintln(out, "sound")
	return nil
}

// parseSeal reads a seal as verification prints it, which a flag gives.
func parseSeal(flag, text string) (*store.Seal, error) {
	number, hash, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if err == nil && n > 0 {
		if sum, err := hex.DecodeString(hash); err == nil && len(sum) == 32 {
			return &store.Seal{Number: n, Hash: sum}, nil
		}
	}
	return nil, fault.New(fault.Malformed, "%s is NUMBER:HASH, as verification prints it", flag)
}
