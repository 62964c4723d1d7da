package forming

import (
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// maxAddress is the longest address of a list: a name, what stands before it, and a port.
const maxAddress = maxHost + 16

// reader is msgp's with the parts of messages and states added.
type reader struct{ msgp.Reader }

func newReader(b []byte) *reader {
	r := new(reader)
	r.Reset(b, malformed)
	return r
}

func (r *reader) id(field string) (id slots.NodeID) {
	r.Fixed(field, id[:])
	return id
}

// tuple reads the header of an array of n elements.
func (r *reader) tuple(field string, n int) {
	if got := r.Array(field, 1); got != n {
		r.Fail(field, fmt.Sprintf("has %d elements instead of %d", got, n))
	}
}

func (r *reader) ballot(field string) (b Ballot) {
	r.tuple(field, 2)
	b.Round, b.Node = r.UintMax(field, maxRound), r.id(field)
	return b
}

func (r *reader) addr(field string) (a slots.Addr) {
	r.tuple(field, 4)
	a.Host = r.String(field, maxHost)
	if a.Host != "" && !slots.ValidHost(a.Host) {
		r.Fail(field, "has a host that can be none")
	}
	a.Port, a.BusPort, a.TLSPort = r.port(field), r.port(field), r.port(field)
	return a
}

func (r *reader) port(field string) uint16 { return uint16(r.UintMax(field, math.MaxUint16)) }

func (r *reader) terms(t *Terms) {
	for range r.Map("terms") {
		if r.Err() != nil {
			return
		}
		switch r.Uint("key") {
		case termName:
			t.Name = r.String("name", MaxName)
		case termList:
			n := r.Array("list", 1)
			if n > MaxList {
				r.Fail("list", fmt.Sprintf("has %d addresses, more than %d", n, MaxList))
				return
			}
			t.List = make([]string, n)
			for i := range t.List {
				t.List[i] = r.String("address", maxAddress)
			}
		case termExpect:
			t.Expect = int(r.UintMax("number of nodes to expect", math.MaxInt32))
		case termReplicas:
			t.Replicas = int(r.UintMax("number of replicas", math.MaxInt32))
		default:
			r.Skip("unknown field", 1)
		}
	}
}

func (r *reader) peer(p *Peer) {
	for range r.Map("peer") {
		if r.Err() != nil {
			return
		}
		switch r.Uint("key") {
		case peerID:
			p.ID = r.id("node id")
		case peerAddr:
			p.Addr = r.addr("address")
		case peerZone:
			p.Zone = r.String("zone", maxZone)
		case peerCluster:
			r.Fixed("cluster id", p.Cluster[:])
		case peerServing:
			p.Serving = r.Bool("serving")
		default:
			r.Skip("unknown field", 1)
		}
	}
}

// value reads a value that check finds nothing wrong with.
func (r *reader) value(field string) *Value {
	v := new(Value)
	for range r.Map(field) {
		if r.Err() != nil {
			return nil
		}
		switch r.Uint("key") {
		case valueCluster:
			r.Fixed("cluster id", v.Cluster[:])
		case valueFounders:
			n := r.Array("founders", minFounder)
			if n > MaxFounders {
				r.Fail("founders", fmt.Sprintf("are %d, more than %d", n, MaxFounders))
			}
			v.Founders = make([]Founder, 0, min(n, MaxFounders))
			for range n {
				if r.Err() != nil {
					return nil
				}
				v.Founders = append(v.Founders, r.founder())
			}
		default:
			r.Skip("unknown field", 1)
		}
	}
	if r.Err() != nil {
		return nil
	}
	if wrong := v.check(); wrong != "" {
		r.Fail(field, wrong)
		return nil
	}
	return v
}

func (r *reader) founder() (f Founder) {
	for range r.Map("founder") {
		if r.Err() != nil {
			return f
		}
		switch r.Uint("key") {
		case peerID:
			f.ID = r.id("founder")
		case peerAddr:
			f.Addr = r.addr("founder's address")
		case peerSlots:
			r.tuple("slots", 2)
			f.Slots.First = slots.Slot(r.UintMax("slots", slots.Count-1))
			f.Slots.Last, f.Owns = slots.Slot(r.UintMax("slots", slots.Count-1)), true
		case peerMaster:
			f.Master = r.id("master")
		default:
			r.Skip("unknown field", 1)
		}
	}
	return f
}
