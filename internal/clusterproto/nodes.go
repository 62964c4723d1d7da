package clusterproto

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Member is a node as a line of CLUSTER NODES shows it: one node's opinion about
// another, or about itself (docs/spec.md §10.1).
type Member struct {
	ID        slots.NodeID
	Addr      slots.Addr // Host is empty if the node does not know its own yet
	Hostname  string
	Flags     []string     // in the order shown; "myself", "master", "fail?" …
	Master    slots.NodeID // the master that it replicates, zero for a master
	PingSent  time.Time    // zero if no ping is pending
	PongRecv  time.Time
	Epoch     uint64
	Connected bool
	Ranges    []slots.Range
	Open      []OpenSlot // only a node's line about itself shows them
}

// OpenSlot is a slot that is migrating from or importing to a node (docs/spec.md §8).
type OpenSlot struct {
	Slot      slots.Slot
	Importing bool         // it moves here; otherwise it moves away
	Peer      slots.NodeID // the other end
}

// String prints the form of CLUSTER NODES, "[93-<-id]".
func (o OpenSlot) String() string {
	if o.Importing {
		return fmt.Sprintf("[%d-<-%s]", o.Slot, o.Peer)
	}
	return fmt.Sprintf("[%d->-%s]", o.Slot, o.Peer)
}

// Has reports whether the line carries the flag.
func (m *Member) Has(flag string) bool { return slices.Contains(m.Flags, flag) }

// IsMaster reports whether the node is a master.
func (m *Member) IsMaster() bool { return m.Has("master") }

// Usable reports whether the line tells a real node with an address: not one in handshake,
// whose id is random, nor one whose address turned out to be another's.
func (m *Member) Usable() bool { return !m.Has("handshake") && !m.Has("noaddr") && m.Addr.Port != 0 }

// Slots returns what the line says the node owns.
func (m *Member) Slots() slots.Set {
	var s slots.Set
	for _, r := range m.Ranges {
		s.AddRange(r)
	}
	return s
}

// Owns reports whether the line says that the node owns the slot.
func (m *Member) Owns(slot slots.Slot) bool {
	return slices.ContainsFunc(m.Ranges, func(r slots.Range) bool { return r.First <= slot && slot <= r.Last })
}

// IsOpen reports whether the slot is importing here from peer, or migrating from here to
// peer.
func (m *Member) IsOpen(slot slots.Slot, importing bool, peer slots.NodeID) bool {
	return slices.Contains(m.Open, OpenSlot{Slot: slot, Importing: importing, Peer: peer})
}

// ParseNodes reads the answer to CLUSTER NODES of Redis 3 to Valkey 9 and of slotmesh.
// The error names the line and what is wrong with it.
func ParseNodes(text string) ([]Member, error) {
	var list []Member
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		m, err := parseMember(line)
		if err != nil {
			return nil, fmt.Errorf("CLUSTER NODES, line %d: %w", number, err)
		}
		list = append(list, m)
	}
	return list, nil
}

// memberFields is how many fields stand before the slots.
const memberFields = 8

func parseMember(line string) (m Member, err error) {
	f := strings.Fields(line)
	if len(f) < memberFields {
		return m, fmt.Errorf("%d fields, want at least %d", len(f), memberFields)
	}
	if m.ID, err = slots.ParseNodeID(f[0]); err != nil {
		return m, err
	}
	if m.Addr, m.Hostname, err = parseAddr(f[1]); err != nil {
		return m, err
	}
	m.Flags = strings.Split(f[2], ",")
	if f[3] != "-" {
		if m.Master, err = slots.ParseNodeID(f[3]); err != nil {
			return m, fmt.Errorf("its master: %w", err)
		}
	}
	if m.PingSent, err = parseMillis(f[4]); err != nil {
		return m, fmt.Errorf("ping-sent: %w", err)
	}
	if m.PongRecv, err = parseMillis(f[5]); err != nil {
		return m, fmt.Errorf("pong-received: %w", err)
	}
	if m.Epoch, err = strconv.ParseUint(f[6], 10, 64); err != nil {
		return m, fmt.Errorf("config-epoch %q is not a number", f[6])
	}
	m.Connected = f[7] == "connected"
	for _, word := range f[memberFields:] {
		if err := m.addSlots(word); err != nil {
			return m, err
		}
	}
	return m, nil
}

// addSlots reads "0-5460", "93", "[93->-id]" or "[93-<-id]".
func (m *Member) addSlots(word string) error {
	if !strings.HasPrefix(word, "[") {
		r, err := slots.ParseRange(word)
		if err == nil {
			m.Ranges = append(m.Ranges, r)
		}
		return err
	}
	inner, closed := strings.CutSuffix(word[1:], "]")
	number, id, outgoing := strings.Cut(inner, "->-")
	var incoming bool
	if !outgoing {
		number, id, incoming = strings.Cut(inner, "-<-")
	}
	if !closed || !outgoing && !incoming {
		return fmt.Errorf("%q is no open slot, [slot->-id] or [slot-<-id]", word)
	}
	slot, err := slots.Parse(number)
	if err != nil {
		return err
	}
	peer, err := slots.ParseNodeID(id)
	if err != nil {
		return fmt.Errorf("open slot %d: %w", slot, err)
	}
	m.Open = append(m.Open, OpenSlot{Slot: slot, Importing: incoming, Peer: peer})
	return nil
}

// parseAddr reads "ip:port@busport,hostname,key=value…", of which old servers show only
// "ip:port". IPv6 addresses stand without brackets.
func parseAddr(text string) (a slots.Addr, hostname string, err error) {
	text, rest, _ := strings.Cut(text, ",")
	hostname, _, _ = strings.Cut(rest, ",")
	if strings.Contains(hostname, "=") {
		hostname = "" // Valkey's auxiliary fields without a host name
	}
	hostPort, bus, hasBus := strings.Cut(text, "@")
	colon := strings.LastIndexByte(hostPort, ':')
	if colon < 0 {
		return a, "", fmt.Errorf("address %q has no port", text)
	}
	a.Host = strings.Trim(hostPort[:colon], "[]")
	if a.Port, err = parsePort(hostPort[colon+1:]); err != nil {
		return a, "", err
	}
	if hasBus {
		a.BusPort, err = parsePort(bus)
	}
	return a, hostname, err
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a port (0 to 65535)", text)
	}
	return uint16(n), nil
}

func parseMillis(text string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time in milliseconds", text)
	}
	if n <= 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(n), nil
}
