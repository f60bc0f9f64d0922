package devstack

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"kibali/domain/fault"
)

const loopback = "127.0.0.1"

// portAttempts is how often a server that picks its own port is started again
// when another process took the port first.
const portAttempts = 5

// errPortTaken says that a server could not listen because its port is in use.
var errPortTaken = errors.New("the port is in use")

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// freePort returns a TCP port of the loopback address that nobody listens on.
//
// It makes one connection through the port and closes it from the listening
// side. That leaves the port in TIME_WAIT, in which the kernel gives it to no
// other process that asks for any free port, while a server that names it can
// still listen on it.
func freePort() (int, error) {
	listener, err := net.Listen("tcp4", hostPort(0))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port

	client, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return port, server.Close()
}

// checkPort returns a fault.Conflict that names the port when something
// listens on it already. what says whose port it is.
func checkPort(what string, port int) error {
	listener, err := net.Listen("tcp4", hostPort(port))
	if err == nil {
		return listener.Close()
	}
	if errors.Is(err, unix.EADDRINUSE) {
		return portInUse(what, port)
	}
	return fmt.Errorf("%s cannot listen on port %d: %w", what, port, err)
}

func portInUse(what string, port int) error {
	return fault.New(fault.Conflict,
		"%s cannot listen on %s: the port is in use; stop what uses it, or choose port 0 to have a free one picked",
		what, hostPort(port))
}

// checkListening returns nil when something listens on the port.
func checkListening(port int) error {
	connection, err := net.DialTimeout("tcp4", hostPort(port), time.Second)
	if err != nil {
		return err
	}
	return connection.Close()
}
