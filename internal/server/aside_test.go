package server

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

const manyFields = 8_000

// fillHash makes a hash of manyFields fields, all with value.
func fillHash(t *testing.T, srv *Server, key, value string) {
	t.Helper()
	err := srv.node.Store.Update(0, func(tx *keyspace.Tx) error {
		h, err := tx.Hash([]byte(key))
		for i := 0; i < manyFields && err == nil; i++ {
			_, err = h.Set(fmt.Appendf(nil, "field:%d", i), []byte(value))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// expectFields fails the test unless the next reply is that of HGETALL, and all its values
// are value.
func expectFields(t *testing.T, r resp.Reply, value string) {
	t.Helper()
	if len(r.Elems) != 2*manyFields {
		t.Fatalf("HGETALL has %d elements, want %d: %.100q", len(r.Elems), 2*manyFields, r.Str)
	}
	seen := map[string]bool{}
	for i := 0; i < len(r.Elems); i += 2 {
		if v := string(r.Elems[i+1].Str); v != value {
			t.Fatalf("field %q is %q, want %q", r.Elems[i].Str, v, value)
		}
		seen[string(r.Elems[i].Str)] = true
	}
	if len(seen) != manyFields {
		t.Fatalf("HGETALL has %d fields, want %d", len(seen), manyFields)
	}
}

// TestLargeRepliesToAClientThatReadsLate: their order among others stays, they are of the
// moment of their command, they wait in little memory, and hold nobody up.
func TestLargeRepliesToAClientThatReadsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{})
		old, fresh := strings.Repeat("o", 300), strings.Repeat("f", 300)
		fillHash(t, srv, "h", old)
		conn := dial()
		c := resp.NewConn(conn)
		const replies = 12
		c.Send("SET", "k", "1")
		for range replies {
			c.Send("HGETALL", "h")
			c.Send("INCR", "k")
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // fake
		synctest.Wait()
		for _, ss := range srv.sessions {
			if held := ss.output.pending() + cap(ss.Out.B); held > backlogHigh+1<<20 {
				t.Errorf("%d bytes of replies are held", held)
			}
		}
		other := resp.NewConn(dial())
		expect(t, other, "HLEN h", fmt.Sprint(":", manyFields))
		fillHash(t, srv, "h", fresh)
		if r, err := c.Receive(); err != nil || string(r.Str) != "OK" {
			t.Fatalf("reply to SET: %q, %v", r.Str, err)
		}
		value := old
		for i := range replies {
			r, err := c.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if v := string(r.Elems[1].Str); v == fresh {
				value = fresh // this command and all after it have been executed later
			}
			expectFields(t, r, value)
			if n, err := c.Receive(); err != nil || n.Int != int64(i+2) {
				t.Fatalf("reply to INCR %d: %v, %v", i, n, err)
			}
		}
		if value == old {
			t.Error("all commands were executed before the client read: nothing bounded its replies")
		}
		conn.Close()
		srv.Close()
	})
}

func TestLargeRepliesInTransactions(t *testing.T) {
	srv := startServer(t, Config{})
	fillHash(t, srv, "h", "old")
	fillHash(t, srv, "i", "other")
	c := connect(t, srv)
	for _, proto := range []string{"HELLO 3", "HELLO 2"} {
		do(t, c, proto)
		for _, line := range []string{"MULTI", "GET k", "HGETALL h", "HSET h field:1 old", "HVALS i", "HGETALL i",
			"ECHO end"} {
			do(t, c, line)
		}
		c.Send("EXEC")
		c.Send("PING")
		r, err := c.Receive()
		if err != nil || len(r.Elems) != 6 {
			t.Fatalf("EXEC: %d replies, %v", len(r.Elems), err)
		}
		expectFields(t, r.Elems[1], "old")
		expectFields(t, r.Elems[4], "other")
		if r.Elems[2].Int != 0 || len(r.Elems[3].Elems) != manyFields || string(r.Elems[5].Str) != "end" {
			t.Errorf("%s: other replies: %v, %d, %q", proto, r.Elems[2], len(r.Elems[3].Elems), r.Elems[5].Str)
		}
		if pong, err := c.Receive(); err != nil || string(pong.Str) != "PONG" {
			t.Errorf("after EXEC: %v, %v", pong, err)
		}
	}
}

func TestLargeRepliesThatNobodyWants(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{MaxOutput: 100_000}})
	fillHash(t, srv, "h", "value")
	c := connect(t, srv)
	for _, line := range []string{"CLIENT REPLY SKIP", "HGETALL h"} {
		args, _ := resp.SplitWords(nil, []byte(line))
		c.SendBytes(args...)
	}
	expect(t, c, "PING", "+PONG")
	// The pieces of one reply are no more than it may hold, those of a call are.
	do(t, c, "HGETALL h")
	if _, err := srv.Do(&Call{Args: [][]byte{[]byte("HGETALL"), []byte("h")}}, nil); err == nil {
		t.Error("a call gets a reply of more than MaxOutput")
	}
	if b, err := srv.Do(&Call{Args: [][]byte{[]byte("HLEN"), []byte("h")}}, nil); err != nil || string(b) != ":8000\r\n" {
		t.Errorf("HLEN: %q, %v", b, err)
	}
	// A client that leaves in the middle takes nothing with it.
	conn := pipeTo(t, srv)
	fmt.Fprint(conn, "HGETALL h\r\n")
	conn.Read(make([]byte, 100))
	conn.Close()
	expect(t, c, "SUNION h h", "-WRONGTYPE Operation against a key holding the wrong kind of value")
}

// TestLargeRepliesOfOtherTypes asks for ranges that are made later, in both directions of
// their bounds.
func TestLargeRepliesOfOtherTypes(t *testing.T) {
	srv := startServer(t, Config{})
	c := connect(t, srv)
	for i := range 5000 {
		c.Send("RPUSH", "l", fmt.Sprint(i))
		c.Send("SADD", "s", fmt.Sprint(i))
		c.Receive()
		c.Receive()
	}
	c.Send("LRANGE", "l", "10", "-11")
	c.Send("SMEMBERS", "s")
	c.Send("SUNION", "s", "nothing")
	l, _ := c.Receive()
	for i, e := range l.Elems {
		if string(e.Str) != fmt.Sprint(i+10) {
			t.Fatalf("element %d is %q", i+10, e.Str)
		}
	}
	members, _ := c.Receive()
	union, err := c.Receive()
	if len(l.Elems) != 4980 || len(members.Elems) != 5000 || len(union.Elems) != 5000 || err != nil {
		t.Errorf("%d elements, %d members, union of %d, %v", len(l.Elems), len(members.Elems), len(union.Elems), err)
	}
}

func TestLargeReplyOfACall(t *testing.T) {
	srv := startServer(t, Config{})
	fillHash(t, srv, "h", "value")
	b, err := srv.Do(&Call{Args: [][]byte{[]byte("HGETALL"), []byte("h")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := resp.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	expectFields(t, r, "value")
}
