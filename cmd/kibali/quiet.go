package main

import (
	"log/slog"

	temporallog "go.temporal.io/sdk/log"
)

// quiet is the log of commands that end soon and return their errors.
var quiet = temporallog.NewStructuredLogger(slog.New(slog.DiscardHandler))
