package migrate

import (
	"fmt"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// Reshard plans to move n slots to one master from the named ones, or, if none is
// named, from all others, in proportion to what they own.
//
// It chooses as redis-cli --cluster reshard does: the sources sorted by their number of
// slots, greatest first; the first gives its share rounded up, the others theirs
// rounded down, each its lowest slots. Because of the rounding up to len(from)-1 slots
// fewer than n may move; if the sources own fewer than n, all of theirs move.
func Reshard(masters []Master, n int, to slots.NodeID, from ...slots.NodeID) (Plan, error) {
	if n < 1 || n > slots.Count {
		return Plan{}, fmt.Errorf("migrate: %d slots cannot move; ask for 1 to %d", n, slots.Count)
	}
	if _, err := find(masters, to); err != nil {
		return Plan{}, err
	}
	sources, err := reshardSources(masters, to, from)
	if err != nil {
		return Plan{}, err
	}
	total := 0
	for i := range sources {
		total += sources[i].Slots.Len()
	}
	if total == 0 {
		return Plan{}, fmt.Errorf("migrate: the %d source nodes own no slots", len(sources))
	}
	slices.SortStableFunc(sources, func(a, b Master) int { return b.Slots.Len() - a.Slots.Len() })
	var p Plan
	left := n
	for i := range sources {
		// In single precision, like redis-cli: the same roundings give the same plan.
		share := float64(float32(n) / float32(total) * float32(sources[i].Slots.Len()))
		if i == 0 {
			share = math.Ceil(share)
		}
		set := cut(&sources[i].Slots, min(int(share), left))
		left -= set.Len()
		p.add(set, sources[i].ID, to)
	}
	return p, nil
}

// reshardSources returns copies, which the caller may take slots from.
func reshardSources(masters []Master, to slots.NodeID, from []slots.NodeID) ([]Master, error) {
	var sources []Master
	if len(from) == 0 {
		for i := range masters {
			if masters[i].ID != to {
				sources = append(sources, masters[i])
			}
		}
		return sources, nil
	}
	for i, id := range from {
		if id == to {
			return nil, fmt.Errorf("migrate: node %s is both source and target; take it out of the sources", id)
		}
		if slices.Contains(from[:i], id) {
			return nil, fmt.Errorf("migrate: source node %s is named twice", id)
		}
		m, err := find(masters, id)
		if err != nil {
			return nil, err
		}
		sources = append(sources, *m)
	}
	return sources, nil
}
