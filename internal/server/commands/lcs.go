package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
)

// LCSGroup is the command that compares two strings.
var LCSGroup = []Command{
	{Name: "lcs", Arity: -3, Flags: ReadOnly, Keys: TwoKeys, Group: "string", Since: "7.0.0", KeyFlags: "RO access",
		Summary: "Finds the longest common subsequence of two strings.", Tx: cmdLCS, After: replyLCS},
}

// lcsQuery is what Tx of LCS leaves for After: the search takes time in proportion to the
// product of the lengths.
type lcsQuery struct {
	a, b        []byte
	length      bool // LEN
	index       bool // IDX
	withLengths bool // WITHMATCHLEN
	least       int64
}

const (
	errLCSType   = ReplyError("ERR The specified keys must contain string values")
	errLCSBoth   = ReplyError("ERR If you want both the length and indexes, please just use IDX.")
	errLCSMemory = ReplyError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
)

func cmdLCS(c *Call, tx *keyspace.Tx) error {
	q := &c.lcs
	*q = lcsQuery{}
	a, err := readText(tx, c.Args[1])
	b, err2 := readText(tx, c.Args[2])
	if err != nil || err2 != nil {
		return errLCSType
	}
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Word(i, "IDX"):
			q.index = true
		case c.Word(i, "LEN"):
			q.length = true
		case c.Word(i, "WITHMATCHLEN"):
			q.withLengths = true
		case c.Word(i, "MINMATCHLEN") && i+1 < len(c.Args):
			i++
			if q.least, err = c.Number(i); err != nil {
				return err
			}
		default:
			return ErrSyntax
		}
	}
	if q.index && q.length {
		return errLCSBoth
	}
	if cells := (uint64(a.Len()) + 1) * (uint64(b.Len()) + 1); cells > uint64(c.MaxBulk)/4 {
		return errLCSMemory
	}
	q.a, q.b = a.AppendTo(nil, 0, a.Len()), b.AppendTo(nil, 0, b.Len())
	return nil
}

func replyLCS(c *Call) error {
	q := &c.lcs
	defer func() { *q = lcsQuery{} }()
	grid := newLCSGrid(q.a, q.b)
	switch {
	case q.length:
		c.Out.Int(int64(grid.at(len(q.a), len(q.b))))
	case q.index:
		q.replyMatches(c, grid)
	default:
		c.Out.Bulk(q.subsequence(grid))
	}
	return nil
}

// lcsGrid has, for each pair of prefixes, the length of their longest common subsequence.
type lcsGrid struct {
	cells []uint32
	width int
}

func newLCSGrid(a, b []byte) lcsGrid {
	g := lcsGrid{make([]uint32, (len(a)+1)*(len(b)+1)), len(b) + 1}
	for i, x := range a {
		above, row := g.cells[i*g.width:][:g.width], g.cells[(i+1)*g.width:][:g.width]
		for j, y := range b {
			if x == y {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(above[j+1], row[j])
			}
		}
	}
	return g
}

func (g lcsGrid) at(i, j int) uint32 { return g.cells[i*g.width+j] }

// walk calls visit for each byte of the subsequence, from the last to the first, with its
// places in a and b.
func (q *lcsQuery) walk(g lcsGrid, visit func(i, j int)) {
	for i, j := len(q.a), len(q.b); i > 0 && j > 0; {
		switch {
		case q.a[i-1] == q.b[j-1]:
			i, j = i-1, j-1
			visit(i, j)
		case g.at(i-1, j) > g.at(i, j-1):
			i--
		default:
			j--
		}
	}
}

func (q *lcsQuery) subsequence(g lcsGrid) []byte {
	out := make([]byte, g.at(len(q.a), len(q.b)))
	at := len(out)
	q.walk(g, func(i, _ int) {
		at--
		out[at] = q.a[i]
	})
	return out
}

// lcsMatch is a run of bytes that both strings have, by where it begins.
type lcsMatch struct{ a, b, n int }

func (q *lcsQuery) replyMatches(c *Call, g lcsGrid) {
	var list []lcsMatch
	current := lcsMatch{a: math.MinInt}
	add := func() {
		if current.n > 0 && int64(current.n) >= q.least {
			list = append(list, current)
		}
	}
	q.walk(g, func(i, j int) {
		if current.a == i+1 && current.b == j+1 {
			current = lcsMatch{i, j, current.n + 1}
			return
		}
		add()
		current = lcsMatch{i, j, 1}
	})
	add()
	c.Out.Map(2)
	c.Out.BulkString("matches")
	c.Out.Array(len(list))
	for _, m := range list {
		c.Out.Array(2 + btoi(q.withLengths))
		for _, from := range []int{m.a, m.b} {
			c.Out.Array(2)
			c.Out.Int(int64(from))
			c.Out.Int(int64(from + m.n - 1))
		}
		if q.withLengths {
			c.Out.Int(int64(m.n))
		}
	}
	c.Out.BulkString("len")
	c.Out.Int(int64(g.at(len(q.a), len(q.b))))
}
