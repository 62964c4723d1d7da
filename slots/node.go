package slots

import (
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
)

// NodeID identifies a node for its whole life, whatever its address: 20 random
// bytes, written as 40 lowercase hexadecimal digits (docs/spec.md §2.1). The zero NodeID
// stands for "no node".
type NodeID [20]byte

// ParseNodeID reads 40 hexadecimal digits.
func ParseNodeID(s string) (NodeID, error) {
	var id NodeID
	if len(s) != 2*len(id) {
		return NodeID{}, fmt.Errorf("slots: %q is not a node id (40 hexadecimal digits)", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return NodeID{}, fmt.Errorf("slots: %q is not a node id (40 hexadecimal digits)", s)
	}
	return id, nil
}

// String returns the 40 lowercase hexadecimal digits.
func (id NodeID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 digits, for logs.
func (id NodeID) Short() string { return hex.EncodeToString(id[:4]) }

// MarshalText returns what String does, and nothing for the zero NodeID: the form in JSON
// and in the logs of slog.
func (id NodeID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return []byte{}, nil
	}
	return hex.AppendEncode(nil, id[:]), nil
}

// UnmarshalText reads what MarshalText returns.
func (id *NodeID) UnmarshalText(text []byte) (err error) {
	*id = NodeID{}
	if len(text) > 0 {
		*id, err = ParseNodeID(string(text))
	}
	return err
}

// IsZero reports whether id stands for "no node".
func (id NodeID) IsZero() bool { return id == NodeID{} }

// Addr is where a node was last heard: a host (an IP address, or a name the
// clients can resolve), the ports for clients and the port of the cluster bus. It
// is not the node's identity.
type Addr struct {
	Host    string
	Port    uint16 // for clients in plain text; 0 = none
	BusPort uint16
	TLSPort uint16 // for clients with TLS; 0 = none
}

// ClientPort returns the port for clients that use TLS, or for those that do not. If the
// node has only the other one it is that: some proxy may stand in between.
func (a Addr) ClientPort(tls bool) uint16 {
	if tls && a.TLSPort != 0 || a.Port == 0 {
		return a.TLSPort
	}
	return a.Port
}

// Client returns "host:port" for clients in plain text: see ClientPort.
func (a Addr) Client() string { return a.client(false) }

// ClientTLS returns "host:port" for clients with TLS: see ClientPort.
func (a Addr) ClientTLS() string { return a.client(true) }

func (a Addr) client(tls bool) string {
	return net.JoinHostPort(a.Host, strconv.Itoa(int(a.ClientPort(tls))))
}

// Bus returns "host:port" of the cluster bus.
func (a Addr) Bus() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.BusPort))) }

// String returns "host:port@busport", the form of CLUSTER NODES, with the port for clients
// in plain text.
func (a Addr) String() string {
	return a.Host + ":" + strconv.Itoa(int(a.ClientPort(false))) + "@" + strconv.Itoa(int(a.BusPort))
}

// IsZero reports whether the address is unknown.
func (a Addr) IsZero() bool { return a == Addr{} }

// Health is what a node believes about another one (docs/spec.md §3.4).
type Health uint8

const (
	Online    Health = iota // answers
	Suspected               // owes this node an answer for longer than the node timeout: PFAIL
	Failed                  // a majority of the masters agreed that it is down: FAIL
)

// String returns "online", "suspected" or "failed".
func (h Health) String() string {
	switch h {
	case Online:
		return "online"
	case Suspected:
		return "suspected"
	default:
		return "failed"
	}
}

// Node is one member of the cluster as a Map shows it.
type Node struct {
	ID          NodeID
	Addr        Addr
	Hostname    string // "" if it announces none
	Zone        string // the availability zone that it announces, "" for none
	Master      NodeID // whom it replicates; zero for a master
	ConfigEpoch uint64 // orders the node's slot claims (docs/spec.md §4.1); a replica shows its master's
	Health      Health
	NoFailover  bool // it will not stand for election
	Leaving     bool // it is about to leave the cluster, and takes no slots
	Voter       bool // its word counts for failures and elections (docs/spec.md §6.9)
	Witness     bool // it never holds data, and votes where fewer than three masters have slots
	Slots       *Set // what it owns; nil or empty if nothing. Must not be changed
}

// IsMaster reports whether the node replicates nobody.
func (n *Node) IsMaster() bool { return n.Master.IsZero() }

// HasSlots reports whether the node owns at least one slot.
func (n *Node) HasSlots() bool { return n.Slots != nil && !n.Slots.Empty() }

// slots returns the node's slots, never nil; they must not be changed.
func (n *Node) slots() *Set {
	if n.Slots == nil {
		return &noSlots
	}
	return n.Slots
}
