package client

import (
	"context"
	"fmt"
	"strings"
)

// commandKeys is what COMMAND INFO says about a command's keys.
type commandKeys struct {
	first, last, step int
	write             bool
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
	last := c.last
	if last < 0 {
		last += len(line)
	}
	for i := c.first; i > 0 && i <= last && i < len(line); i += max(1, c.step) {
		keys = append(keys, i)
	}
	return keys, c.write, nil
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
	c := commandKeys{first: int(row[3].Int), last: int(row[4].Int), step: int(row[5].Int)}
	for i := range row[2].Elems {
		c.write = c.write || row[2].Elems[i].Text() == "write"
	}
	return c, nil
}

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
