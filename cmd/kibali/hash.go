package main

import (
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"kibali/identity"
)

// hashGarbage is how many percent of what it keeps may gather as garbage while
// passwords are hashed: some 100 MB.
const hashGarbage = 1000

type hashCommand struct {
	Parallel int `arg:"" help:"How many passwords are hashed at a time."`
}

// Run hashes passwords for the process that started this one, until that ends.
func (c hashCommand) Run() error {
	// Those who end serve mean it to finish what it has begun.
	signal.Ignore(endings()...)
	// Its collector, too, leaves the other processors to those who answer.
	runtime.GOMAXPROCS(c.Parallel)
	// A hash takes memory that it leaves behind. What is kept besides is what a
	// program begins with, which is not worth looking through for each.
	debug.SetGCPercent(hashGarbage)
	// Whoever reads what is asked next does not keep the processor meanwhile.
	if err := syscall.SetNonblock(0, true); err != nil {
		return err
	}
	return identity.ServeHashes(os.NewFile(0, "questions"), os.Stdout, c.Parallel)
}

// hashing returns what starts this program to hash passwords.
func hashing(parallel int) (func() *exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return func() *exec.Cmd {
		command := exec.Command(program, "hash", strconv.Itoa(parallel)) //nolint:gosec,noctx // this program; it ends with its input
		command.Env = []string{}                                         // it needs no settings and no secret
		command.Stderr = os.Stderr
		return command
	}, nil
}
