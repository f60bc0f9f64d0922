package config

import (
	"io"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"time"
)

// Log is what a process says of itself.
type Log struct {
	LogLevel string `name:"log-level" env:"KIBALI_LOG_LEVEL" default:"info" help:"The least that is logged: debug, info, warn or error."`
}

// Logger returns a logger that writes JSON to out.
func (l Log) Logger(p *Problems, out io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		p.add("KIBALI_LOG_LEVEL", "is neither debug, info, warn nor error")
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}))
}

// Operations is where health and metrics are.
type Operations struct {
	OperationsListen string `name:"operations-listen" env:"KIBALI_OPERATIONS_LISTEN" default:"127.0.0.1:9090" help:"Address of /healthz, /readyz and /metrics. Not for the public."`
}

// Address returns where to listen.
func (o Operations) Address(p *Problems) string {
	return address(p, "KIBALI_OPERATIONS_LISTEN", o.OperationsListen)
}

// Drain is how a process takes leave.
type Drain struct {
	Drain string `name:"drain" env:"KIBALI_DRAIN" default:"0s" help:"How long to go on serving after a request to stop while /readyz says so, for a proxy to notice."`
}

// Pause returns how long.
func (d Drain) Pause(p *Problems) time.Duration {
	pause, err := time.ParseDuration(d.Drain)
	if err != nil || pause < 0 || pause > 5*time.Minute {
		p.add("KIBALI_DRAIN", "is not a time from 0s to 5m, such as 5s")
	}
	return pause
}

// Hashes bounds the work on passwords.
type Hashes struct {
	Hashes string `name:"hashes" env:"KIBALI_HASHES" default:"auto" help:"How many passwords are hashed at a time, 19 MiB and one processor each; others wait for their turn. auto is one fewer than there are processors, and one at least."`
}

// Parallel returns how many.
func (h Hashes) Parallel(p *Problems) int {
	if h.Hashes == "auto" {
		return max(1, runtime.GOMAXPROCS(0)-1) // so that one of them is free for everything else
	}
	n, err := strconv.Atoi(h.Hashes)
	if err != nil || n < 1 || n > 256 {
		p.add("KIBALI_HASHES", "is neither auto nor a number from 1 to 256")
	}
	return n
}

// address checks that value can be listened on.
func address(p *Problems, variable, value string) string {
	_, port, err := net.SplitHostPort(value)
	number, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || number < 0 || number > 65535 {
		p.add(variable, "is not an address to listen on, such as 127.0.0.1:8080 or 0.0.0.0:8080")
	}
	return value
}
