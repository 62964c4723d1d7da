package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

// frame is one table of top.
type frame struct {
	sample        *admin.Sample
	sortBy        string
	width, height int // 0: no limit
	colors        bool
	slots         bool
}

const (
	mostMoves = 3 // lines about moves
	leastRows = 3 // of nodes, however low a terminal is
)

// lines returns the frame, no line longer than width, and not more of them than height, except
// that a very low terminal gets a few.
func (f *frame) lines() []string {
	head := append([]string{f.title()}, f.warning()...)
	head = append(head, f.moves()...)
	rows := f.sorted()
	columns, address := f.layout(rows)
	head = append(head, f.styled(bold, f.heading(columns, address)))
	total := f.styled(bold, f.row(columns, address, totalOf(rows)))
	busiest := f.busiest()

	body := len(rows)
	if room := f.height - len(head) - 1; f.height > 0 {
		body = min(body, max(room-len(busiest), room*2/3, leastRows)) // slots give way to nodes
		busiest = busiest[:max(min(len(busiest), room-body), 0)]
	}
	lines := head
	for i, n := range rows {
		if i == body-1 && len(rows) > body {
			lines = append(lines, f.cut(fmt.Sprintf("… %d more", len(rows)-i)))
			break
		}
		lines = append(lines, f.styled(colorOf(n.Health), f.row(columns, address, n)))
	}
	return append(append(lines, total), busiest...)
}

// title tells of the whole cluster.
func (f *frame) title() string {
	s := f.sample
	shards, silent := 0, 0
	for _, n := range s.Nodes {
		shards = max(shards, n.Shard+1)
		if n.Err != nil {
			silent++
		}
	}
	parts := []string{s.Time.Format("15:04:05")}
	if s.Cluster {
		parts = append(parts, "cluster "+s.State, count(shards, "shard"))
	} else {
		parts = append(parts, "not in cluster mode")
	}
	parts = append(parts, count(len(s.Nodes), "node"))
	if silent > 0 {
		parts = append(parts, fmt.Sprintf("%d without an answer", silent))
	}
	return f.cut("slotmesh top  " + strings.Join(parts, ", "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (f *frame) warning() []string {
	if f.sample.Unanswered == nil {
		return nil
	}
	return []string{f.styled(red, f.cut("no node tells which nodes there are: "+f.sample.Unanswered.Error()))}
}

// moves tells what moves, a line for each pair of nodes.
func (f *frame) moves() []string {
	var lines []string
	for i, m := range f.sample.Moves {
		if i == mostMoves-1 && len(f.sample.Moves) > mostMoves {
			return append(lines, f.cut(fmt.Sprintf("… %d more moves", len(f.sample.Moves)-i)))
		}
		text := fmt.Sprintf("moving %s %s -> %s", count(m.Slots, "slot"), m.From, m.To)
		if m.Keys > 0 {
			text += fmt.Sprintf(", %s keys so far", short(m.Keys))
		}
		lines = append(lines, f.cut(text))
	}
	return lines
}

// sorted returns the nodes as they are to be shown: shards by the sum of a column over their
// nodes, the greatest first, and in each its master first.
func (f *frame) sorted() []*admin.NodeSample {
	rows := make([]*admin.NodeSample, len(f.sample.Nodes))
	sums := make(map[int]admin.Figure)
	value := sortKeys[slices.Index(sortNames(), f.sortBy)].value
	for i := range rows {
		n := &f.sample.Nodes[i]
		rows[i] = n
		if value != nil {
			sums[n.Shard] += max(value(n), 0)
		}
	}
	slices.SortStableFunc(rows, func(a, b *admin.NodeSample) int {
		return cmp.Or(cmp.Compare(sums[b.Shard], sums[a.Shard]), cmp.Compare(a.Shard, b.Shard))
	})
	return rows
}

// totalOf adds up what can be added up; keys and slots count once, at their master.
func totalOf(rows []*admin.NodeSample) *admin.NodeSample {
	t := &admin.NodeSample{Address: "total", Role: totalRole, Keys: admin.Unknown, Slots: admin.Unknown}
	t.Uptime, t.Hits = admin.Unknown, admin.Unknown
	t.Lag = admin.Unknown
	sums := func(n *admin.NodeSample) []*admin.Figure {
		return []*admin.Figure{&n.Ops, &n.Memory, &n.In, &n.Out, &n.Clients, &n.CPU, &n.Blocked, &n.Evicted, &n.Expired}
	}
	for _, sum := range sums(t) {
		*sum = admin.Unknown
	}
	for _, n := range rows {
		from := sums(n)
		for i, sum := range sums(t) {
			add(sum, *from[i])
		}
		if n.Role != admin.RoleReplica {
			add(&t.Keys, n.Keys)
			add(&t.Slots, n.Slots)
		}
		t.Lag = max(t.Lag, n.Lag)
	}
	return t
}

func add(sum *admin.Figure, f admin.Figure) {
	if f.Known() {
		*sum = max(*sum, 0) + f
	}
}

// busiest is the table of the busiest slots.
func (f *frame) busiest() []string {
	if !f.slots {
		return nil
	}
	if f.sample.NoSlots != "" {
		return []string{f.cut("no busiest slots: " + f.sample.NoSlots)}
	}
	lines := []string{f.styled(bold, f.cut("SLOT   KEYS   MEM CPU% IN/s  OUT NODE"))}
	for _, s := range f.sample.Slots {
		lines = append(lines, f.cut(fmt.Sprintf("%-5d %5s %5s %4s %4s %4s %s", s.Slot, short(s.Keys), bytesText(s.Memory),
			percent(s.CPU), shorter(s.In), shorter(s.Out), s.Address)))
	}
	return lines
}

// cut bounds a line to the width, and keeps a server from writing to the terminal.
func (f *frame) cut(line string) string {
	line = clean(line)
	if runes := []rune(line); f.width > 0 && len(runes) > f.width {
		return string(runes[:f.width-1]) + "…"
	}
	return line
}

// clean replaces what is not a plain character of one column.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= ' ' && r <= '~' || r == '…' {
			return r
		}
		return '?'
	}, text)
}

func (f *frame) styled(style, line string) string {
	if !f.colors || style == "" {
		return line
	}
	return style + line + plainText
}

func colorOf(h admin.Health) string {
	switch h {
	case admin.HealthOK:
		return ""
	case admin.HealthSuspected, admin.HealthLoading, admin.HealthSyncing:
		return yellow
	}
	return red
}
