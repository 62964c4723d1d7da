package forming

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// Type tells what a request is for.
type Type uint8

const (
	TypeHello   Type = 1 // who is there?
	TypePrepare Type = 2 // will you accept no proposal with a smaller ballot?
	TypeAccept  Type = 3 // accept Value under Ballot
)

// String returns the name used in logs.
func (t Type) String() string {
	switch t {
	case TypeHello:
		return "hello"
	case TypePrepare:
		return "prepare"
	case TypeAccept:
		return "accept"
	}
	return fmt.Sprintf("unknown (%d)", uint8(t))
}

// Peer is what a node says about itself.
type Peer struct {
	ID   slots.NodeID
	Addr slots.Addr // Host "": the other end knows better, and fills it in
	Zone string     // of availability, "" for none
	// Cluster is the cluster that the node is a member of. It is zero for a fresh node.
	Cluster gossip.ClusterID
	// Serving says that slots of Cluster have owners.
	Serving bool
}

// Fresh reports whether the node is in no cluster.
func (p *Peer) Fresh() bool { return p.Cluster.IsZero() }

// Ballot orders proposals. No two are equal, since the node that makes one is part of it.
type Ballot struct {
	Round uint64 // 0 for none
	Node  slots.NodeID
}

// maxRound bounds Round, so that no peer can use the numbers up.
const maxRound = 1 << 62

// IsZero reports whether b is no ballot.
func (b Ballot) IsZero() bool { return b == Ballot{} }

// Compare is negative if b comes before o, 0 if they are equal, positive otherwise.
func (b Ballot) Compare(o Ballot) int {
	return cmp.Or(cmp.Compare(b.Round, o.Round), bytes.Compare(b.Node[:], o.Node[:]))
}

// Request is what a node asks of the one at an address of its list.
type Request struct {
	Type  Type
	Seq   uint64 // comes back in the reply
	At    string // the address of the list at which the receiver is asked
	From  Peer
	Terms Terms

	Ballot Ballot // TypePrepare and TypeAccept
	Value  *Value // TypeAccept
}

// Reply answers a Request.
type Reply struct {
	Type  Type // of the request
	Seq   uint64
	From  Peer
	Terms Terms
	// Ballot is the request's.
	Ballot Ballot
	Have   int // how many fresh nodes the sender knows, itself included

	// OK says that the promise is given (TypePrepare) or Value accepted (TypeAccept).
	OK       bool
	Promised Ballot // the greatest that the sender has promised
	// Accepted is the ballot under which the sender accepted Value last, zero for never.
	Accepted Ballot
	Value    *Value
	// Decided says that Value is the decision.
	Decided bool
}

// Value is what the nodes agree on.
type Value struct {
	Cluster  gossip.ClusterID
	Founders []Founder // masters by their slots, then replicas, then the others by id
}

// Founder is one of the nodes that found a cluster. With neither slots nor master it is a
// spare.
type Founder struct {
	ID     slots.NodeID
	Addr   slots.Addr
	Slots  slots.Range  // only if Master is zero and Owns is set
	Owns   bool         // the founder is a master with Slots
	Master slots.NodeID // the founder that this one replicates, zero for none
}

// Founder returns the founder with the given id and its position among all: its config
// epoch is one more, so that all differ. ok is false if it is none.
func (v *Value) Founder(id slots.NodeID) (f Founder, position int, ok bool) {
	for i := range v.Founders {
		if v.Founders[i].ID == id {
			return v.Founders[i], i, true
		}
	}
	return Founder{}, 0, false
}

// check returns what is wrong with a value that no Core has proposed, "" if nothing is.
func (v *Value) check() string {
	if v.Cluster.IsZero() {
		return "has no cluster id"
	}
	masters := make(map[slots.NodeID]bool, len(v.Founders))
	next := 0
	for i := range v.Founders {
		f := &v.Founders[i]
		_, twice := masters[f.ID]
		switch {
		case f.ID.IsZero() || twice:
			return "names a founder twice, or one without an id"
		case f.Addr.Host == "" || f.Addr.BusPort == 0:
			return "names a founder without an address"
		case f.Owns && (!f.Master.IsZero() || int(f.Slots.First) != next || f.Slots.Last < f.Slots.First):
			return "has slots that are not planned once each, in order"
		case f.Owns:
			next = int(f.Slots.Last) + 1
		case !f.Master.IsZero() && !masters[f.Master]:
			return "names a replica before its master"
		}
		masters[f.ID] = f.Owns
	}
	if next != slots.Count {
		return "leaves slots without an owner"
	}
	return ""
}

// Digest returns the xxhash64 of a canonical list, for a short comparison.
func Digest(list []string) uint64 {
	h := xxhash.New()
	for _, e := range list {
		_, _ = h.WriteString(e)
		_, _ = h.Write([]byte{'\n'})
	}
	return h.Sum64()
}
