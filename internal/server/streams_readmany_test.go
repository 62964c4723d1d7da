package server

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
	"github.com/slotmesh/slotmesh/slots"
)

// longestCommit is a Sink that keeps how many Ops the longest transaction had.
type longestCommit struct{ ops int }

func (l *longestCommit) Commit(_ slots.Slot, ops []keyspace.Op) { l.ops = max(l.ops, len(ops)) }

// fillStreams makes three streams of n entries, and a group that has read one.
func fillStreams(t *testing.T, store *keyspace.Store, n int) {
	t.Helper()
	err := store.Update(0, func(tx *keyspace.Tx) error {
		for _, key := range []string{"{k}0", "{k}1", "{k}2"} {
			s, err := tx.Stream([]byte(key))
			for i := 0; i < n && err == nil; i++ {
				err = s.AppendStrings(stream.ID{Ms: 1, Seq: uint64(i + 1)}, [][]byte{[]byte("f"), []byte(strconv.Itoa(i))})
			}
			if err == nil {
				err = s.SetGroup([]byte("g"), stream.GroupState{Last: stream.ID{Ms: 1, Seq: 1}, Read: 1})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadGroupOfMany: XREADGROUP of many entries is several transactions, and its reply is
// that of one, as in MULTI; so is what is pending then.
func TestReadGroupOfMany(t *testing.T) {
	const n = 1203
	for _, protocol := range []string{"2", "3"} {
		for _, read := range []string{
			"STREAMS {k}0 >", "COUNT 700 STREAMS {k}0 >", "COUNT 500 STREAMS {k}0 {k}1 > >",
			"NOACK STREAMS {k}0 {k}1 {k}2 > > >",
			"COUNT 501 STREAMS {k}2 {k}1 > >", "BLOCK 0 STREAMS {k}1 >", "STREAMS {k}0 {k}1 0 >", "STREAMS {k}0 {k}1 > 1-2",
		} {
			var replies [2][]string
			for i, alone := range []bool{true, false} {
				var longest longestCommit
				store := keyspace.New(keyspace.Config{Sink: &longest})
				c := connect(t, startServer(t, Config{Engine: engine.New(store)}))
				do(t, c, "HELLO "+protocol)
				fillStreams(t, store, n)
				longest.ops = 0
				again := []string{strings.ReplaceAll(read, ">", "0"), strings.ReplaceAll(read, ">", "1-600")}
				for _, line := range append([]string{read, read}, again...) {
					line = "XREADGROUP GROUP g c " + line
					if !alone {
						expect(t, c, "MULTI", "+OK")
						expect(t, c, line, "+QUEUED")
						line = "EXEC"
					}
					got := do(t, c, line)
					if !alone {
						got = strings.TrimSuffix(strings.TrimPrefix(got, "["), "]")
					}
					replies[i] = append(replies[i], got)
					if strings.HasPrefix(read, "BLOCK") {
						break
					}
				}
				for _, key := range []string{"{k}0", "{k}1", "{k}2"} {
					for _, command := range []string{"XPENDING " + key + " g", "XINFO GROUPS " + key} {
						replies[i] = append(replies[i], do(t, c, command))
					}
				}
				if alone && longest.ops > 600 {
					t.Errorf("%s: a transaction of %d ops", read, longest.ops)
				}
			}
			for i, got := range replies[0] {
				if want := replies[1][i]; got != want {
					t.Fatalf("RESP%s, %s: reply %d\n got %.500s\nwant %.500s", protocol, read, i, got, want)
				}
			}
		}
	}
}

// TestReadGroupOfManyEndsEarly: a reply that would grow too long has what the consumer has
// been given so far.
func TestReadGroupOfManyEndsEarly(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{MaxOutput: 30_000}})
	fillStreams(t, srv.node.Store, 2000)
	c := connect(t, srv)
	c.Send("XREADGROUP", "GROUP", "g", "c", "STREAMS", "{k}0", "{k}1", ">", ">")
	r, err := c.Receive()
	if err != nil || len(r.Elems) != 1 {
		t.Fatalf("%v, %d streams", err, len(r.Elems))
	}
	entries := r.Elems[0].Elems[1].Elems
	if len(entries) == 0 || len(entries) >= 2000 {
		t.Errorf("%d entries", len(entries))
	}
	want := fmt.Sprintf(`[:%d, "1-2", "1-%d", [["c", "%d"]]]`, len(entries), len(entries)+1, len(entries))
	expect(t, c, "XPENDING {k}0 g", want)
	expect(t, c, "XREADGROUP GROUP g c COUNT 1 STREAMS {k}0 >",
		fmt.Sprintf(`[["{k}0", [["1-%d", ["f", "%d"]]]]]`, len(entries)+2, len(entries)+1))
}
