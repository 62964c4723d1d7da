package clusterproto

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// SlotRange is one row of CLUSTER SLOTS: slots that one shard serves.
type SlotRange struct {
	slots.Range
	Master   slots.Addr
	Replicas []slots.Addr
}

// ParseSlots reads the reply to CLUSTER SLOTS (docs/spec.md §10.2). A node without a host
// is at the host that was asked. The error names the row.
func ParseSlots(reply *resp.Reply, asked string) ([]SlotRange, error) {
	list := make([]SlotRange, 0, len(reply.Elems))
	for i := range reply.Elems {
		row := reply.Elems[i].Elems
		if len(row) < 3 {
			return nil, fmt.Errorf("CLUSTER SLOTS, row %d: %d fields, want first slot, last slot and nodes", i+1, len(row))
		}
		first, last := row[0].Int, row[1].Int
		if row[0].Kind != resp.Int || row[1].Kind != resp.Int || first < 0 || first > last || last >= slots.Count {
			return nil, fmt.Errorf("CLUSTER SLOTS, row %d: %d-%d is not a range of slots", i+1, first, last)
		}
		r := SlotRange{Range: slots.Range{First: slots.Slot(first), Last: slots.Slot(last)}}
		for j := range row[2:] {
			addr, err := slotsAddr(&row[2+j], asked)
			if err != nil {
				return nil, fmt.Errorf("CLUSTER SLOTS, row %d, node %d: %w", i+1, j+1, err)
			}
			if j == 0 {
				r.Master = addr
			} else {
				r.Replicas = append(r.Replicas, addr)
			}
		}
		list = append(list, r)
	}
	return list, nil
}

// slotsAddr reads a node: name, port, id, metadata. A node that should have a host name and
// has none is named slots.NoHostname, and its address is in the metadata.
func slotsAddr(r *resp.Reply, asked string) (slots.Addr, error) {
	if len(r.Elems) < 2 || r.Elems[1].Kind != resp.Int || r.Elems[1].Int < 0 || r.Elems[1].Int > math.MaxUint16 {
		return slots.Addr{}, errors.New("is not a host and a port (0 to 65535)")
	}
	host := r.Elems[0].Text()
	if host == slots.NoHostname && len(r.Elems) > 3 {
		host = fieldOf(&r.Elems[3], "ip")
	}
	return slots.Addr{Host: cmp.Or(host, asked), Port: uint16(r.Elems[1].Int)}, nil
}

// fieldOf returns a field of a map, or of an array of names and values; "" if it is not
// there.
func fieldOf(r *resp.Reply, name string) string {
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if r.Elems[i].Text() == name {
			return r.Elems[i+1].Text()
		}
	}
	return ""
}
