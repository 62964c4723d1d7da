package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slotmesh/slotmesh/admin"
)

// totalRole marks the line of totals.
const totalRole admin.Role = "total"

// sortAddress orders shards by their slots.
const sortAddress = "address"

// sortKeys are what shards can be ordered by.
var sortKeys = []struct {
	name  string
	value func(*admin.NodeSample) admin.Figure
}{
	{sortAddress, nil},
	{"slots", func(n *admin.NodeSample) admin.Figure { return n.Slots }},
	{"keys", func(n *admin.NodeSample) admin.Figure {
		if n.Role == admin.RoleReplica {
			return 0
		}
		return n.Keys
	}},
	{"ops", func(n *admin.NodeSample) admin.Figure { return n.Ops }},
	{"memory", func(n *admin.NodeSample) admin.Figure { return n.Memory }},
	{"in", func(n *admin.NodeSample) admin.Figure { return n.In }},
	{"out", func(n *admin.NodeSample) admin.Figure { return n.Out }},
	{"clients", func(n *admin.NodeSample) admin.Figure { return n.Clients }},
	{"lag", func(n *admin.NodeSample) admin.Figure { return n.Lag }},
	{"cpu", func(n *admin.NodeSample) admin.Figure { return n.CPU }},
}

func sortNames() []string {
	var names []string
	for _, k := range sortKeys {
		names = append(names, k.name)
	}
	return names
}

// column is one column to the right of the node's address.
type column struct {
	head  string
	width int
	rank  int // columns of higher ranks are left out first
	text  func(*admin.NodeSample) string
}

// columns are all columns in the order in which they are shown. Up to rank lastUsual they fit
// into 80 columns beside an address of IPv4.
var columns = []column{
	{"STATE", 6, 0, func(n *admin.NodeSample) string { return stateOf(n) }},
	{"SLOTS", 5, 3, func(n *admin.NodeSample) string { return short(n.Slots) }},
	{"KEYS", 5, 2, func(n *admin.NodeSample) string { return short(n.Keys) }},
	{"OPS/s", 5, 1, func(n *admin.NodeSample) string { return short(n.Ops) }},
	{"MEM", 5, 4, func(n *admin.NodeSample) string { return bytesText(n.Memory) }},
	{"IN/s", 4, 7, func(n *admin.NodeSample) string { return shorter(n.In) }},
	{"OUT", 4, 7, func(n *admin.NodeSample) string { return shorter(n.Out) }},
	{"CONN", 4, 6, func(n *admin.NodeSample) string { return shorter(n.Clients) }},
	{"LAG", 5, 5, lagText},
	{"CPU%", 4, lastUsual, func(n *admin.NodeSample) string { return percent(n.CPU) }},
	{"HIT%", 4, 10, func(n *admin.NodeSample) string { return percent(n.Hits) }},
	{"WAIT", 4, 12, func(n *admin.NodeSample) string { return shorter(n.Blocked) }},
	{"EVIC/s", 6, 13, func(n *admin.NodeSample) string { return short(n.Evicted) }},
	{"EXP/s", 5, 14, func(n *admin.NodeSample) string { return short(n.Expired) }},
	{"UP", 5, 11, func(n *admin.NodeSample) string { return age(n.Uptime) }},
	{"ID", 8, 15, func(n *admin.NodeSample) string { return n.ID[:min(len(n.ID), 8)] }},
	{"VERSION", 9, 16, func(n *admin.NodeSample) string { return n.Version }},
}

const (
	lastUsual    = 8
	roleWidth    = 2  // "M " before the address
	usualAddress = 23 // role and the longest address of IPv4
	leastAddress = 12
)

// layout returns the columns that fit, and how wide the one of addresses is: as wide as it has
// to be if there is room for that beside the usual columns, and then others come.
func (f *frame) layout(rows []*admin.NodeSample) (shown []column, address int) {
	longest := len("M/R NODE")
	for _, n := range rows {
		longest = max(longest, roleWidth+utf8.RuneCountInString(n.Address))
	}
	if f.width == 0 {
		return columns, longest
	}
	width := func(list []column) (sum int) {
		for _, c := range list {
			sum += 1 + c.width
		}
		return sum
	}
	upTo := func(rank int) []column {
		return slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.rank > rank })
	}
	rank := lastUsual
	for least := min(longest, usualAddress); rank > 0 && least+width(upTo(rank)) > f.width; rank-- {
		if rank == lastUsual-2 {
			least = min(longest, leastAddress+roleWidth) // rather a short address than half of the figures
		}
	}
	for wider := slices.MaxFunc(columns, func(a, b column) int { return a.rank - b.rank }).rank; rank >= lastUsual &&
		rank < wider && longest+width(upTo(rank+1)) <= f.width; {
		rank++
	}
	shown = upTo(rank)
	return shown, max(min(longest, f.width-width(shown)), 1)
}

func (f *frame) heading(list []column, address int) string {
	line := fmt.Sprintf("%-*s", address, "M/R NODE")
	for _, c := range list {
		line += fmt.Sprintf(" %*s", c.width, c.head)
	}
	return f.cut(strings.TrimRight(line, " "))
}

// row is the line of a node.
func (f *frame) row(list []column, address int, n *admin.NodeSample) string {
	name := n.Address
	if n.Role != totalRole {
		name = strings.ToUpper(string(n.Role[:1])) + " " + shortAddress(clean(n.Address), address-roleWidth)
	}
	line := fmt.Sprintf("%-*s", address, name)
	for _, c := range list {
		text := c.text(n)
		if utf8.RuneCountInString(text) > c.width {
			text = string([]rune(text)[:c.width])
		}
		line += fmt.Sprintf(" %*s", c.width, text)
	}
	return f.cut(strings.TrimRight(line, " "))
}

// shortAddress shortens "host:port" to a width. It keeps the port, the beginning of a name,
// and beginning and end of an address of IPv6.
func shortAddress(addr string, width int) string {
	if len(addr) <= width {
		return addr
	}
	tail := strings.LastIndexByte(addr, ':')
	const groups = 10 // of the end of an address of IPv6: two groups and the bracket
	if strings.HasSuffix(addr[:max(tail, 0)], "]") {
		tail = max(tail-groups, 0)
	}
	if head := width - 1 - (len(addr) - tail); tail > 0 && head > 0 {
		return addr[:head] + "…" + addr[tail:]
	}
	return addr[:max(width-1, 0)] + "…"
}

func stateOf(n *admin.NodeSample) string {
	switch {
	case n.Role == totalRole:
		return ""
	case n.Health == admin.HealthLoading:
		return "load"
	}
	return string(n.Health)
}

// lagText is how far a replica is behind: bytes, or how long it has been without its master.
func lagText(n *admin.NodeSample) string {
	switch {
	case n.Role == totalRole && !n.Lag.Known(), n.Role != totalRole && n.Role != admin.RoleReplica:
		return ""
	case n.Role == admin.RoleReplica && n.LinkDown.Known():
		return age(n.LinkDown)
	}
	return bytesText(n.Lag)
}

// units of numbers, each so many times the one before.
const units = "kMGTPE"

// scaled prints a number with at most digits digits, and a unit if it has more than whole.
func scaled(f admin.Figure, base float64, whole float64, digits int) string {
	if !f.Known() {
		return "-"
	}
	v := float64(f)
	if v < whole {
		return fmt.Sprintf("%.0f", v)
	}
	unit := -1
	for v >= 999.5 && unit < len(units)-1 || unit < 0 {
		v, unit = v/base, unit+1
	}
	for decimals := digits - 1; ; decimals-- {
		text := fmt.Sprintf("%.*f", decimals, v)
		if decimals == 0 || len(text) <= digits+1 { // a point besides the digits
			return text + units[unit:unit+1]
		}
	}
}

// short prints a number in up to five characters: 99999, 100k, 1.23M.
func short(f admin.Figure) string { return scaled(f, 1000, 99999.5, 3) }

// shorter prints a number in up to four characters: 9999, 10k, 1.2M.
func shorter(f admin.Figure) string { return scaled(f, 1000, 9999.5, 2) }

// bytesText prints a number of bytes in up to five characters, k being 1024.
func bytesText(f admin.Figure) string { return scaled(f, 1024, 999.5, 3) }

func percent(f admin.Figure) string {
	switch {
	case !f.Known():
		return "-"
	case f < 9.95:
		return fmt.Sprintf("%.1f", float64(f))
	}
	return shorter(f)
}

// age prints seconds in up to five characters: 59s, 59m, 23h, 999d.
func age(f admin.Figure) string {
	if !f.Known() {
		return "-"
	}
	d := time.Duration(f) * time.Second
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < day:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d/day))
}
