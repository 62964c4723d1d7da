package slotmesh

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// holding is what a node says it owns, and which of that is on its way to whom.
type holding struct {
	owns    slots.Set
	leaving map[slots.Slot]place
}

func (s *scan) holdingOf(ctx context.Context, node place) (holding, error) {
	reply, err := s.askNode(ctx, node, "CLUSTER", "NODES")
	var refused ReplyError
	switch {
	case errors.As(err, &refused): // not in a cluster
		return holding{owns: slots.Full()}, nil
	case err != nil:
		return holding{}, err
	}
	return holdingIn(reply.Text(), s.placeIn), nil
}

// holdingIn reads CLUSTER NODES (SPEC §10.1): only the node that answers tells about slots on their way, and what it says of its
// own slots is true while it says so.
func holdingIn(text string, placeIn func(id, addr string) place) holding {
	h := holding{leaving: make(map[slots.Slot]place)}
	nodes := make(map[string]place)
	targets := make(map[slots.Slot]string)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		nodes[fields[0]] = placeIn(fields[0], fields[1])
		if !strings.Contains(","+fields[2]+",", ",myself,") {
			continue
		}
		for _, field := range fields[8:] {
			number, target, open := strings.Cut(strings.Trim(field, "[]"), "->-")
			slot, err := strconv.ParseUint(number, 10, 16)
			switch {
			case open && err == nil && slot < slots.Count:
				targets[slots.Slot(slot)] = target
			case !open:
				h.own(field)
			}
		}
	}
	for slot, id := range targets {
		if target, ok := nodes[id]; ok {
			h.leaving[slot] = target
		}
	}
	return h
}

// own takes "5" or "0-5460"; anything else, such as a slot that is coming, is none of its slots.
func (h *holding) own(field string) {
	first, last, several := strings.Cut(field, "-")
	if !several {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	if err == nil && err2 == nil && from <= to && to < slots.Count {
		h.owns.AddRange(slots.Range{First: slots.Slot(from), Last: slots.Slot(to)})
	}
}

// placeIn reads a node of CLUSTER NODES: "host:port@busport,hostname".
func (s *scan) placeIn(id, addr string) place {
	addr, _, _ = strings.Cut(addr, ",")
	addr, bus, _ := strings.Cut(addr, "@")
	var p place
	if at := strings.LastIndexByte(addr, ':'); at >= 0 {
		port, _ := strconv.ParseUint(addr[at+1:], 10, 16)
		p.addr = slots.Addr{Host: addr[:at], Port: uint16(port)}
	}
	if s.reach.local() != nil { // a node calls others by id, on the bus
		busPort, _ := strconv.ParseUint(bus, 10, 16)
		p.addr.BusPort = uint16(busPort)
		p.id, _ = slots.ParseNodeID(id)
	}
	return p
}
