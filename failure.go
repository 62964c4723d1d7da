package slotmesh

import "github.com/slotmesh/slotmesh/internal/guard"

// PanicError is the panic that ended a node: a bug of this module, of a logger, or of
// the Network or Disk that the host brought. Please report it with its Stack.
type PanicError = guard.Panic

// Err returns why the node ended, or is ending, by itself: a *[PanicError]. It is nil
// while the node works, and after Close and SHUTDOWN.
func (n *Node) Err() error {
	if p := n.failure.Load(); p != nil {
		return p
	}
	return nil
}

// fail ends the node after a panic on one of its goroutines. Half a node, one that serves
// clients and is deaf on the bus, would be worse than none, and to end the host program
// is not this module's to decide. The keys are saved as on Close; of the cluster's state
// all that was promised to others is on the disk already.
func (n *Node) fail(err error) {
	p, ok := err.(*PanicError)
	if !ok {
		p = &PanicError{Where: "the node", Value: err}
	}
	if !n.failure.CompareAndSwap(nil, p) {
		return
	}
	n.log.Error("a bug ends this node, and nothing else of the program; please report it", "where", p.Where, "panic",
		p.Value, "stack", p.Stack)
	go n.Close() // it waits for the goroutine that panicked
}
