package client

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// subscriptionConn is one connection of a subscription.
type subscriptionConn struct {
	sub  *subscription
	node Endpoint
	conn net.Conn
	out  []byte // of the subscription's goroutine

	mu    sync.Mutex // guards asked
	asked []asked    // commands that are not answered yet
}

// asked is a command that was sent: a subscription, or a PING.
type asked struct {
	names []string
	left  int   // confirmations that are missing
	lost  error // why it is not the first subscription to these names
}

// errSlotLeft says that a node has ended the subscription to a sharded channel.
var errSlotLeft = errors.New("slotmesh: the channel's slot has moved to another node")

func newSubscriptionConn(s *subscription, node Endpoint, conn net.Conn) *subscriptionConn {
	return &subscriptionConn{sub: s, node: node, conn: conn}
}

// The commands of the kinds, and the first words of what arrives.
var subscribeCommands = [...]string{Channels: "SUBSCRIBE", Patterns: "PSUBSCRIBE", ShardChannels: "SSUBSCRIBE"}

// subscribe sends a subscription. lost says what ended the one before.
func (c *subscriptionConn) subscribe(kind ChannelKind, names []string, lost error) {
	c.send(append([]string{subscribeCommands[kind]}, names...), asked{names: names, left: len(names), lost: lost})
}

// ping makes the node say something.
func (c *subscriptionConn) ping() { c.send([]string{"PING"}, asked{}) }

// send sends a command. The reader finds out if the connection is broken.
func (c *subscriptionConn) send(command []string, a asked) {
	c.mu.Lock()
	c.asked = append(c.asked, a)
	c.mu.Unlock()
	c.out = resp.AppendCommand(c.out[:0], command...)
	c.conn.SetWriteDeadline(time.Now().Add(c.sub.t.cfg.Silence))
	if _, err := c.conn.Write(c.out); err != nil {
		c.conn.Close()
	}
}

// read hands over what arrives until the connection breaks.
func (c *subscriptionConn) read() {
	defer c.conn.Close()
	r := resp.NewReader(c.conn)
	for {
		c.conn.SetReadDeadline(time.Now().Add(c.sub.t.cfg.Silence))
		reply, err := r.Read()
		if err == nil {
			err = c.receive(&reply)
		}
		if err != nil {
			c.tell(subscriptionEvent{err: err, ended: true})
			return
		}
	}
}

func (c *subscriptionConn) tell(e subscriptionEvent) {
	e.conn = c
	select {
	case c.sub.events <- e:
	case <-c.sub.ctx.Done():
	case <-c.sub.t.life.Done():
	}
}

var errNotAsked = errors.New("slotmesh: a subscription got a reply that nothing had asked for")

// receive handles one frame.
func (c *subscriptionConn) receive(r *resp.Reply) error {
	if r.Kind == resp.Push && len(r.Elems) >= 3 {
		c.push(r.Elems[0].Text(), r.Elems[1:])
		return nil
	}
	if r.Kind == resp.Push {
		return nil // of a kind that is not known
	}
	a, ok := c.answered()
	if !ok {
		return errNotAsked
	}
	if r.Kind == resp.ErrorMsg && len(a.names) > 0 {
		c.tell(subscriptionEvent{names: a.names, err: clientError(string(r.Str), c.node)})
	}
	return nil
}

// push handles what the node was not asked for in this moment.
func (c *subscriptionConn) push(what string, parts []resp.Reply) {
	switch what {
	case "message", "smessage":
		c.sub.deliver(Message{Channel: parts[0].Text(), Payload: parts[1].Str}, nil)
	case "pmessage":
		if len(parts) == 3 {
			c.sub.deliver(Message{Pattern: parts[0].Text(), Channel: parts[1].Text(), Payload: parts[2].Str}, nil)
		}
	case "subscribe", "psubscribe", "ssubscribe":
		c.confirmed()
	case "sunsubscribe":
		c.tell(subscriptionEvent{names: []string{parts[0].Text()}, err: errSlotLeft})
	}
}

// answered takes the oldest command out.
func (c *subscriptionConn) answered() (a asked, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.asked) == 0 {
		return a, false
	}
	a = c.asked[0]
	c.asked = c.asked[1:]
	return a, true
}

// confirmed counts a name that is subscribed to from now on. The last one of a command
// tells that all are, before messages that come after it are handed over.
func (c *subscriptionConn) confirmed() {
	c.mu.Lock()
	if len(c.asked) == 0 || c.asked[0].left == 0 {
		c.mu.Unlock()
		return
	}
	a := &c.asked[0]
	a.left--
	done := *a
	if done.left == 0 {
		c.asked = c.asked[1:]
	}
	c.mu.Unlock()
	if done.left > 0 {
		return
	}
	if done.lost != nil {
		c.sub.deliver(Message{}, &MissedError{Err: done.lost})
	}
	c.tell(subscriptionEvent{names: done.names, live: true})
}
