package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// commandKeys is what COMMAND INFO says about a command's keys.
type commandKeys struct {
	groups []keyGroup
	write  bool // or a script, which may
}

// keyGroup is a run of keys: from first to last, or as many as the argument count says.
type keyGroup struct {
	first, last, step int // last counts from the end if it is negative
	count             int // the argument that says how many there are; 0 if last says it
}

// Inspect implements Transport. It asks a node about each command once.
func (t *respTransport) Inspect(ctx context.Context, line [][]byte) (keys []int, write bool, err error) {
	if err := refuse(line[0]); err != nil {
		return nil, false, err
	}
	name := strings.ToLower(string(line[0]))
	spec, ok := t.specs.Load(name)
	if !ok {
		c, err := t.describe(ctx, name)
		if err != nil {
			return nil, false, err
		}
		t.specs.Store(name, c)
		spec = c
	}
	c := spec.(commandKeys)
	for _, g := range c.groups {
		keys = g.find(line, keys)
	}
	return keys, c.write, nil
}

// find appends the indices of a line's keys to keys. If the line is too short for what it
// says, the node will refuse it.
func (g keyGroup) find(line [][]byte, keys []int) []int {
	last := g.last
	switch {
	case g.count >= len(line):
		return keys
	case g.count > 0:
		n, err := strconv.Atoi(string(line[g.count]))
		if err != nil || n <= 0 || n > len(line) {
			return keys
		}
		last = g.first + (n-1)*g.step
	case last < 0:
		last += len(line)
	}
	for i := g.first; i > 0 && i <= last && i < len(line); i += g.step {
		keys = append(keys, i)
	}
	return keys
}

// describe asks a node which arguments of a command are keys.
func (t *respTransport) describe(ctx context.Context, name string) (commandKeys, error) {
	req := &request{}
	req.Args = [][]byte{[]byte("COMMAND"), []byte("INFO"), []byte(name)}
	reply, err := (&Router{transport: t}).do(ctx, req)
	if err != nil {
		return commandKeys{}, err
	}
	if len(reply.Elems) != 1 || len(reply.Elems[0].Elems) < 6 {
		return commandKeys{}, ReplyError("ERR unknown command '" + name + "'")
	}
	row := reply.Elems[0].Elems
	var c commandKeys
	for i := range row[2].Elems {
		flag := row[2].Elems[i].Text()
		c.write = c.write || flag == "write" || flag == "may_replicate"
	}
	if len(row) > 8 { // since Redis 7.0
		for i := range row[8].Elems {
			if g := readKeySpec(&row[8].Elems[i]); g.first > 0 {
				c.groups = append(c.groups, g)
			}
		}
	}
	if len(c.groups) == 0 {
		c.groups = []keyGroup{{first: int(row[3].Int), last: int(row[4].Int), step: max(1, int(row[5].Int))}}
	}
	return c, nil
}

// readKeySpec reads a key specification that begins at a fixed argument; of others, which
// follow a word such as STREAMS, it returns the zero keyGroup: the node redirects.
func readKeySpec(spec *resp.Reply) (g keyGroup) {
	begin, find := part(spec, "begin_search"), part(spec, "find_keys")
	if part(begin, "type").Text() != "index" {
		return g
	}
	start := number(begin, "index")
	switch part(find, "type").Text() {
	case "range":
		g = keyGroup{first: start, last: number(find, "lastkey"), step: number(find, "keystep")}
		if g.last >= 0 {
			g.last += start
		}
	case "keynum":
		g = keyGroup{first: start + number(find, "firstkey"), count: start + number(find, "keynumidx"),
			step: number(find, "keystep")}
	}
	g.step = max(1, g.step)
	return g
}

// part returns an entry of a map, an empty reply if it is not there.
func part(m *resp.Reply, key string) *resp.Reply {
	if v := m.Lookup(key); v != nil {
		return v
	}
	return &resp.Reply{}
}

func number(m *resp.Reply, key string) int { return int(part(part(m, "spec"), key).Int) }

// ofConnection are the commands that change the connection they come on, or keep it busy
// until something happens. A Client's connections are shared by all of its callers.
var ofConnection = func() map[string]bool {
	m := make(map[string]bool)
	for _, name := range strings.Fields(`
		MULTI EXEC DISCARD WATCH UNWATCH
		SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE MONITOR
		HELLO AUTH RESET QUIT SELECT CLIENT READONLY READWRITE ASKING MESH.READONLY SYNC PSYNC REPLCONF
		BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF`) {
		m[name] = true
	}
	return m
}()

// refuse returns the error of a command that a Client cannot run, nil if it can.
func refuse(name []byte) error {
	if !ofConnection[strings.ToUpper(string(name))] {
		return nil
	}
	return fmt.Errorf("slotmesh: %s is about a connection, and a Client's are shared: use Update for a transaction, "+
		"WithSync to wait for replicas, or a client library", strings.ToUpper(string(name)))
}
