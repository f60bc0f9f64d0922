package process

import (
	"os"
	"runtime/debug"
)

// Below memoryAtRest garbage may gather: what serve keeps is little, so the usual
// percentage would have the collector at work many times a second. What is
// resident beyond that are the pages of the program itself.
const (
	memoryAtRest   = 88 << 20
	garbagePercent = 400
)

// BoundMemory says where the garbage collector begins to try harder, unless
// GOMEMLIMIT or GOGC does.
func BoundMemory() {
	if os.Getenv("GOMEMLIMIT") != "" || os.Getenv("GOGC") != "" {
		return
	}
	debug.SetMemoryLimit(memoryAtRest)
	debug.SetGCPercent(garbagePercent)
}
