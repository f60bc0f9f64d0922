package process

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Where the garbage collector begins to try harder; what is resident beyond that
// are the pages of the program itself. Below it garbage may gather: what serve
// keeps is little, so the usual percentage would have the collector at work many
// times a second.
//
// What one password takes is garbage afterwards. With no more memory than at rest
// the collector would run for each of them and keep everybody waiting: a flood of
// sign-ins was measured to be answered six times slower, and everything else ten
// times.
const (
	restMemory     = 64 << 20  // what serve needs a part of at rest
	hashMemory     = 20 << 20  // for each password that is hashed at a time
	roomMemory     = 160 << 20 // more, while passwords are hashed
	garbagePercent = 400
	// roomKept is for how long after the last password the room is kept.
	roomKept = 5 * time.Second
)

// Room is the memory that the program may take, at rest and while it hashes
// passwords. It is safe for concurrent use.
type Room struct {
	rest, busy int64

	mu   sync.Mutex
	wide bool
	last time.Time // that a password was hashed
}

// MakeRoom bounds the memory of the program, unless GOMEMLIMIT or GOGC does, and
// gives it as many threads more as it hashes passwords at a time, so that
// hashing, which is left to threads of little priority, does not take those that
// answer.
func MakeRoom(hashes int) *Room {
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + hashes)
	if os.Getenv("GOMEMLIMIT") != "" || os.Getenv("GOGC") != "" {
		return nil
	}
	rest := restMemory + hashMemory*int64(hashes)
	debug.SetMemoryLimit(rest)
	debug.SetGCPercent(garbagePercent)
	return &Room{rest: rest, busy: rest + roomMemory}
}

// Hashing is told of each password that is about to be hashed. A nil Room does
// nothing.
func (r *Room) Hashing() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	if r.wide {
		return
	}
	r.wide = true
	debug.SetMemoryLimit(r.busy)
	time.AfterFunc(roomKept, r.narrow)
}

// narrow gives the memory back, once no password was hashed for a while.
func (r *Room) narrow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if left := roomKept - time.Since(r.last); left > 0 {
		time.AfterFunc(left, r.narrow)
		return
	}
	r.wide = false
	debug.SetMemoryLimit(r.rest)
}
