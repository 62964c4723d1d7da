package server

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// appendTo is APPENDTO key text: a host's command that writes.
func appendTo(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error {
	e, _ := tx.Get(args[1])
	value := append(append([]byte{}, e.Value...), args[2]...)
	if err := tx.Put(args[1], keyspace.String, value, 0); err != nil {
		return err
	}
	if string(args[2]) == "!" {
		return errors.New("no shouting")
	}
	out.Bulk(value)
	return nil
}

func withAppend(t *testing.T) *Server {
	return startServer(t, Config{Cluster: newFakeCluster(), Extensions: []Extension{
		{Name: "AppendTo", Arity: 3, First: 1, Last: 1, Step: 1, Write: true, Summary: "Appends.", Run: appendTo},
	}})
}

func TestExtensionIsACommand(t *testing.T) {
	srv := withAppend(t)
	c := connect(t, srv)
	expect(t, c, "appendto k a", `"a"`)
	expect(t, c, "APPENDTO k b", `"ab"`)
	expect(t, c, "APPENDTO k !", "-ERR no shouting")
	expect(t, c, "GET k", `"ab"`)
	expect(t, c, "APPENDTO k", "-ERR wrong number of arguments for 'appendto' command")
	expect(t, c, "COMMAND GETKEYS appendto k a", `["k"]`)
	expect(t, c, "COMMAND COUNT", ":"+strconv.Itoa(len(builtIn.Top())+1))
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "APPENDTO k c", "+QUEUED")
	expect(t, c, "GET k", "+QUEUED")
	expect(t, c, "EXEC", `["abc", "abc"]`)
	if info := do(t, c, "INFO commandstats"); !strings.Contains(info, "cmdstat_appendto:calls=") {
		t.Errorf("INFO commandstats does not count it:\n%s", info)
	}
	if row := do(t, c, "COMMAND INFO appendto"); !strings.Contains(row, `"appendto", :3, [+write, +denyoom], :1, :1, :1`) {
		t.Errorf("COMMAND INFO shows %s", row)
	}
}

func TestExtensionRefused(t *testing.T) {
	good := Extension{Name: "a.b", Arity: 2, First: 1, Last: 1, Step: 1, Run: appendTo}
	for want, change := range map[string]func(*Extension){
		"is no name":      func(e *Extension) { e.Name = "a b" },
		"is built in":     func(e *Extension) { e.Name = "GeT" },
		"has no function": func(e *Extension) { e.Run = nil },
		"has its keys":    func(e *Extension) { e.Step = 0 },
		"must name a key": func(e *Extension) { e.Arity = 1 },
	} {
		e := good
		change(&e)
		if _, err := New(Config{Engine: startServer(t, Config{}).engine, Extensions: []Extension{e}}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := New(Config{Engine: startServer(t, Config{}).engine, Extensions: []Extension{good, good}}); err == nil ||
		!strings.Contains(err.Error(), "added twice") {
		t.Errorf("twice: %v", err)
	}
}

func call(t *testing.T, srv *Server, c Call, line string) string {
	t.Helper()
	for _, word := range strings.Fields(line) {
		c.Args = append(c.Args, []byte(word))
	}
	out, err := srv.Do(&c, nil)
	if err != nil {
		return "-" + err.Error()
	}
	reply, err := resp.Decode(out)
	if err != nil {
		t.Fatalf("%s: reply %q: %v", line, out, err)
	}
	return render(reply)
}

func TestCallWithoutAConnection(t *testing.T) {
	srv := withAppend(t)
	for _, step := range [][2]string{
		{"SET k v", "+OK"},
		{"GET k", `"v"`},
		{"GET nothing", "nil"},
		{"APPENDTO k w", `"vw"`},
		{"MSET k 1 q 2", "-" + slots.ErrCrossSlot.Error()},
		{"NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: "},
		{"GET", "-ERR wrong number of arguments for 'get' command"},
		{"CLIENT ID", "-" + ErrNotCallable.Error()},
		{"MULTI", "-" + ErrNotCallable.Error()},
		{"WATCH k", "-" + ErrNotCallable.Error()},
		{"DBSIZE", ":1"},
	} {
		if got := call(t, srv, Call{}, step[0]); got != step[1] {
			t.Errorf("%s\n got %s\nwant %s", step[0], got, step[1])
		}
	}
}

func TestCallGivesUpWaiting(t *testing.T) {
	srv := withAppend(t)
	srv.Pause(time.Hour, true)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if got := call(t, srv, Call{Context: over}, "SET k v"); got != "-"+ErrWouldWait.Error() {
		t.Errorf("a write during a pause: %s", got)
	}
	if got := call(t, srv, Call{Context: over}, "GET k"); got != "nil" {
		t.Errorf("a read during a pause for writes: %s", got)
	}
	srv.Unpause()
	if got := call(t, srv, Call{Context: over}, "SET k v"); got != "+OK" {
		t.Errorf("after the pause: %s", got)
	}
}

func TestInspect(t *testing.T) {
	srv := withAppend(t)
	line := func(words ...string) (args [][]byte) {
		for _, w := range words {
			args = append(args, []byte(w))
		}
		return args
	}
	k, err := srv.Inspect(line("mset", "a", "1", "b", "2"))
	if err != nil || !k.Write || len(k.Positions) != 2 || k.Positions[1] != 3 {
		t.Errorf("MSET: %+v, %v", k, err)
	}
	k, err = srv.Inspect(line("appendto", "a", "1"))
	if err != nil || !k.Write || len(k.Positions) != 1 {
		t.Errorf("APPENDTO: %+v, %v", k, err)
	}
	for _, c := range []struct {
		line []string
		want []int
	}{
		{[]string{"lmpop", "2", "a", "b", "LEFT"}, []int{2, 3}},
		{[]string{"lmpop", "3", "a", "b"}, nil},
		{[]string{"zunionstore", "to", "2", "a", "b"}, []int{1, 3, 4}},
		{[]string{"sort", "a", "STORE", "b"}, []int{1, 3}},
		{[]string{"eval", "return 1", "1", "a", "b"}, []int{3}},
		{[]string{"eval", "return 1", "0", "a"}, nil},
	} {
		if k, err = srv.Inspect(line(c.line...)); err != nil || !slices.Equal(k.Positions, c.want) {
			t.Errorf("%v: %+v, %v", c.line, k, err)
		}
	}
	if _, err = srv.Inspect(nil); !errors.Is(err, ErrUnknownCommand) {
		t.Errorf("nothing: %v", err)
	}
}

func BenchmarkCallGet(b *testing.B) {
	srv := startServer(b, Config{Cluster: newFakeCluster()})
	srv.Do(&Call{Args: [][]byte{[]byte("SET"), []byte("k"), make([]byte, 100)}}, nil)
	c := &Call{Args: [][]byte{[]byte("GET"), []byte("k")}}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out, _ = srv.Do(c, out[:0])
	}
}

// A call is bound by the limits in force, not by those of an earlier call.
func TestCallSeesTheLimitsInForce(t *testing.T) {
	srv := startServer(t, Config{})
	if got := call(t, srv, Call{}, "SET k 12345"); got != "+OK" {
		t.Fatal(got)
	}
	srv.SetLimits(Limits{Query: resp.Limits{MaxBulk: 8}})
	want := "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	if got := call(t, srv, Call{}, "APPEND k 6789"); got != want {
		t.Errorf("APPEND: %s, want %s", got, want)
	}
}
