package commands

import (
	"context"
	"slices"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
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

	// Borrowed says that others take the place of Args before the transaction has ended: a
	// script calls the command.
	Borrowed bool

	// InExec says that the command is one of a transaction, so that it should not take long.
	InExec bool

	// Subscribed says that the client speaks RESP2 and has subscribed to messages: it may do
	// little else, and PING answers in their form.
	Subscribed bool

	MaxOutput int // bytes of Out at which a reply is too long
	MaxBulk   int // bytes of the longest value

	// Wrote says that keys changed, in the slot of Access, although the command returns an
	// error.
	Wrote bool

	// Block makes the client wait, and reports whether it may: see Wait. nil: it may not.
	Block func(*keyspace.Tx, Wait) (bool, error)
	// Script runs the script that the command names, in the transaction on the slot of its
	// keys; with nil if it names none.
	Script func(*keyspace.Tx) error
	// Send sends a message to the subscribers of a channel, and returns how many this node
	// has.
	Send func(kind pubsub.Kind, channel, payload []byte) (receivers int, err error)
	// Ready is the key that has got a value, when a command that has waited is carried out;
	// nil otherwise.
	Ready []byte
	// Later, if a command has set it, makes the reply when the transaction has ended: see
	// later.go.
	Later func() error
	// Yield lets a piece of the reply leave that is made later; nil if there is none.
	Yield func(struct{}) bool

	digits    []byte      // a number on its way into the store
	ids       []stream.ID // of entries that a command is about
	restored  restored    // what Ahead of RESTORE has read
	dumped    dumped      // what Tx of DUMP has left for After
	sorting   sorting     // what Tx of SORT has left for After
	lcs       lcsQuery    // what Tx of LCS has left for After
	estimate  estimate    // what Tx of PFCOUNT has left for After
	bits      bitResult   // what Ahead of BITOP has made
	groupRead groupRead
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
func (c *Call) Forget() {
	c.restored, c.estimate, c.bits, c.groupRead = restored{}, estimate{}, bitResult{}, groupRead{}
}

// AddKeysOf adds the keys of a command to those that the call is about to touch.
func (c *Call) AddKeysOf(cmd *Command, args [][]byte) {
	if cmd.Counted == 0 {
		if cmd.Has(Sharded) {
			c.addChannels(cmd.Keys, args)
			return
		}
		if cmd.KeysAfter.From != 0 {
			if keys, ok := cmd.KeysAfter.keys(args); ok {
				c.AddKeys(keys, args)
			}
			return
		}
		c.AddKeys(cmd.Keys, args)
		if cmd.StoreKey != nil {
			if at := cmd.StoreKey(args); at != 0 {
				c.AddKeys(KeySpec{at, at, 1}, args)
			}
		}
		return
	}
	counted, ok := countedKeys(args, cmd.Counted)
	if !ok {
		return
	}
	if cmd.Keys.First != 0 {
		c.AddKeys(cmd.Keys, args)
	}
	c.AddKeys(counted, args)
}

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
			if len(c.Access.Keys)+c.Access.Channels == 0 {
				c.Access.Slot = slot
			} else if slot != c.Access.Slot {
				c.Access.CrossSlot = true
			}
		}
		c.Access.Keys = append(c.Access.Keys, key)
	}
}

// addChannels adds channels of shards, which are keys of nothing.
func (c *Call) addChannels(channels KeySpec, args [][]byte) {
	keys := len(c.Access.Keys)
	c.AddKeys(channels, args)
	c.Access.Channels += len(c.Access.Keys) - keys
	c.Access.Keys = c.Access.Keys[:keys]
}

// change lets the node do something, then replies OK.
func (c *Call) change(do func(ctx context.Context) error) error {
	if err := do(c.Node.Life); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}
