package resp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Conn is a client's connection. It is not safe for concurrent use.
//
// Do asks and waits. For a pipeline, call Send for each command, then Flush, then Receive
// once for each; Flush is not needed before Receive or Do.
type Conn struct {
	// OnPush receives messages that answer no command (RESP3); nil drops them.
	OnPush func(Reply)

	conn    net.Conn
	reader  *Reader
	out     []byte
	pending int // replies still to be received
}

// NewConn makes a client of an open connection, which Close closes.
func NewConn(conn net.Conn) *Conn {
	return &Conn{conn: conn, reader: NewReader(conn)}
}

// Do sends a command and returns its reply. Replies of earlier Sends must have been
// received. An error reply is returned as a Reply and as an [Error]; after any other
// error the connection is of no more use.
func (c *Conn) Do(args ...string) (Reply, error) {
	c.Send(args...)
	return c.Receive()
}

// DoContext is Do bounded by ctx: its deadline and its end interrupt the wait, after
// which the connection is of no more use.
func (c *Conn) DoContext(ctx context.Context, args ...string) (Reply, error) {
	if err := ctx.Err(); err != nil {
		return Reply{}, err
	}
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	reply, err := c.Do(args...)
	if _, isReply := err.(Error); err != nil && !isReply && ctx.Err() != nil {
		err = ctx.Err()
	}
	return reply, err
}

// Send appends a command to those that the next Flush sends.
func (c *Conn) Send(args ...string) {
	c.out = AppendCommand(c.out, args...)
	c.pending++
}

// SendBytes is Send for arguments held as bytes.
func (c *Conn) SendBytes(args ...[]byte) {
	c.out = AppendCommand(c.out, args...)
	c.pending++
}

// SendBy flushes and lets write put one command on the connection by itself: one that is
// too large to be collected first.
func (c *Conn) SendBy(write func(io.Writer) error) error {
	if err := c.Flush(); err != nil {
		return err
	}
	c.pending++
	return write(c.conn)
}

// Pending returns the number of replies still to be received.
func (c *Conn) Pending() int { return c.pending }

// Flush sends what Send has appended.
func (c *Conn) Flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.conn.Write(c.out)
	if cap(c.out) > keepBuffer {
		c.out = nil
	}
	c.out = c.out[:0]
	return err
}

// Receive flushes and returns the reply to the oldest command not answered yet, with
// errors as Do. What the server said before it closed the connection is a reply, too: that
// it does not serve this client, say.
func (c *Conn) Receive() (Reply, error) {
	unsent := c.Flush()
	if unsent != nil && !errors.Is(unsent, syscall.EPIPE) && !errors.Is(unsent, syscall.ECONNRESET) {
		return Reply{}, unsent
	}
	for {
		reply, err := c.reader.Read()
		if err != nil {
			return Reply{}, cmp.Or(unsent, err)
		}
		if reply.Kind == Push {
			if c.OnPush != nil {
				c.OnPush(reply)
			}
			continue
		}
		c.pending--
		return reply, reply.Err()
	}
}

// SetDeadline bounds all reads and writes from now on; the zero time ends that.
func (c *Conn) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }
