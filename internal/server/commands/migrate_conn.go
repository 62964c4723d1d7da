package commands

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
)

// address says where keys are sent, how, and as which user. A connection serves one address
// only, so that no client uses another one's password, or a connection from before TLS was
// configured.
type address struct {
	target         string      // host:port
	tls            *tls.Config // nil for none
	user, password string      // user "" with a password is the old form of AUTH
	auth           bool
}

// migrateConn is a connection to another server that MIGRATE brings keys to.
type migrateConn struct {
	address
	now     func() time.Time // the clock by which keys expire
	wire    *deadlineConn
	conn    *resp.Conn
	db      int64
	used    bool // has delivered before
	payload []byte
	expiry  *time.Timer // closes it, while it waits for its next use
}

const (
	migrateChunk = 64 << 10  // bytes that must get through within the timeout
	migrateLoad  = 256 << 10 // bytes, and …
	migrateBatch = 1000      // … keys sent before replies are read: both ends' buffers stay small
)

// deadlineConn gives each step of a transfer, not the whole, the time that MIGRATE
// grants.
type deadlineConn struct {
	net.Conn
	timeout time.Duration
}

func (p *deadlineConn) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		p.SetWriteDeadline(time.Now().Add(p.timeout))
		m, err = p.Conn.Write(b[n:min(len(b), n+migrateChunk)])
		n += m
	}
	return n, err
}

func (p *deadlineConn) Read(b []byte) (int, error) {
	p.SetReadDeadline(time.Now().Add(p.timeout))
	return p.Conn.Read(b)
}

// The error replies of MIGRATE when the other server cannot be reached; texts as in
// Redis.
const (
	errConnecting = ReplyError("IOERR error or timeout connecting to the client")
	errWriting    = ReplyError("IOERR error or timeout writing to target instance")
	errReading    = ReplyError("IOERR error or timeout reading from target instance")
)

// refusal makes the other server's error reply ours (docs/spec.md §11).
func refusal(err resp.Error) error {
	return ReplyError("ERR Target instance replied with error: " + string(err))
}

// ask sends one command and reads its reply.
func (c *migrateConn) ask(args ...string) error {
	c.conn.Send(args...)
	if err := c.conn.Flush(); err != nil {
		return errWriting
	}
	return c.receive()
}

// receive reads the reply to the oldest command.
func (c *migrateConn) receive() error {
	_, err := c.conn.Receive()
	if no, is := err.(resp.Error); is {
		return refusal(no)
	}
	if err != nil {
		return errReading
	}
	return nil
}

// introduce authenticates a new connection.
func (c *migrateConn) introduce() error {
	switch {
	case !c.auth:
		return nil
	case c.user == "":
		return c.ask("AUTH", c.password)
	}
	return c.ask("AUTH", c.user, c.password)
}

// selectDB makes what follows go to a database of the other server.
func (c *migrateConn) selectDB(db int64) error {
	if c.db == db {
		return nil
	}
	err := c.ask("SELECT", strconv.FormatInt(db, 10))
	if err == nil {
		c.db = db
	}
	return err
}

// migrateConnTo returns a connection to an address: an idle one unless fresh is set, or a
// new one.
func (n *Node) migrateConnTo(a address, timeout time.Duration, fresh bool) (*migrateConn, error) {
	if !fresh {
		if c := n.migrateConns.get(a); c != nil {
			c.wire.timeout = timeout
			return c, nil
		}
	}
	ctx, cancel := context.WithTimeout(n.Life, timeout)
	defer cancel()
	conn, err := tlsdial.Dial(ctx, n.Dial, a.target, a.tls)
	if err != nil {
		n.Logger.Warn("MIGRATE cannot reach its target", "target", a.target, "error", err)
		return nil, errConnecting
	}
	c := &migrateConn{address: a, now: n.Engine.Store().Now, wire: &deadlineConn{conn, timeout}}
	c.conn = resp.NewConn(c.wire)
	if err := c.introduce(); err != nil {
		c.conn.Close()
		return nil, err
	}
	return c, nil
}
