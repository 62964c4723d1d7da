package slotmesh

import "context"

// Go runs fn on a goroutine that belongs to the node: Close ends ctx and waits for fn to
// return. It reports false, and does not run fn, if the node is closed.
func (n *Node) Go(fn func(ctx context.Context)) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closing {
		return false
	}
	n.wg.Go(func() { fn(n.life) })
	return true
}
