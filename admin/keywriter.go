package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// keyWriter sends commands on keys to the masters of a cluster: pipelined for each of them,
// and in order for each slot. It is not safe for concurrent use.
type keyWriter struct {
	c     *Client
	view  *View
	owner [slots.Count]string // addresses of the masters
}

// keyWrite is what is done at once to keys of one slot.
type keyWrite struct {
	slot     slots.Slot
	commands [][][]byte
	tx       bool  // between MULTI and EXEC
	err      error // why it failed, or may have: set by pipeline
	ask      string
}

const (
	writeBackoff    = 50 * time.Millisecond
	maxWriteBackoff = time.Second
	// writeTime is how long nodes may refuse before a write is given up: longer than a
	// failover takes.
	writeTime = 2 * time.Minute
)

func newKeyWriter(c *Client, v *View) *keyWriter {
	w := &keyWriter{c: c}
	w.use(v)
	return w
}

func (w *keyWriter) use(v *View) {
	w.view = v
	w.owner = [slots.Count]string{}
	for _, n := range v.Nodes {
		if !n.IsMaster() {
			continue
		}
		for _, r := range n.Ranges {
			for slot := r.First; slot <= r.Last; slot++ {
				if owner := v.Owner(slot); owner == n {
					w.owner[slot] = n.Address
				}
			}
		}
	}
}

// try sends each write once, in the order of the list for each node, and sets its err.
// After a redirect the next write goes where it says.
func (w *keyWriter) try(ctx context.Context, list []*keyWrite) {
	by := make(map[string][]*keyWrite)
	var addrs []string
	for _, k := range list {
		addr := k.ask
		if addr == "" {
			addr = w.owner[k.slot]
		}
		if by[addr] == nil {
			addrs = append(addrs, addr)
		}
		by[addr] = append(by[addr], k)
	}
	each(len(addrs), func(i int) error {
		w.pipeline(ctx, addrs[i], by[addrs[i]])
		return nil
	})
	for _, k := range list {
		k.ask = ""
		var refusal resp.Error
		if !errors.As(k.err, &refusal) {
			continue
		}
		var from *NodeError
		errors.As(k.err, &from)
		host, _, _ := net.SplitHostPort(from.Node)
		switch to, _ := clusterproto.ParseRedirect(string(refusal), host); to := to.(type) {
		case *slots.MovedError:
			w.owner[k.slot] = to.Addr.Client()
		case *slots.AskError:
			k.ask = to.Addr.Client()
		}
	}
}

var (
	multi  = [][]byte{[]byte("MULTI")}
	exec   = [][]byte{[]byte("EXEC")}
	asking = [][]byte{[]byte("ASKING")}
)

// pipeline sends writes to one node and sets their err.
func (w *keyWriter) pipeline(ctx context.Context, addr string, list []*keyWrite) {
	var commands [][][]byte
	for _, k := range list {
		if k.ask != "" {
			commands = append(commands, asking)
		}
		if k.tx {
			commands = append(commands, multi)
		}
		commands = append(commands, k.commands...)
		if k.tx {
			commands = append(commands, exec)
		}
	}
	var replies []resp.Reply
	err := error(&NodeError{Node: addr, Err: errors.New("nobody owns the slot")})
	if addr != "" {
		replies, err = w.c.pipeBytes(ctx, addr, commands)
	}
	at := 0
	for _, k := range list {
		n := len(k.commands)
		if k.ask != "" {
			n++
		}
		if k.tx {
			n += 2
		}
		if k.err = err; at+n <= len(replies) {
			k.err = firstError(addr, replies[at:at+n])
		}
		at += n
	}
}

// firstError returns the first refusal among replies, and in what EXEC has returned.
func firstError(addr string, replies []resp.Reply) error {
	for i := range replies {
		r := &replies[i]
		err := r.Err()
		for j := range r.Elems {
			if e := r.Elems[j].Err(); err == nil && e != nil {
				err = e
			}
		}
		if err != nil {
			return &NodeError{Node: addr, Err: err}
		}
	}
	return nil
}

// pipeBytes is pipe for arguments held as bytes, with the replies that came before an error.
// It never sends a command twice.
func (c *Client) pipeBytes(ctx context.Context, addr string, commands [][][]byte) ([]resp.Reply, error) {
	conn, _, err := c.checkOut(ctx, addr)
	if err != nil {
		return nil, err
	}
	for _, args := range commands {
		conn.SendBytes(args...)
	}
	replies, err := receiveAll(ctx, conn, max(c.cfg.Timeout, writeTime), len(commands))
	if err != nil {
		conn.Close()
		return replies, &NodeError{Node: addr, Err: err}
	}
	c.put(addr, conn)
	return replies, nil
}

// all sends writes that may be repeated without harm until all of them are done, whatever
// becomes of nodes and slots meanwhile. The error is one that waiting does not mend, or
// that nodes have refused for long.
func (w *keyWriter) all(ctx context.Context, list []*keyWrite) error {
	backoff, deadline := writeBackoff, time.Now().Add(writeTime)
	for {
		w.try(ctx, list)
		before := len(list)
		var wait error
		list, wait = w.again(list)
		switch {
		case len(list) == 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case wait == nil:
			if len(list) == before && time.Now().After(deadline) {
				return list[0].err
			}
			continue
		case isFinal(wait) || time.Now().After(deadline):
			return wait
		}
		if err := pause(ctx, backoff); err != nil {
			return err
		}
		backoff = min(2*backoff, maxWriteBackoff)
		if v, err := w.c.refresh(ctx, w.view); err == nil {
			w.use(v)
		}
	}
}

// again returns the writes that have failed, and one of the errors that a redirect is not.
func (w *keyWriter) again(list []*keyWrite) (left []*keyWrite, wait error) {
	for _, k := range list {
		if k.err == nil {
			continue
		}
		left = append(left, k)
		if !refused(k.err, "MOVED ") && k.ask == "" && (wait == nil || isFinal(k.err)) {
			wait = k.err
		}
	}
	return left, wait
}

// isFinal reports whether a refusal will be repeated.
func isFinal(err error) bool {
	var refusal resp.Error
	if !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Code() {
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN", "READONLY", "BUSY", "MISCONF", "NOREPLICAS", "ASK", "MOVED":
		return false
	}
	return true
}

// everyMaster runs a command at all masters; it may be repeated without harm.
func (w *keyWriter) everyMaster(ctx context.Context, args ...[]byte) error {
	var list []*keyWrite
	seen := make(map[string]bool)
	for slot, addr := range w.owner {
		if !seen[addr] {
			seen[addr] = true
			list = append(list, &keyWrite{slot: slots.Slot(slot), commands: [][][]byte{args}})
		}
	}
	if err := w.all(ctx, list); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}

// keys returns how many keys all masters have.
func (w *keyWriter) keys(ctx context.Context) (n int64, err error) {
	for _, node := range w.view.Masters() {
		reply, err := w.c.do(ctx, node.Address, "DBSIZE")
		if err != nil {
			return 0, err
		}
		n += reply.Int
	}
	return n, nil
}
