//go:build !linux

package identity

// aside does work; other systems give a thread no priority of its own.
func aside(work func()) { work() }
