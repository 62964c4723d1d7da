package server

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// Collections of all types, small and large, arrive by one MIGRATE as they were.
func TestMigrateCollections(t *testing.T) {
	from, to, _ := twoServers(t, Limits{})
	keys := fillWithCollections(t, from)
	want := readCollections(t, from, keys)
	line := append([]string{"MIGRATE", "target", "1", "", "0", "10000", "KEYS"}, keys...)
	if reply, err := from.Do(line...); err != nil || reply.Text() != "OK" {
		t.Fatalf("MIGRATE: %s, %v", reply.Text(), err)
	}
	expect(t, from, "DBSIZE", ":0")
	if got := readCollections(t, to, keys); !slices.Equal(got, want) {
		t.Errorf("what arrived differs: %.2000q, want %.2000q", got, want)
	}
}

// fillWithCollections makes keys: of each type a small one, one that Redis no longer keeps
// compact, and one whose payload is sent in pieces.
func fillWithCollections(t *testing.T, c *resp.Conn) (keys []string) {
	t.Helper()
	for _, n := range []int{3, 300, 20_000} {
		list := []string{"RPUSH", "list" + strconv.Itoa(n)}
		set := []string{"SADD", "set" + strconv.Itoa(n)}
		ints := []string{"SADD", "ints" + strconv.Itoa(n)}
		zset := []string{"RESTORE", "zset" + strconv.Itoa(n), "0", sortedSetDump(t, n)}
		hash := []string{"HSET", "hash" + strconv.Itoa(n)}
		for i := range n {
			number := strconv.Itoa(i)
			list = append(list, "element"+number)
			set = append(set, "member"+number)
			ints = append(ints, number)
			hash = append(hash, "field"+number, "value"+number)
		}
		for _, line := range [][]string{list, set, ints, zset, hash} {
			if _, err := c.Do(line...); err != nil {
				t.Fatalf("%s %s: %v", line[0], line[1], err)
			}
			keys = append(keys, line[1])
		}
	}
	return keys
}

// readCollections reads keys in an order that is defined.
func readCollections(t *testing.T, c *resp.Conn, keys []string) (content []string) {
	t.Helper()
	for _, key := range keys {
		line := []string{"SORT", key, "ALPHA"}
		switch key[:4] {
		case "list":
			line = []string{"LRANGE", key, "0", "-1"}
		case "zset":
			line = []string{"DUMP", key}
		case "hash":
			line = []string{"HGETALL", key}
		}
		reply, err := c.Do(line...)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var words []string
		for i := range reply.Elems {
			words = append(words, reply.Elems[i].Text())
		}
		switch key[:4] {
		case "zset":
			words = readDump(t, reply.Text())
		case "hash":
			words = sortedPairs(words)
		}
		encoding, err := c.Do("OBJECT", "ENCODING", key)
		if err != nil {
			t.Fatal(err)
		}
		content = append(append(content, key, encoding.Text()), words...)
	}
	return content
}

// sortedSetDump returns the payload of a sorted set with n members.
func sortedSetDump(t *testing.T, n int) string {
	t.Helper()
	outline := &rdb.Outline{Type: rdb.ZSet}
	var b strings.Builder
	element := func(i int) *rdb.Element {
		return &rdb.Element{Name: []byte("member" + strconv.Itoa(i)), Score: float64(i%7) / 3}
	}
	for i := range n {
		outline.Add(element(i))
	}
	encoder := rdb.NewEncoder(&b, outline)
	for i := range n {
		encoder.Add(element(i))
	}
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// readDump returns the members and scores of a sorted set's payload.
func readDump(t *testing.T, payload string) (words []string) {
	t.Helper()
	v, err := rdb.Parse([]byte(payload))
	if err == nil {
		err = v.Each(func(e *rdb.Element) error {
			words = append(words, string(e.Name)+" "+strconv.FormatFloat(e.Score, 'g', -1, 64))
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(words)
	return words
}

func sortedPairs(words []string) []string {
	var pairs []string
	for pair := range slices.Chunk(words, 2) {
		pairs = append(pairs, pair[0]+" "+pair[1])
	}
	slices.Sort(pairs)
	return pairs
}
