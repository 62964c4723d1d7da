package rdb

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestStreamsAgainstRedis exchanges streams of random histories with a real redis-server,
// both ways. What Redis dumps is what we write, byte for byte, if nothing was deleted; if
// entries were, Redis has the same content and the same groups of what we write.
func TestStreamsAgainstRedis(t *testing.T) {
	redis := startRedis(t)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 60 {
		compress := "no"
		if i%3 == 2 {
			compress = "yes"
		}
		redis.do(t, "CONFIG", "SET", "rdbcompression", compress)
		deletes := i%2 == 1
		redis.randomStream(t, r, []int{0, 3, 30, 300, 1000}[i%5], deletes)
		redis.compareStream(t, deletes || compress == "yes")
	}
	redis.do(t, "CONFIG", "SET", "rdbcompression", "no")
	redis.randomStream(t, r, 10_000, false)
	redis.compareStream(t, false)
	redis.randomStream(t, r, 10_000, true)
	redis.compareStream(t, true)
}

// compareStream sends the stream at k to us and back; differs says that the bytes may.
func (c *redis) compareStream(t *testing.T, differs bool) {
	t.Helper()
	theirs := c.do(t, "DUMP", "k")
	v, elements, err := elementsOf([]byte(theirs))
	if err != nil || v.Type != Stream {
		t.Fatalf("we read type %d, %v", v.Type, err)
	}
	ours := encode(t, Stream, false, elements)
	if !differs && string(ours) != theirs {
		t.Fatalf("of %d parts we write %d bytes, Redis %d:\n%.3000q\n%.3000q", len(elements), len(ours), len(theirs),
			ours, theirs)
	}
	if !Same(ours, []byte(theirs)) {
		t.Fatal("what we write is not the same as what Redis writes")
	}
	if got := c.do(t, "RESTORE", "back", "0", string(ours), "REPLACE"); got != "+OK" {
		t.Fatalf("Redis refuses our payload of %d parts: %s", len(elements), got)
	}
	if !differs || !strings.Contains(theirs, "\xc3") { // not compressed: Redis keeps our bytes
		if got := c.do(t, "DUMP", "back"); !Same([]byte(got), ours) {
			t.Fatal("Redis dumps something else than it was given")
		}
	}
	nodes := regexp.MustCompile(`"radix-tree-\w+" ":\d+"`)
	whole := func(key string) string {
		text := c.text(t, "XINFO", "STREAM", key, "FULL", "COUNT", "0")
		if differs { // there are no deleted entries in our nodes
			text = nodes.ReplaceAllString(text, "")
		}
		return text
	}
	if want, got := whole("k"), whole("back"); got != want {
		t.Fatalf("Redis has %.2000s, want %.2000s", got, want)
	}
}

// randomStream makes the stream k with n entries.
func (c *redis) randomStream(t *testing.T, r *rand.Rand, n int, deletes bool) {
	t.Helper()
	c.do(t, "DEL", "k")
	for _, group := range []string{"g", "17", "", "long" + strings.Repeat("g", 100)}[:r.IntN(5)] {
		c.do(t, "XGROUP", "CREATE", "k", group, []string{"$", "0", "5-3"}[r.IntN(3)], "MKSTREAM")
	}
	c.do(t, "XGROUP", "CREATE", "k", "main", "0", "MKSTREAM")
	ms, seq := uint64(r.IntN(3)), uint64(1)
	for range n {
		if r.IntN(3) == 0 {
			ms, seq = ms+[]uint64{1, 100, 1 << 33}[r.IntN(3)], r.Uint64()>>(1+r.IntN(63))
		}
		seq += 1 + uint64(r.IntN(3))
		line := []string{"XADD", "k", strconv.FormatUint(ms, 10) + "-" + strconv.FormatUint(seq, 10)}
		for i := range []int{1, 3, 3, 3, 1 + r.IntN(8)}[r.IntN(5)] {
			line = append(line, "field"+strconv.Itoa(i+r.IntN(30)/29), string(randomString(r)))
		}
		c.do(t, line...)
		switch what := r.IntN(40); {
		case what < 8:
			c.text(t, "XREADGROUP", "GROUP", "main", "c"+strconv.Itoa(r.IntN(4)), "COUNT", strconv.Itoa(1+r.IntN(9)), "STREAMS",
				"k", ">")
		case what == 8:
			c.text(t, "XAUTOCLAIM", "k", "main", strconv.Itoa(r.IntN(5)), "0", "0", "COUNT", "3")
		case what == 9 && deletes:
			c.do(t, "XTRIM", "k", "MAXLEN", []string{"~", "="}[r.IntN(2)], strconv.Itoa(r.IntN(500)))
		case what < 14 && deletes:
			c.do(t, "XDEL", "k", line[2])
		case what == 14:
			c.do(t, "XACK", "k", "main", line[2])
		}
	}
	if deletes && r.IntN(8) == 0 {
		c.do(t, "XTRIM", "k", "MAXLEN", "0")
	}
	if r.IntN(4) == 0 {
		c.do(t, "XSETID", "k", "18446744073709551615-7", "ENTRIESADDED", "1000000", "MAXDELETEDID", "5-5")
	}
}

// text returns any reply as a text.
func (c *redis) text(t *testing.T, args ...string) string {
	t.Helper()
	c.send(t, args)
	var b strings.Builder
	var read func()
	read = func() {
		start, err := c.r.Peek(3)
		if err != nil {
			t.Fatal(err)
		}
		if string(start) == "$-1" {
			c.r.ReadString('\n')
			b.WriteString("null ")
			return
		}
		array := start[0] == '*'
		head := c.reply(t)
		if !array {
			b.WriteString(strconv.Quote(head) + " ")
			return
		}
		n, err := strconv.Atoi(head[1:])
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("[")
		for range n {
			read()
		}
		b.WriteString("]")
	}
	read()
	return b.String()
}
