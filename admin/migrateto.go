package admin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// migrateTarget is where a server brings keys to by MIGRATE. The server dials that node
// itself, and not as this client does: with TLS if its own tls-cluster says so, however it
// was asked to. Nodes name to a client the ports that are for the client's kind of
// connection, which may be the wrong ones here.
type migrateTarget struct {
	source *Client // that reaches the server
	server string  // "host:port"
	to     *Node
	listed slots.Addr // of the node, as nodes tell this client
}

// find returns the address that the server can dial.
func (m *migrateTarget) find(ctx context.Context, c *Client) (slots.Addr, error) {
	value, known := m.source.setting(ctx, m.server, "tls-cluster")
	byTLS := value == "yes"
	if !known || byTLS == (c.cfg.TLS != nil) {
		return m.listed, nil
	}
	names := []string{"cluster-announce-port", "port"}
	if byTLS {
		names = []string{"cluster-announce-tls-port", "tls-port"}
	}
	addr := m.listed
	for _, name := range names {
		value, known := c.setting(ctx, m.to.Address, name)
		port, err := strconv.ParseUint(value, 10, 16)
		switch {
		case !known || err != nil:
			return m.listed, nil // it may be right
		case port > 0:
			addr.Port = uint16(port)
			return addr, nil
		}
	}
	if byTLS {
		return addr, fmt.Errorf("%s moves keys over TLS (its tls-cluster is yes), and %s has no port for that: "+
			"CONFIG SET tls-port there, or tls-cluster no at %[1]s", m.server, m.to.Name())
	}
	return addr, fmt.Errorf("%s moves keys without TLS (its tls-cluster is no), and %s has no port for that: "+
		"CONFIG SET tls-cluster yes at %[1]s", m.server, m.to.Name())
}

// setting returns the value of a directive at a node. It is not known if the node does not
// tell it, or does not have it; TLS is one of the things that servers are built without.
func (c *Client) setting(ctx context.Context, addr, name string) (value string, known bool) {
	reply, err := c.do(ctx, addr, "CONFIG", "GET", name)
	if err != nil || len(reply.Elems) != 2 {
		return "", false
	}
	return reply.Elems[1].Text(), true
}

// migrate returns the command that moves keys to h.target (docs/spec.md §8.3).
func (h *handMove) migrate(l load, replace bool) []string {
	return h.c.migrateCommand(h.target, h.o.Timeout, false, replace, l.keys)
}

// findTarget finds out where the source dials the target, whose address is what the source
// thinks that it is.
func (h *handMove) findTarget(ctx context.Context) (err error) {
	listed := h.to.Addr
	if m := h.from.member(h.to.ID); m != nil && m.Addr.Host != "" {
		listed = m.Addr
	}
	target := &migrateTarget{source: h.c, server: h.from.Address, to: h.to, listed: listed}
	h.target, err = target.find(ctx, h.c)
	return err
}

func (c *Client) migrateCommand(to slots.Addr, timeout time.Duration, keepCopy, replace bool, keys []string) []string {
	cmd := []string{"MIGRATE", to.Host, strconv.Itoa(int(to.Port)), "", "0", strconv.FormatInt(timeout.Milliseconds(), 10)}
	if keepCopy {
		cmd = append(cmd, "COPY")
	}
	if replace {
		cmd = append(cmd, "REPLACE")
	}
	switch {
	case c.cfg.Password == "":
	case c.cfg.User == "":
		cmd = append(cmd, "AUTH", c.cfg.Password)
	default:
		cmd = append(cmd, "AUTH2", c.cfg.User, c.cfg.Password)
	}
	return append(append(cmd, "KEYS"), keys...)
}
