package identity

import (
	"runtime"
	"syscall"
)

// niceness is how much less pressing hashing is than answering: enough for a
// request to go first, and not so much that hashing never comes to its end.
const niceness = 5

// aside does work on a thread of its own that others go before, and returns when
// it is done: while passwords are hashed, everything else is answered as if they
// were not.
func aside(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked, so that the thread ends with its priority
		// A thread that cannot be made less pressing works all the same.
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness)
		work()
	}()
	<-done
}
