package pubsub

// Listener is a subscriber of the host program: it hands messages to a function, which must
// not wait. It stays when a slot leaves the node.
type Listener struct{ To func(m *Message) }

// Deliver implements Subscriber.
func (l *Listener) Deliver(m *Message) { l.To(m) }

// Drop implements Subscriber.
func (l *Listener) Drop(string) (stays bool) { return true }

var _ Subscriber = (*Listener)(nil)
