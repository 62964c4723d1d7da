package admin

import (
	"fmt"
	"net"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/slots"
)

// Member is a node as a line of CLUSTER NODES shows it: one node's opinion about
// another, or about itself (docs/spec.md §10.1).
type Member = clusterproto.Member

// OpenSlot is a slot that is migrating from or importing to a node (docs/spec.md §8).
type OpenSlot = clusterproto.OpenSlot

// ParseNodes reads the answer to CLUSTER NODES of Redis 3 to Valkey 9 and of slotmesh.
// The error names the line and what is wrong with it.
func ParseNodes(text string) ([]Member, error) {
	list, err := clusterproto.ParseNodes(text)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return list, nil
}

// splitAddr reads "host:port" as users write it.
func splitAddr(text string) (slots.Addr, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return slots.Addr{}, fmt.Errorf("admin: %q is not host:port", text)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || p == 0 || host == "" {
		return slots.Addr{}, fmt.Errorf("admin: %q is not host:port", text)
	}
	return slots.Addr{Host: host, Port: uint16(p)}, nil
}
