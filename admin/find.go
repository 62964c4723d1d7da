package admin

import (
	"fmt"
	"net"
)

// Find returns the node that a user means by an id, the unambiguous beginning of one, or
// "host:port", where host may also be a name: one that the node announces, or that the
// resolver knows.
func (v *View) Find(text string) (*Node, error) {
	var match []*Node
	for _, n := range v.Nodes {
		if n.Address == text || n.Addr.Client() == text {
			return n, nil
		}
		if len(text) >= 4 && len(text) <= 40 && n.ID.String()[:len(text)] == text {
			match = append(match, n)
		}
	}
	switch len(match) {
	case 1:
		return match[0], nil
	case 0:
		if n := v.named(text); n != nil {
			return n, nil
		}
		return nil, fmt.Errorf("%w: %q; name one of its %d nodes by id or host:port", ErrUnknownNode, text, len(v.Nodes))
	}
	return nil, fmt.Errorf("%w: %q is the beginning of %d ids; give more digits", ErrUnknownNode, text, len(match))
}

// named returns the node at "name:port", nil if there is none.
func (v *View) named(text string) *Node {
	name, port, err := net.SplitHostPort(text)
	if err != nil || net.ParseIP(name) != nil {
		return nil
	}
	hosts := []string{name}
	for _, n := range v.Nodes {
		if n.Hostname == name {
			hosts = append(hosts, n.Addr.Host)
		}
	}
	if len(hosts) == 1 {
		hosts, _ = net.LookupHost(name) // a name that nobody knows is a node that nobody knows
	}
	for _, host := range hosts {
		for _, n := range v.Nodes {
			if n.Addr.Client() == net.JoinHostPort(host, port) {
				return n
			}
		}
	}
	return nil
}
