package admin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

var (
	// ErrNotCluster says that a node does not run in cluster mode.
	ErrNotCluster = errors.New("not configured as a cluster node")
	// ErrUnknownNode says that no node of the cluster has that id or address.
	ErrUnknownNode = errors.New("no such node in the cluster")
	// ErrNotEmpty says that a node owns slots, knows other nodes or holds keys where it
	// must be fresh, or that a cluster holds keys.
	ErrNotEmpty = errors.New("not empty")
	// ErrBroken says that the cluster has problems which the operation will not build on;
	// Fix repairs most of them.
	ErrBroken = errors.New("the cluster has problems")
	// ErrNotAgreed says that the nodes did not come to the same view in time.
	ErrNotAgreed = errors.New("the nodes do not agree")
)

// NodeError is a node's refusal, or its silence.
type NodeError struct {
	Node    string // "host:port"
	Command string // what it was asked, shortened; empty if it could not be reached
	Err     error  // what it answered, or why it did not
}

func (e *NodeError) Error() string {
	if e.Command == "" {
		return fmt.Sprintf("node %s: %v", e.Node, e.Err)
	}
	return fmt.Sprintf("node %s: %s: %v", e.Node, e.Command, e.Err)
}

func (e *NodeError) Unwrap() error { return e.Err }

// StepError is an operation that stopped half way.
type StepError struct {
	Verb string // "reshard"
	Step string // what was being done
	Left string // the state in which what was left; empty if nothing was changed yet
	Next string // what continues or undoes it
	Err  error
}

func (e *StepError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s stopped while %s: %v", e.Verb, e.Step, e.Err)
	if e.Left != "" {
		fmt.Fprintf(&b, "; %s", e.Left)
	}
	if e.Next != "" {
		fmt.Fprintf(&b, "; %s", e.Next)
	}
	return b.String()
}

func (e *StepError) Unwrap() error { return e.Err }

// refused reports whether err is an error reply that contains text: the node is alive
// and said no.
func refused(err error, text string) bool {
	var reply resp.Error
	return errors.As(err, &reply) && strings.Contains(strings.ToLower(string(reply)), strings.ToLower(text))
}

// isRefusal reports whether err is any error reply.
func isRefusal(err error) bool {
	var reply resp.Error
	return errors.As(err, &reply)
}

// unsupported reports whether the node does not know the command or subcommand.
func unsupported(err error) bool {
	return refused(err, "unknown command") || refused(err, "unknown subcommand")
}

// brief shortens a command for messages.
func brief(args []string) string {
	const most = 6
	text := strings.Join(args[:min(len(args), most)], " ")
	if len(args) > most {
		text += fmt.Sprintf(" … (%d arguments)", len(args))
	}
	const longest = 200 // a payload need not be read
	if len(text) > longest {
		text = text[:longest] + " …"
	}
	return text
}
