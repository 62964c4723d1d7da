package gossip

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// State is what a node must not forget when it stops: its own record, what it promised
// (epochs, votes), and the nodes that it knew. Nodes[0] is the node itself; records of
// forgotten nodes have Gone set.
type State struct {
	Cluster       ClusterID
	Established   bool   // the cluster has, or once had, a second member
	Served        bool   // the cluster has served clients at some time
	CurrentEpoch  uint64 // docs/spec.md §4.1
	LastVoteEpoch uint64 // the last epoch this node voted in (docs/spec.md §6.5)
	Electorate    Electorate
	Accepted      *Electorate // the next one, which this node has accepted
	Undecided     []Undecided // elections that it voted in
	Nodes         []Record
	Migrating     map[slots.Slot]slots.NodeID
	Importing     map[slots.Slot]slots.NodeID
	Ceded         map[slots.Slot]slots.NodeID // given away, and not yet claimed by their new owner
}

// State returns what would be saved now.
func (c *Core) State() *State {
	st := &State{
		Cluster: c.cluster, Established: c.established, Served: c.served,
		CurrentEpoch: c.currentEpoch, LastVoteEpoch: c.lastVoteEpoch, Electorate: c.electors, Accepted: c.proposal,
		Undecided: slices.Clone(c.undecided),
		Migrating: cloneOpen(c.migrating), Importing: cloneOpen(c.importing), Ceded: cloneOpen(c.ceded),
	}
	st.Nodes = make([]Record, 0, len(c.list)+len(c.gone.order))
	st.Nodes = append(st.Nodes, c.self.rec)
	for _, n := range c.list {
		if n != c.self {
			st.Nodes = append(st.Nodes, n.rec)
		}
	}
	return c.gone.appendTo(st)
}

// validate refuses a State that no core has saved: the core relies on these bounds.
func (s *State) validate() error {
	members := 0
	for i := range s.Nodes {
		if !s.Nodes[i].Gone {
			members++
		}
	}
	switch {
	case len(s.Nodes) == 0:
		return errors.New("gossip: the State names no node, not even this one")
	case members > maxMembers:
		return fmt.Errorf("gossip: the State names %d members, a cluster has at most %d", members, maxMembers)
	}
	if e := s.Electorate; e.Version > maxCounter || e.Epoch > max(s.CurrentEpoch, s.LastVoteEpoch) {
		return errors.New("gossip: the State has an electorate of an epoch that the node has not reached")
	}
	for _, u := range s.Undecided {
		if u.Epoch > max(s.CurrentEpoch, s.LastVoteEpoch) {
			return errors.New("gossip: the State has an election of an epoch that the node has not reached")
		}
	}
	for i := range s.Nodes {
		r := &s.Nodes[i]
		if greatest := max(s.CurrentEpoch, s.LastVoteEpoch, r.ConfigEpoch, r.Incarnation, r.Gen); greatest > maxCounter {
			return fmt.Errorf("gossip: the State has the number %d for an epoch, incarnation or membership of node %s, "+
				"which only a lying peer can have brought "+
				"there: the greatest is %d; move the state away to start as a new node", greatest, r.ID.Short(), uint64(maxCounter))
		}
	}
	return nil
}

const (
	stateMagic   = "SMNODES"
	stateVersion = 1
)

const (
	stCluster = iota
	stEstablished
	stCurrentEpoch
	stLastVoteEpoch
	stNodes
	stMigrating
	stImporting
	stServed
	stCeded
	stElectorate
	stAccepted
	stUndecided
)

// EncodeState returns the content of the state file: msgpack, sealed with a checksum.
func EncodeState(s *State) []byte {
	w := newMap(nil)
	if !s.Cluster.IsZero() {
		w.B = msgp.AppendBytes(w.Key(stCluster), s.Cluster[:])
	}
	w.Bool(stEstablished, s.Established)
	w.Uint(stCurrentEpoch, s.CurrentEpoch)
	w.Uint(stLastVoteEpoch, s.LastVoteEpoch)
	w.B = msgp.AppendArrayHeader(w.Key(stNodes), len(s.Nodes))
	for i := range s.Nodes {
		w.B = appendRecord(w.B, &s.Nodes[i])
	}
	w.openSlots(stMigrating, s.Migrating)
	w.openSlots(stImporting, s.Importing)
	w.Bool(stServed, s.Served)
	w.openSlots(stCeded, s.Ceded)
	if s.Electorate.Version > 0 {
		w.electorate(stElectorate, &s.Electorate)
	}
	w.electorate(stAccepted, s.Accepted)
	w.undecided(stUndecided, s.Undecided)
	return frame.Seal(stateMagic, stateVersion, w.Done())
}

// openSlots writes an array of slot, node, slot, node …
func (w *mapWriter) openSlots(key uint64, open map[slots.Slot]slots.NodeID) {
	if len(open) == 0 {
		return
	}
	w.B = msgp.AppendArrayHeader(w.Key(key), 2*len(open))
	for _, slot := range slices.Sorted(maps.Keys(open)) { // in order, so that equal states have equal files
		id := open[slot]
		w.B = msgp.AppendUint(w.B, uint64(slot))
		w.B = msgp.AppendBytes(w.B, id[:])
	}
}

// DecodeState reads the content of a state file. The error says what is wrong with it,
// and matches ErrMalformed.
func DecodeState(file []byte) (*State, error) {
	version, payload, err := frame.Open(stateMagic, file)
	if err != nil {
		return nil, &corruptError{err}
	}
	if version != stateVersion {
		return nil, fmt.Errorf("its format version is %d, this program reads version %d: %w", version, stateVersion,
			ErrMalformed)
	}
	s := new(State)
	r := newReader(payload)
	for range r.Map("state") {
		if r.Err() != nil {
			break
		}
		s.decodeField(r, r.Uint("key"))
	}
	if r.End(); len(s.Nodes) == 0 || s.Nodes[0].Gone {
		r.Fail("state", "does not have the node itself")
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return s, nil
}

// corruptError is about the seal of a state file. It reads as the error within.
type corruptError struct{ error }

func (e *corruptError) Is(target error) bool { return target == ErrMalformed }

func (e *corruptError) Unwrap() error { return e.error }

func (s *State) decodeField(r *reader, key uint64) {
	switch key {
	case stCluster:
		r.Fixed("cluster id", s.Cluster[:])
	case stEstablished:
		s.Established = r.Bool("established")
	case stCurrentEpoch:
		s.CurrentEpoch = r.Uint("current epoch")
	case stLastVoteEpoch:
		s.LastVoteEpoch = r.Uint("last vote epoch")
	case stNodes:
		for range r.Array("nodes", minRecord) {
			if r.Err() != nil {
				return
			}
			s.Nodes = append(s.Nodes, Record{})
			decodeRecord(r, &s.Nodes[len(s.Nodes)-1])
		}
	case stMigrating:
		s.Migrating = r.openSlots("migrating slots")
	case stImporting:
		s.Importing = r.openSlots("importing slots")
	case stServed:
		s.Served = r.Bool("served")
	case stCeded:
		s.Ceded = r.openSlots("ceded slots")
	case stElectorate:
		if e := r.electorate("electorate"); e != nil {
			s.Electorate = *e
		}
	case stAccepted:
		s.Accepted = r.electorate("accepted electorate")
	case stUndecided:
		s.Undecided = r.undecided("undecided elections", math.MaxInt)
	default:
		r.Skip("unknown field", 1)
	}
}

func (r *reader) openSlots(field string) map[slots.Slot]slots.NodeID {
	open := make(map[slots.Slot]slots.NodeID)
	for range r.Array(field, 1) / 2 {
		slot, id := r.UintMax(field, slots.Count-1), r.id(field)
		if r.Err() != nil {
			return nil
		}
		open[slots.Slot(slot)] = id
	}
	return open
}
