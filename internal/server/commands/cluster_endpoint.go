package commands

import "github.com/slotmesh/slotmesh/slots"

// Clients may be told to reach nodes by another name than their addresses: see
// [slots.EndpointType]. Those with TLS are told another port. What nodes say to each
// other is always about addresses.

// EndpointError returns a redirect with the name and the port under which clients, with
// TLS or without, reach the node it names, any other error as it is.
func (n *Node) EndpointError(err error, tls bool) error {
	t := n.Server.Endpoint()
	if t == slots.EndpointIP && !tls {
		return err
	}
	switch e := err.(type) {
	case *slots.MovedError:
		return &slots.MovedError{Slot: e.Slot, Node: e.Node, Addr: n.endpointAddr(t, tls, e.Node, e.Addr)}
	case *slots.AskError:
		return &slots.AskError{Slot: e.Slot, Node: e.Node, Addr: n.endpointAddr(t, tls, e.Node, e.Addr)}
	}
	return err
}

func (n *Node) endpointAddr(t slots.EndpointType, tls bool, id slots.NodeID, addr slots.Addr) slots.Addr {
	addr.Port = addr.ClientPort(tls)
	node := slots.Node{ID: id, Addr: addr}
	if m := n.Engine.Map(); m != nil {
		if n := m.Node(id); n != nil {
			node.Hostname = n.Hostname
		}
	}
	addr.Host = t.Of(&node)
	return addr
}

// slotsNode writes a node as CLUSTER SLOTS shows it: the preferred name, port and id,
// then what else is known of it (docs/spec.md §10.2).
func (c *Call) slotsNode(n *slots.Node) {
	t := c.Node.Server.Endpoint()
	c.Out.Array(4)
	if t == slots.EndpointUnknown {
		c.Out.Null()
	} else {
		c.Out.BulkString(t.Of(n))
	}
	c.Out.Int(int64(n.Addr.ClientPort(c.tls())))
	c.Out.BulkString(n.ID.String())
	ip, name := t != slots.EndpointIP, t != slots.EndpointHostname && n.Hostname != ""
	c.Out.Map(btoi(ip) + btoi(name))
	if ip {
		c.Out.BulkString("ip")
		c.Out.BulkString(n.Addr.Host)
	}
	if name {
		c.Out.BulkString("hostname")
		c.Out.BulkString(n.Hostname)
	}
}
