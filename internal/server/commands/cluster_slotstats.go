package commands

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

var slotStatsCommand = Command{Name: "slot-stats", Arity: -4,
	Args:  "SLOTSRANGE <start slot> <end slot>|ORDERBY <metric> [LIMIT <limit>] [ASC|DESC]",
	Flags: Stale | Loading | Callable | Hidden, Since: "8.0.0",
	Tips:    "nondeterministic_output request_policy:all_shards",
	Summary: "Describes the use of slots of this node's shard.", Run: inCluster(cmdSlotStats)}

// slotMetric is one figure of CLUSTER SLOT-STATS.
type slotMetric struct {
	name string
	of   func(*keyspace.SlotStats) int64
}

// slotMetrics are all, in the order of the reply. The first one is always there, the others
// while slots are measured.
var slotMetrics = []slotMetric{
	{"key-count", func(s *keyspace.SlotStats) int64 { return int64(s.Keys) }},
	{"cpu-usec", func(s *keyspace.SlotStats) int64 { return s.CPU.Microseconds() }},
	{"network-bytes-in", func(s *keyspace.SlotStats) int64 { return int64(s.BytesIn) }},
	{"network-bytes-out", func(s *keyspace.SlotStats) int64 { return int64(s.BytesOut) }},
	{"memory-bytes", func(s *keyspace.SlotStats) int64 { return s.Bytes }},
}

// slotMetrics returns the metrics that there are at present.
func (n *Node) slotMetrics() []slotMetric {
	if n.Store.MeasuresSlots() {
		return slotMetrics
	}
	return slotMetrics[:1]
}

// slotFigures are the metrics of one slot.
type slotFigures struct {
	slot  slots.Slot
	stats keyspace.SlotStats
}

func cmdSlotStats(c *Call) error {
	metrics := c.Node.slotMetrics()
	switch {
	case c.Word(2, "SLOTSRANGE") && len(c.Args) == 5:
		first, err := c.slotArg(3)
		if err != nil {
			return err
		}
		last, err := c.slotArg(4)
		if err != nil {
			return err
		}
		if first > last {
			return ReplyError("ERR Start slot number " + strconv.Itoa(int(first)) + " is greater than end slot number " +
				strconv.Itoa(int(last)))
		}
		c.writeSlotStats(metrics, c.Node.slotFigures(first, last))
		return nil
	case c.Word(2, "ORDERBY"):
		return c.slotsInOrder(metrics)
	}
	return ErrSubArity(c.Args)
}

// slotsInOrder is CLUSTER SLOT-STATS ORDERBY.
func (c *Call) slotsInOrder(metrics []slotMetric) error {
	by := slices.IndexFunc(metrics, func(m slotMetric) bool { return c.Word(3, upper(m.name)) })
	if by < 0 {
		return ReplyError("ERR Unrecognized sort metric for ORDERBY.")
	}
	limit, ascending := int64(slots.Count), false
	limits, orders := 0, 0
	for i := 4; i < len(c.Args); i++ {
		switch {
		case c.Word(i, "LIMIT") && i+1 < len(c.Args):
			var err error
			i++
			if limit, err = c.NumberIn(i, 1, slots.Count, errSlotLimit); err != nil {
				return err
			}
			limits++
		case c.Word(i, "ASC"), c.Word(i, "DESC"):
			ascending = c.Word(i, "ASC")
			orders++
		default:
			return ErrSyntax
		}
		if limits > 1 || orders > 1 {
			return ReplyError("ERR Multiple filters of the same type are disallowed.")
		}
	}
	list := c.Node.slotFigures(0, slots.Count-1)
	slices.SortStableFunc(list, func(a, b slotFigures) int {
		if !ascending {
			a, b = b, a
		}
		return cmp.Compare(metrics[by].of(&a.stats), metrics[by].of(&b.stats))
	})
	c.writeSlotStats(metrics, list[:min(len(list), int(limit))])
	return nil
}

const errSlotLimit = ReplyError("ERR Limit has to lie in between 1 and 16384 (maximum number of slots).")

// slotFigures returns the figures of the slots of the shard in a range, in ascending order.
func (n *Node) slotFigures(first, last slots.Slot) []slotFigures {
	set := n.Engine.Map().ShardSlots()
	list := make([]slotFigures, 0, set.Len())
	for slot := range set.All() {
		if slot >= first && slot <= last {
			list = append(list, slotFigures{slot, n.Store.SlotStats(slot)})
		}
	}
	return list
}

func (c *Call) writeSlotStats(metrics []slotMetric, list []slotFigures) {
	c.Out.Array(len(list))
	for i := range list {
		c.Out.Array(2)
		c.Out.Int(int64(list[i].slot))
		c.Out.Map(len(metrics))
		for _, m := range metrics {
			c.Out.BulkString(m.name)
			c.Out.Int(m.of(&list[i].stats))
		}
	}
}
