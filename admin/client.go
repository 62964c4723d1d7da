package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
)

// Client administers clusters. It is safe for concurrent use; what is asked of one
// cluster at the same time should not contradict itself.
type Client struct {
	cfg Config

	mu     sync.Mutex // guards idle and closed
	idle   map[string][]*resp.Conn
	closed bool

	events sync.Mutex // held during OnEvent, so that events come one at a time
}

// New returns a Client; it connects to nobody yet.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, idle: make(map[string][]*resp.Conn)}, nil
}

// Close closes the connections. Operations under way fail.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, list := range c.idle {
		for _, conn := range list {
			conn.Close()
		}
	}
	clear(c.idle)
	return nil
}

var errClosed = errors.New("admin: the client is closed")

// do sends one command. The error is a *NodeError, also for an error reply.
func (c *Client) do(ctx context.Context, addr string, args ...string) (resp.Reply, error) {
	replies, err := c.pipe(ctx, addr, [][]string{args})
	if err != nil {
		return resp.Reply{}, err
	}
	if err := replies[0].Err(); err != nil {
		return resp.Reply{}, &NodeError{addr, brief(args), err}
	}
	return replies[0], nil
}

// pipe sends all commands before it reads the first reply. Error replies are among the
// replies; the error is about the connection, and then some commands may have run.
func (c *Client) pipe(ctx context.Context, addr string, commands [][]string) ([]resp.Reply, error) {
	return c.pipeFor(ctx, c.cfg.Timeout, addr, commands)
}

// pipeFor is pipe with a limit of its own for each reply.
func (c *Client) pipeFor(ctx context.Context, limit time.Duration, addr string, commands [][]string) ([]resp.Reply,
	error) {
	if len(commands) == 0 {
		return nil, nil
	}
	conn, used, err := c.checkOut(ctx, addr)
	if err != nil {
		return nil, err
	}
	replies, err := converse(ctx, conn, limit, commands)
	if used && len(replies) == 0 && errors.Is(err, io.EOF) {
		// The node closed a connection that was idle for long: not a word of this was heard.
		conn.Close()
		if conn, err = c.connect(ctx, addr); err != nil {
			return nil, err
		}
		replies, err = converse(ctx, conn, limit, commands)
	}
	if err != nil {
		conn.Close()
		if !used {
			err = c.unheard(replies, err)
		}
		return nil, &NodeError{addr, brief(commands[min(len(replies), len(commands)-1)]), err}
	}
	c.put(addr, conn)
	return replies, nil
}

// unheard explains why a new connection ended before its first reply.
func (c *Client) unheard(replies []resp.Reply, err error) error {
	if len(replies) > 0 || c.cfg.TLS != nil {
		return err
	}
	return tlsdial.Plain(err)
}

// converse returns the replies that came before the error, if any.
func converse(ctx context.Context, conn *resp.Conn, limit time.Duration, commands [][]string) ([]resp.Reply, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, args := range commands {
		conn.Send(args...)
	}
	return receiveAll(ctx, conn, limit, len(commands))
}

// receiveAll receives n replies, each within limit. It returns those that came before the
// error, if any.
func receiveAll(ctx context.Context, conn *resp.Conn, limit time.Duration, n int) ([]resp.Reply, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	replies := make([]resp.Reply, 0, n)
	for range n {
		conn.SetDeadline(time.Now().Add(limit))
		if ctx.Err() != nil { // it may have ended just before the deadline was set anew
			return replies, ctx.Err()
		}
		reply, err := conn.Receive()
		if err != nil && !isRefusal(err) {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return replies, err
		}
		replies = append(replies, reply)
	}
	conn.SetDeadline(time.Time{})
	return replies, nil
}

// checkOut returns an idle connection to addr, which was used before, or a new one.
func (c *Client) checkOut(ctx context.Context, addr string) (conn *resp.Conn, used bool, err error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, false, errClosed
	}
	if list := c.idle[addr]; len(list) > 0 {
		conn := list[len(list)-1]
		c.idle[addr] = list[:len(list)-1]
		c.mu.Unlock()
		return conn, true, nil
	}
	c.mu.Unlock()
	conn, err = c.connect(ctx, addr)
	return conn, false, err
}

func (c *Client) put(addr string, conn *resp.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return
	}
	c.idle[addr] = append(c.idle[addr], conn)
}

// drop closes the idle connections to a node that goes away.
func (c *Client) drop(addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.idle[addr] {
		conn.Close()
	}
	delete(c.idle, addr)
}

func (c *Client) connect(ctx context.Context, addr string) (*resp.Conn, error) {
	dialCtx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	nc, err := tlsdial.Dial(dialCtx, c.cfg.Dial, addr, c.cfg.TLS)
	if err != nil {
		return nil, &NodeError{Node: addr, Err: fmt.Errorf("cannot connect: %w", err)}
	}
	conn := resp.NewConn(nc)
	auth := c.auth()
	if auth == nil {
		return conn, nil
	}
	replies, err := converse(ctx, conn, c.cfg.Timeout, [][]string{auth})
	if err == nil {
		err = replies[0].Err()
	}
	if err != nil {
		conn.Close()
		return nil, &NodeError{addr, "AUTH", c.unheard(replies, err)}
	}
	return conn, nil
}

// auth is the command that presents the password, nil if there is none.
func (c *Client) auth() []string {
	switch {
	case c.cfg.Password == "":
		return nil
	case c.cfg.User == "":
		return []string{"AUTH", c.cfg.Password}
	}
	return []string{"AUTH", c.cfg.User, c.cfg.Password}
}

// pause waits between two looks at something that changes by itself.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// parallel is how many nodes are talked to at the same time.
const parallel = 32

// each calls fn for 0 to n-1, several at a time, and returns all errors joined.
func each(n int, fn func(i int) error) error { return eachOf(n, parallel, fn) }

// eachOf is each with a limit of its own on the calls at the same time.
func eachOf(n, limit int, fn func(i int) error) error {
	errs := make([]error, n)
	slot := make(chan struct{}, limit)
	var wg sync.WaitGroup
	for i := range n {
		slot <- struct{}{}
		wg.Go(func() {
			errs[i] = fn(i)
			<-slot
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
