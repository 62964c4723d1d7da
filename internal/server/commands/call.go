package commands

import (
	"context"
	"slices"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Call is one run of a command: its arguments, where its reply goes, and what it works
// on. A session has one Call, which it uses for all of its commands in turn.
type Call struct {
	Args   [][]byte // the command's name first; valid until the command returns
	Cmd    *Command
	Out    resp.Writer // takes the reply, after those of earlier commands
	Access engine.Access
	Node   *Node
	Client Client // nil if the host program or another node calls

	MaxOutput int // bytes of Out at which a reply is too long
	MaxBulk   int // bytes of the longest value

	// Wrote says that keys changed, in the slot of Access, although the command returns an
	// error.
	Wrote bool

	digits   []byte   // a number on its way into the store
	restored restored // what Ahead of RESTORE has read
}

// Client is the connection that a command came by.
type Client interface {
	ID() int64
	RemoteAddr() string
	// TLS reports whether it uses TLS: then it is told the ports that do.
	TLS() bool
	// Local reports whether the client is on this machine.
	Local() bool
	// HangUp ends the connection once the replies so far are out.
	HangUp()
}

// tls reports whether the caller is to be told the ports of clients with TLS.
func (c *Call) tls() bool { return c.Client != nil && c.Client.TLS() }

// Forget drops what Ahead has prepared.
func (c *Call) Forget() { c.restored = restored{} }

// AddKeys adds keys of a command line to those that the call is about to touch.
func (c *Call) AddKeys(keys KeySpec, args [][]byte) {
	first, last, step := keys.First, keys.Last, keys.Step
	if last < 0 {
		last += len(args)
	}
	last = min(last, len(args)-1)
	if last > first {
		c.Access.Keys = slices.Grow(c.Access.Keys, (last-first)/step+1)
	}
	standalone := c.Node.Standalone()
	for i := first; i <= last; i += step {
		key := args[i]
		if !standalone {
			slot := slots.Of(key)
			if len(c.Access.Keys) == 0 {
				c.Access.Slot = slot
			} else if slot != c.Access.Slot {
				c.Access.CrossSlot = true
			}
		}
		c.Access.Keys = append(c.Access.Keys, key)
	}
}

// change lets the node do something, then replies OK.
func (c *Call) change(do func(ctx context.Context) error) error {
	if err := do(c.Node.Life); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}
