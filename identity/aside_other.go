//go:build !linux

package identity

// aside starts a process; other systems give a thread no priority of its own.
func aside(start func() error) error { return start() }
