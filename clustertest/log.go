package clustertest

import (
	"bytes"

	"github.com/hashicorp/go-hclog"
)

// logged is a line of a node's log, from warnings on. The story has it, since what a node
// only logs, such as a command that panicked, explains what a test finds odd.
type logged string

// logger returns what node i logs to, unless Config.Node has something else.
func (s *story) logger(i int) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: logLines{s, i}, DisableTime: true})
}

// logLines makes lines of a log lines of the story.
type logLines struct {
	story *story
	node  int
}

func (l logLines) Write(b []byte) (int, error) {
	l.story.add(l.node, logged(bytes.TrimSpace(b)))
	return len(b), nil
}
