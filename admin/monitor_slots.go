package admin

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// SlotSample is what one slot is used for.
type SlotSample struct {
	Slot    slots.Slot `json:"slot"`
	Address string     `json:"address"` // of its owner, "host:port"
	Keys    Figure     `json:"keys"`
	CPU     Figure     `json:"cpu"`    // per cent of one processor
	In      Figure     `json:"in"`     // bytes per second from clients
	Out     Figure     `json:"out"`    // and to them
	Memory  Figure     `json:"memory"` // bytes

	total Figure // what the server has ordered it by
}

// slotOrders are the statistics by which servers are asked for their busiest slots, the first
// one that they know. Servers that count nothing but keys know the last one only.
var slotOrders = []string{"cpu-usec", "key-count"}

// slotUse is what a node tells of its busiest slots.
type slotUse struct {
	order int // index of slotOrders; their number: it does not know CLUSTER SLOT-STATS
	slots map[slots.Slot]slotCounters
}

type slotCounters struct{ keys, cpu, in, out, memory, total Figure }

// command asks for candidates: which slots are the busiest ones since a server's start is
// known to it, and those of the last second will be among them.
func (u *slotUse) command(n int) []string {
	const least, more = 100, 4
	return []string{"CLUSTER", "SLOT-STATS", "ORDERBY", slotOrders[u.order], "LIMIT", strconv.Itoa(max(more*n, least)),
		"DESC"}
}

// read reads the answer. It reports whether there was one.
func (u *slotUse) read(r *resp.Reply) bool {
	if err := r.Err(); err != nil {
		if unsupported(err) {
			u.order = len(slotOrders)
		} else {
			u.order++
		}
		return false
	}
	u.slots = make(map[slots.Slot]slotCounters)
	for i := range r.Elems {
		e := r.Elems[i].Elems
		if len(e) != 2 || e[0].Int < 0 || e[0].Int >= slots.Count {
			continue
		}
		number := func(key string) Figure {
			if v := e[1].Lookup(key); v != nil && v.Kind == resp.Int {
				return Figure(v.Int)
			}
			return Unknown
		}
		u.slots[slots.Slot(e[0].Int)] = slotCounters{number("key-count"), number("cpu-usec"), number("network-bytes-in"),
			number("network-bytes-out"), number("memory-bytes"), number(slotOrders[u.order])}
	}
	return true
}

// busiest returns the n busiest slots of all nodes, or why there are none.
func busiest(list []*monitored, n int) ([]SlotSample, string) {
	var found []SlotSample
	answered := 0
	for _, node := range list {
		if node.use.slots != nil {
			answered++
		}
		for slot, now := range node.use.slots {
			if max(now.total, now.in, now.out, now.keys) <= 0 {
				continue // it was never used
			}
			s := SlotSample{Slot: slot, Address: node.Address, Keys: now.keys, CPU: Unknown, In: Unknown, Out: Unknown,
				Memory: now.memory, total: now.total}
			if node.before != nil && node.before.counters.run == node.counters.run {
				s.compare(&now, node.before, node.counters.at.Sub(node.before.counters.at).Seconds())
			}
			found = append(found, s)
		}
	}
	if answered == 0 {
		return nil, "the servers do not know CLUSTER SLOT-STATS"
	}
	slices.SortFunc(found, func(a, b SlotSample) int {
		return cmp.Or(cmp.Compare(b.CPU, a.CPU), cmp.Compare(b.In+b.Out, a.In+a.Out), cmp.Compare(b.total, a.total),
			cmp.Compare(a.Slot, b.Slot))
	})
	return found[:min(n, len(found))], ""
}

// compare fills in what the slot was used for since the Sample before.
func (s *SlotSample) compare(now *slotCounters, before *monitored, elapsed float64) {
	b, ok := before.use.slots[s.Slot]
	if !ok || elapsed <= 0 {
		return
	}
	rate := func(now, before Figure) Figure {
		if !now.Known() || !before.Known() || now < before {
			return Unknown
		}
		return (now - before) / Figure(elapsed)
	}
	if s.CPU = rate(now.cpu, b.cpu); s.CPU.Known() {
		s.CPU /= 1e4 // of a million microseconds
	}
	s.In, s.Out = rate(now.in, b.in), rate(now.out, b.out)
}
