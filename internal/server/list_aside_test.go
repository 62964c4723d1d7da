package server

import (
	"fmt"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// LRANGE of many elements and LPOS among many reply what the list was at their command,
// whatever commands after them do to it.
func TestLargeListsAreReadAside(t *testing.T) {
	srv := startServer(t, Config{})
	const n = 30_000
	err := srv.node.Store.Update(0, func(tx *keyspace.Tx) error {
		l, err := tx.List([]byte("l"))
		for i := 0; i < n && err == nil; i++ {
			err = l.PushBack(fmt.Append(nil, "e", i))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, srv)
	for _, line := range [][]string{
		{"MULTI"}, {"LPOS", "l", "e29999"}, {"LRANGE", "l", "0", "-1"}, {"LTRIM", "l", "0", "19999"}, {"LPOS", "l", "e29999"},
		{"LPOS", "l", "e5", "RANK", "-1", "COUNT", "0"}, {"LPOS", "l", "e19999", "MAXLEN", "100"}, {"EXEC"},
	} {
		c.Send(line...)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	var r resp.Reply
	for range 8 {
		if r, err = c.Receive(); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Elems) != 6 || len(r.Elems[1].Elems) != n || len(r.Elems[4].Elems) != 1 {
		t.Fatalf("EXEC has %d replies: %.300v", len(r.Elems), r)
	}
	for i, e := range r.Elems[1].Elems {
		if string(e.Str) != fmt.Sprint("e", i) {
			t.Fatalf("element %d is %q", i, e.Str)
		}
	}
	if r.Elems[0].Int != n-1 || r.Elems[3].Kind != resp.Null || r.Elems[4].Elems[0].Int != 5 ||
		r.Elems[5].Kind != resp.Null {
		t.Errorf("LPOS replied %v, %v, %v, %v", r.Elems[0].Int, r.Elems[3], r.Elems[4].Elems[0].Int, r.Elems[5])
	}
}
