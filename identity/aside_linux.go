package identity

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// What hashing gets of a processor that others want too. It is enough for a request
// to go first, and not so little that hashing never comes to its end.
const (
	niceness = 7
	// slice is for how long it may go on when others have something to do.
	slice = 100 * time.Microsecond
)

// aside starts a process that others go before. A process is as pressing as the
// thread that starts it, so one is made that is less so, for this alone.
func aside(start func() error) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with its priority
		// What cannot be made less pressing works all the same.
		attributes := unix.SchedAttr{Size: unix.SizeofSchedAttr, Nice: niceness, Runtime: uint64(slice)}
		_ = unix.SchedSetAttr(0, &attributes, 0)
		started <- start()
	}()
	return <-started
}
