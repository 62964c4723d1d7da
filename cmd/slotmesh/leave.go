package main

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
)

// leaveOptions say whether serve takes its node out of the cluster before it ends by a
// signal.
type leaveOptions struct {
	onTerm bool
	limit  time.Duration
}

// leaveTimeout is the limit without --leave-timeout.
const leaveTimeout = time.Minute

// readLeaveOptions takes --leave-on-term and --leave-timeout out of args.
func readLeaveOptions(args []string) (o leaveOptions, others []string, err error) {
	o.limit = leaveTimeout
	for len(args) > 0 {
		name, value, given := strings.Cut(args[0], "=")
		args = args[1:]
		switch {
		case name == "--leave-on-term" && !given:
			o.onTerm = true
		case name == "--leave-timeout":
			if !given && len(args) > 0 {
				value, args = args[0], args[1:]
			}
			if o.limit, err = time.ParseDuration(value); err != nil || o.limit <= 0 {
				return o, nil, usagef("--leave-timeout is %q: use a duration such as 30s or 5m", value)
			}
		case given:
			others = append(others, name+"="+value)
		default:
			others = append(others, name)
		}
	}
	return o, others, nil
}

// leave takes a node that is about to end out of its cluster. If that fails, the node ends
// as a member, as it does without --leave-on-term.
func (o leaveOptions) leave(node *slotmesh.Node, log hclog.Logger) {
	if !o.onTerm || node.Map() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.limit)
	defer cancel()
	log.Info("leaving the cluster; a second signal ends the process at once", "limit", o.limit)
	began := time.Now()
	if err := node.Leave(ctx); err != nil {
		log.Warn("ends as a member of the cluster", "error", err)
		return
	}
	log.Info("left the cluster", "took", time.Since(began).Round(time.Millisecond))
}
