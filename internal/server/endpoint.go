package server

import "github.com/slotmesh/slotmesh/slots"

// Clients may be told to reach nodes by another name than their addresses: see
// [slots.EndpointType]. What nodes say to each other is always about addresses.

func (s *Server) endpointType() slots.EndpointType { return s.limits.Load().Endpoint }

// endpointError returns a redirect with the name under which clients reach the node it
// names, any other error as it is.
func (s *Server) endpointError(err error) error {
	t := s.endpointType()
	if t == slots.EndpointIP {
		return err
	}
	switch e := err.(type) {
	case *slots.MovedError:
		return &slots.MovedError{Slot: e.Slot, Node: e.Node, Addr: s.endpointAddr(t, e.Node, e.Addr)}
	case *slots.AskError:
		return &slots.AskError{Slot: e.Slot, Node: e.Node, Addr: s.endpointAddr(t, e.Node, e.Addr)}
	}
	return err
}

func (s *Server) endpointAddr(t slots.EndpointType, id slots.NodeID, addr slots.Addr) slots.Addr {
	node := slots.Node{ID: id, Addr: addr}
	if m := s.engine.Map(); m != nil {
		if n := m.Node(id); n != nil {
			node.Hostname = n.Hostname
		}
	}
	addr.Host = t.Of(&node)
	return addr
}

// slotsNode writes a node as CLUSTER SLOTS shows it: the preferred name, port and id,
// then what else is known of it (docs/spec.md §10.2).
func (s *session) slotsNode(n *slots.Node) {
	t := s.srv.endpointType()
	s.out.Array(4)
	if t == slots.EndpointUnknown {
		s.out.Null()
	} else {
		s.out.BulkString(t.Of(n))
	}
	s.out.Int(int64(n.Addr.Port))
	s.out.BulkString(n.ID.String())
	ip, name := t != slots.EndpointIP, t != slots.EndpointHostname && n.Hostname != ""
	s.out.Map(btoi(ip) + btoi(name))
	if ip {
		s.out.BulkString("ip")
		s.out.BulkString(n.Addr.Host)
	}
	if name {
		s.out.BulkString("hostname")
		s.out.BulkString(n.Hostname)
	}
}
