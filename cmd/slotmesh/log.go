package main

import (
	"io"
	"slices"

	"github.com/hashicorp/go-hclog"
)

// logLevels are the levels of redis.conf, from the most talkative one; hclog has as many.
var logLevels = []string{"debug", "verbose", "notice", "warning"}

// newLogger returns a logger with a level of logLevels.
func newLogger(w io.Writer, level string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "slotmesh", Output: w, Level: hclog.Trace +
		hclog.Level(slices.Index(logLevels, level))})
}
