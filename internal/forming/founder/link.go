package founder

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/forming"
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

// lookupTimeout bounds one search for the addresses of a list.
const lookupTimeout = 5 * time.Second

// addresses returns the client addresses that the list names now.
func (f *Founder) addresses(ctx context.Context) ([]string, error) {
	if f.cfg.Discover != nil {
		return f.cfg.Discover(ctx)
	}
	var list []string
	for _, entry := range f.cfg.Terms.List {
		name, dns := strings.CutPrefix(entry, "dns:")
		if !dns {
			list = append(list, entry)
			continue
		}
		host, port, err := net.SplitHostPort(name)
		if err != nil {
			return nil, err // forming.ParseList has seen it
		}
		hosts, err := f.cfg.Lookup(ctx, host)
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			list = append(list, net.JoinHostPort(h, port))
		}
	}
	return list, nil
}

// link asks the node at one address.
type link struct {
	f        *Founder
	address  string
	requests chan forming.Request
	stop     context.CancelFunc
}

// link returns that of an address.
func (f *Founder) link(address string) *link {
	l := f.links[address]
	if l == nil {
		ctx, cancel := context.WithCancel(f.ctx)
		l = &link{f: f, address: address, requests: make(chan forming.Request, 4), stop: cancel}
		f.links[address] = l
		f.spawn(func() { l.run(ctx) })
	}
	return l
}

// closeLinks ends the connections to all addresses.
func (f *Founder) closeLinks() { f.pruneLinks(nil) }

// pruneLinks ends the connections to addresses that are not in the list.
func (f *Founder) pruneLinks(keep []string) {
	kept := make(map[string]bool, len(keep))
	for _, a := range keep {
		kept[a] = true
	}
	for a, l := range f.links {
		if !kept[a] {
			l.stop()
			delete(f.links, a)
		}
	}
}

// send hands a request to the link; false if the one before is not answered yet.
func (l *link) send(r forming.Request) bool {
	select {
	case l.requests <- r:
		return true
	default:
		return false
	}
}

func (l *link) run(ctx context.Context) {
	var c *conn
	defer func() { c.close() }()
	for {
		select {
		case r := <-l.requests:
			reply, err := l.exchange(ctx, &c, &r)
			if err != nil {
				c.close()
				c = nil
			}
			l.f.input(func(now time.Time) {
				switch core := l.f.core; {
				case core == nil || ctx.Err() != nil:
				case err != nil:
					core.Failed(now, l.address, r.Seq)
				default:
					core.Answer(now, l.address, *reply)
				}
			})
		case <-ctx.Done():
			return
		}
	}
}

// exchange asks on the connection that is there, or on a new one.
func (l *link) exchange(ctx context.Context, c **conn, r *forming.Request) (*forming.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, forming.RequestTimeout)
	defer cancel()
	if *c == nil {
		addr, err := l.f.cfg.BusAddr(ctx, l.address)
		if err != nil {
			return nil, err
		}
		if *c, err = l.f.dial(ctx, addr); err != nil {
			return nil, err
		}
	}
	return (*c).ask(ctx, r)
}

// conn is a connection to another node's Founder.
type conn struct {
	net.Conn
	frames *frame.Reader
	host   string // that was dialled
}

func (f *Founder) dial(ctx context.Context, addr slots.Addr) (*conn, error) {
	raw, err := f.cfg.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: raw, frames: frame.NewReader(raw, forming.MaxMessage), host: addr.Host}, nil
}

func (c *conn) close() {
	if c != nil {
		c.Conn.Close()
	}
}

var errOther = errors.New("it answers something else")

// ask sends a request and waits for its reply, until ctx ends.
func (c *conn) ask(ctx context.Context, r *forming.Request) (*forming.Reply, error) {
	deadline, _ := ctx.Deadline()
	c.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { c.Conn.Close() })()
	b, start := frame.Begin(nil)
	if _, err := c.Write(frame.Finish(forming.AppendRequest(b, r), start)); err != nil {
		return nil, err
	}
	payload, err := c.frames.Next()
	if err != nil {
		return nil, err
	}
	reply, err := forming.DecodeReply(payload)
	if err != nil {
		return nil, err
	}
	if reply.Seq != r.Seq || reply.Type != r.Type {
		return nil, errOther
	}
	if reply.From.Addr.Host == "" {
		reply.From.Addr.Host = c.host
	}
	return reply, nil
}

// hello asks the node whose bus listens at addr what it is.
func (f *Founder) hello(ctx context.Context, addr slots.Addr) (*forming.Peer, error) {
	ctx, cancel := context.WithTimeout(ctx, forming.RequestTimeout)
	defer cancel()
	c, err := f.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	reply, err := c.ask(ctx, &forming.Request{Type: forming.TypeHello, Seq: 1, From: f.cfg.Self(), Terms: f.cfg.Terms})
	if err != nil {
		return nil, err
	}
	if reply.Terms.Name != f.cfg.Terms.Name {
		return nil, errors.New("it is of a cluster with another name")
	}
	return &reply.From, nil
}
