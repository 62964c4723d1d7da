package gossip

import (
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/slots"
)

// Keys of a record's fields. As in messages, a key keeps its meaning for ever.
const (
	recID = iota
	recGen
	recGone
	recIncarnation
	recSeq
	recHost
	recPort
	recBusPort
	recHostname
	recMaster
	recConfigEpoch
	recNoFailover
	recSlots
	recFenced
	recTerm
	recOffset
)

// minRecord is the length of the shortest record: a map with an id.
const minRecord = 1 + 1 + 2 + 20

func appendRecord(b []byte, r *Record) []byte {
	w := newMap(b)
	w.id(recID, r.ID)
	w.uint(recGen, r.Gen)
	w.bool(recGone, r.Gone)
	w.uint(recIncarnation, r.Incarnation)
	w.uint(recSeq, r.Seq)
	w.string(recHost, r.Addr.Host)
	w.uint(recPort, uint64(r.Addr.Port))
	w.uint(recBusPort, uint64(r.Addr.BusPort))
	w.string(recHostname, r.Hostname)
	w.id(recMaster, r.Master)
	w.uint(recConfigEpoch, r.ConfigEpoch)
	w.bool(recNoFailover, r.NoFailover)
	w.set(recSlots, r.Slots)
	w.bool(recFenced, r.Fenced)
	w.uint(recTerm, r.Data.Term)
	w.uint(recOffset, uint64(r.Data.Offset))
	return w.done()
}

func decodeRecord(u *unpacker, r *Record) {
	for range u.mapLen() {
		if u.err != nil {
			return
		}
		switch u.uint() {
		case recID:
			r.ID = u.id()
		case recGen:
			r.Gen = u.uint()
		case recGone:
			r.Gone = u.bool()
		case recIncarnation:
			r.Incarnation = u.uint()
		case recSeq:
			r.Seq = u.uint()
		case recHost:
			r.Addr.Host = u.host()
		case recPort:
			r.Addr.Port = u.port()
		case recBusPort:
			r.Addr.BusPort = u.port()
		case recHostname:
			if r.Hostname = u.string(maxHost); !slots.ValidHostname(r.Hostname) {
				r.Hostname = "" // for display only: not worth the record
			}
		case recMaster:
			r.Master = u.id()
		case recConfigEpoch:
			r.ConfigEpoch = u.uint()
		case recNoFailover:
			r.NoFailover = u.bool()
		case recSlots:
			r.Slots = u.set()
		case recFenced:
			r.Fenced = u.bool()
		case recTerm:
			r.Data.Term = u.uint()
		case recOffset:
			r.Data.Offset = int64(u.offset())
		default:
			u.skip(maxDepth)
		}
	}
	if r.ID.IsZero() {
		u.fail("a record without an id")
	}
}

// offset reads a place in a stream: a number that fits an int64.
func (u *unpacker) offset() uint64 {
	v := u.uint()
	if v > math.MaxInt64 {
		u.fail(fmt.Sprintf("offset %d out of range", v))
		return 0
	}
	return v
}

// host reads the host of an address. What cannot be one counts as unknown.
func (u *unpacker) host() string {
	if s := u.string(maxHost); slots.ValidHost(s) {
		return s
	}
	return ""
}

func (u *unpacker) port() uint16 {
	v := u.uint()
	if v > 1<<16-1 {
		u.fail(fmt.Sprintf("port %d out of range", v))
	}
	return uint16(v)
}
