package gossip

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// ClusterID names a cluster: 16 random bytes, minted by the first node that owns slots
// and adopted by a node that joins. Zero means "none yet".
type ClusterID [16]byte

// String returns 32 lowercase hexadecimal digits.
func (id ClusterID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether no cluster has been founded yet.
func (id ClusterID) IsZero() bool { return id == ClusterID{} }

// Record is what a node says about itself. Only its subject writes it; the others pass it
// on unchanged, so that of two records the one with the greater (Incarnation, Seq) is
// newer wherever it came from.
//
// A record with Gone set says that the node was forgotten. Gen counts how often that
// happened: a Gone record ends memberships of its Gen and below, and only a new MEET
// starts the next one (docs/spec.md §2.5).
type Record struct {
	ID          slots.NodeID
	Gen         uint64
	Gone        bool
	Incarnation uint64 // grows with each start of the node
	Seq         uint64 // grows with each change of the record
	Addr        slots.Addr
	Hostname    string
	Zone        string       // its availability zone
	Master      slots.NodeID // the master that it replicates; zero for a master
	ConfigEpoch uint64       // orders its slot claims (docs/spec.md §4.1)
	NoFailover  bool
	Leaving     bool       // it is about to be forgotten, and takes no slots
	Fenced      bool       // a restarted master that asks its replicas for their data, see the package comment
	Data        Data       // with Fenced: what it started with
	Witness     bool       // it never holds data, and votes where there are fewer than three masters
	Slots       *slots.Set // the slots it claims, nil for none; never changed once shared
}

// newer reports whether r is a later version than o.
func (r *Record) newer(o *Record) bool {
	if r.Incarnation != o.Incarnation {
		return r.Incarnation > o.Incarnation
	}
	return r.Seq > o.Seq
}

// hash identifies this version of the record. The digest of a view is the XOR of its
// records' hashes, so it can be kept up to date record by record.
func (r *Record) hash() uint64 {
	var b [44]byte
	copy(b[:], r.ID[:])
	binary.LittleEndian.PutUint64(b[20:], r.Gen)
	binary.LittleEndian.PutUint64(b[28:], r.Incarnation)
	binary.LittleEndian.PutUint64(b[36:], r.Seq)
	return xxhash.Sum64(b[:])
}

// claimed returns the slots that the record claims, nil for none. A replica claims none,
// whatever it says.
func (r *Record) claimed() *slots.Set {
	if r.Slots == nil || !r.Master.IsZero() || r.Slots.Empty() {
		return nil
	}
	return r.Slots
}

// claims reports whether the record claims any slot.
func (r *Record) claims() bool { return r.claimed() != nil }

// prefix shortens a node id to the 8 bytes that a summary compares.
func prefix(id slots.NodeID) uint64 { return binary.LittleEndian.Uint64(id[:]) }
