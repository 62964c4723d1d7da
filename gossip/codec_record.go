package gossip

import "github.com/slotmesh/slotmesh/slots"

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
	recTLSPort
	recZone
	recLeaving
	recWitness
)

// minRecord is the length of the shortest record: a map with an id.
const minRecord = 1 + 1 + 2 + 20

func appendRecord(b []byte, r *Record) []byte {
	w := newMap(b)
	w.id(recID, r.ID)
	w.Uint(recGen, r.Gen)
	w.Bool(recGone, r.Gone)
	w.Uint(recIncarnation, r.Incarnation)
	w.Uint(recSeq, r.Seq)
	w.String(recHost, r.Addr.Host)
	w.Uint(recPort, uint64(r.Addr.Port))
	w.Uint(recBusPort, uint64(r.Addr.BusPort))
	w.String(recHostname, r.Hostname)
	w.id(recMaster, r.Master)
	w.Uint(recConfigEpoch, r.ConfigEpoch)
	w.Bool(recNoFailover, r.NoFailover)
	w.set(recSlots, r.Slots)
	w.Bool(recFenced, r.Fenced)
	w.Uint(recTerm, r.Data.Term)
	w.Uint(recOffset, uint64(r.Data.Offset))
	w.Uint(recTLSPort, uint64(r.Addr.TLSPort))
	w.String(recZone, r.Zone)
	w.Bool(recLeaving, r.Leaving)
	w.Bool(recWitness, r.Witness)
	return w.Done()
}

func decodeRecord(in *reader, r *Record) {
	for range in.Map("record") {
		if in.Err() != nil {
			return
		}
		switch in.Uint("key") {
		case recID:
			r.ID = in.id("id")
		case recGen:
			r.Gen = in.Uint("gen")
		case recGone:
			r.Gone = in.Bool("gone")
		case recIncarnation:
			r.Incarnation = in.Uint("incarnation")
		case recSeq:
			r.Seq = in.Uint("seq")
		case recHost:
			r.Addr.Host = in.host("host")
		case recPort:
			r.Addr.Port = in.port("port")
		case recBusPort:
			r.Addr.BusPort = in.port("bus port")
		case recHostname:
			if r.Hostname = in.String("hostname", maxHost); !slots.ValidHostname(r.Hostname) {
				r.Hostname = "" // for display only: not worth the record
			}
		case recMaster:
			r.Master = in.id("master")
		case recConfigEpoch:
			r.ConfigEpoch = in.Uint("config epoch")
		case recNoFailover:
			r.NoFailover = in.Bool("no failover")
		case recSlots:
			r.Slots = in.set("slots")
		case recFenced:
			r.Fenced = in.Bool("fenced")
		case recTerm:
			r.Data.Term = in.Uint("term")
		case recOffset:
			r.Data.Offset = int64(in.offset("offset"))
		case recTLSPort:
			r.Addr.TLSPort = in.port("tls port")
		case recZone:
			if r.Zone = in.String("zone", maxHost); !slots.ValidZone(r.Zone) {
				r.Zone = "" // as with the hostname
			}
		case recLeaving:
			r.Leaving = in.Bool("leaving")
		case recWitness:
			r.Witness = in.Bool("witness")
		default:
			in.Skip("unknown field", 1)
		}
	}
	if r.ID.IsZero() {
		in.Fail("record", "has no id")
	}
}
