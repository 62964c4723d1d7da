package server

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/scripting"
	"github.com/slotmesh/slotmesh/slots"
)

// loopEngine is an engine whose scripts are command lines, and "loop" for ever or for a
// while: "loop 3s". The reply is that of the last line.
type loopEngine struct{ callEngine }

type loopProgram [][]string

func (loopEngine) Compile(body []byte) (scripting.Program, error) {
	p, err := callEngine{}.Compile(body)
	return loopProgram(p.(callProgram)), err
}

func (p loopProgram) Bytes() int { return 100 }

func (p loopProgram) Run(r *scripting.Run) {
	reply := []byte("+done\r\n")
	for _, words := range p {
		if words[0] != "loop" {
			args := make([][]byte, len(words))
			for i, w := range words {
				args[i] = []byte(w)
			}
			reply = append(reply[:0], r.Host.Call(args, r.RESP3)...)
			continue
		}
		var end time.Time
		if len(words) > 1 {
			d, _ := time.ParseDuration(words[1])
			end = time.Now().Add(d)
		}
		for end.IsZero() || time.Now().Before(end) {
			if why := r.Host.Stop(); why != nil {
				r.Reply = append(append(append(r.Reply, "-ERR "...), why.Error()...), "\r\n"...)
				return
			}
			time.Sleep(time.Millisecond)
		}
		reply = append(reply[:0], "+done\r\n"...)
	}
	r.Reply = append(r.Reply, reply...)
}

// starter runs a command of a client of its own, and returns where the reply comes.
type starter func(line ...string) (reply <-chan string)

// busyServer is a server whose scripts loop, and some clients, the first of which is to run
// the script.
func busyServer(t *testing.T, cfg Config, fn func(t *testing.T, srv *Server, start starter, c *resp.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Scripts = loopEngine{}
		srv := startServer(t, cfg)
		srv.engine.Store().SetBusyAfter(5 * time.Second)
		start := func(line ...string) <-chan string {
			conn := connect(t, srv)
			reply := make(chan string, 1)
			go func() { reply <- ask(t, conn, line...) }()
			synctest.Wait()
			time.Sleep(2 * lastsAfter)
			return reply
		}
		fn(t, srv, start, connect(t, srv))
	})
}

const (
	busyText   = string(errBusyScript)
	killedText = "ERR " + string(errKilled)
)

// TestBusySlot: in the moment in which a script has run for 5 s, clients that want its slot
// get BUSY, and none that does not.
func TestBusySlot(t *testing.T) {
	busyServer(t, Config{Cluster: newFakeCluster()}, func(t *testing.T, srv *Server, start starter, c *resp.Conn) {
		began := time.Now()
		script := start("EVAL", "get {a}\nloop", "1", "{a}")
		waits := start("GET", "{a}")
		blocks := start("BLPOP", "{a}list", "0")
		scans := start("SCAN", "0")
		srv.engine.Store().Update(slots.OfString("b"), func(tx *keyspace.Tx) error {
			return tx.Put([]byte("b"), keyspace.String, []byte("x"), 0)
		})
		if got := ask(t, c, "GET", "b"); got != "x" || time.Since(began) > 100*time.Millisecond {
			t.Errorf("another slot: %s after %v", got, time.Since(began))
		}
		for name, reply := range map[string]<-chan string{"GET": waits, "BLPOP": blocks} {
			if got := <-reply; got != busyText || time.Since(began) != 5*time.Second {
				t.Errorf("%s that waits: %s after %v", name, got, time.Since(began))
			}
		}
		<-scans // it ends: the slot had no keys
		for _, step := range []struct {
			line []string
			want string
		}{
			{[]string{"SET", "{a}", "x"}, busyText},
			{[]string{"EVAL", "get {a}", "1", "{a}"}, busyText},
			{[]string{"EVAL", "get {a}", "0"}, busyText},
			{[]string{"WATCH", "{a}"}, busyText},
			{[]string{"MULTI"}, "OK"},
			{[]string{"GET", "{a}"}, busyText},
			{[]string{"EXEC"}, "EXECABORT Transaction discarded because of previous errors."},
			{[]string{"FLUSHALL"}, busyText},
			{[]string{"SHUTDOWN"}, busyText},
			{[]string{"SHUTDOWN", "SAVE"}, busyText},
			{[]string{"GET", "b"}, "x"},
			{[]string{"DBSIZE"}, "1"},
			{[]string{"RANDOMKEY"}, "b"},
			{[]string{"PING"}, "PONG"},
			{[]string{"EVAL", "get b", "1", "b"}, "x"},
			{[]string{"FUNCTION", "KILL"}, busyText},
			{[]string{"SCRIPT", "KILL"}, "OK"},
		} {
			if step.line[0] == "FUNCTION" && srv.original.Find([]byte("function")) == nil {
				continue
			}
			if got := ask(t, c, step.line...); got != step.want {
				t.Errorf("%q: %s, want %s", step.line, got, step.want)
			}
		}
		if info := ask(t, c, "CLIENT", "LIST"); !strings.Contains(info, "id=2 ") {
			t.Errorf("CLIENT LIST: %s", info)
		}
		if got := <-script; got != killedText || time.Since(began) > 5*time.Second+2*time.Millisecond {
			t.Errorf("the script: %s after %v", got, time.Since(began))
		}
		if got := ask(t, c, "SET", "{a}", "x"); got != "OK" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

// TestExecWithABusyScript: the whole of EXEC has the slot; one that waits gets EXECABORT.
func TestExecWithABusyScript(t *testing.T) {
	busyServer(t, Config{Cluster: newFakeCluster()}, func(t *testing.T, srv *Server, start starter, c *resp.Conn) {
		runs := connect(t, srv)
		ask(t, runs, "MULTI")
		ask(t, runs, "SET", "{a}", "1")
		ask(t, runs, "EVAL", "loop 1s", "1", "{a}")
		ask(t, runs, "EVAL", "loop 7s", "1", "{a}")
		ask(t, c, "MULTI")
		ask(t, c, "GET", "{a}")
		exec := make(chan string)
		go func() { exec <- ask(t, runs, "EXEC") }()
		synctest.Wait()
		time.Sleep(2 * time.Second)
		began := time.Now()
		want := "EXECABORT Transaction discarded because of: " + busyText
		if got := ask(t, c, "EXEC"); got != want || time.Since(began).Round(100*time.Millisecond) != 4*time.Second {
			t.Errorf("%s after %v", got, time.Since(began))
		}
		if got := <-exec; got != "[OK done done]" {
			t.Errorf("EXEC: %s", got)
		}
	})
}

func TestKillScripts(t *testing.T) {
	const unkillable = string(errUnkillable)
	for _, c := range []struct {
		name   string
		lines  [][]string
		after  time.Duration
		kill   string
		killed []bool
	}{
		{"none", nil, 0, string(errNotBusy), nil},
		{"busy", [][]string{{"EVAL", "loop", "1", "a"}}, 6 * time.Second, "OK", []bool{true}},
		{"not yet busy", [][]string{{"EVAL", "loop", "1", "a"}}, time.Second, "OK", []bool{true}},
		{"without keys", [][]string{{"EVAL", "loop", "0"}}, time.Second, "OK", []bool{true}},
		{"read only", [][]string{{"EVAL_RO", "loop", "1", "a"}}, 6 * time.Second, "OK", []bool{true}},
		{"it wrote", [][]string{{"EVAL", "set a x\nloop 9s", "1", "a"}}, 6 * time.Second, unkillable, []bool{false}},
		{"it wrote, without keys", [][]string{{"EVAL", "set a x\nloop 9s", "0"}}, 6 * time.Second, unkillable,
			[]bool{false}},
		{"all that are busy", [][]string{{"EVAL", "loop", "1", "a"}, {"EVAL", "loop", "1", "b"},
			{"EVAL", "set c x\nloop 9s", "1", "c"}}, 6 * time.Second, "OK", []bool{true, true, false}},
		{"the one that has run longest", [][]string{{"EVAL", "loop", "1", "a"}, {"EVAL", "loop 2s", "1", "b"}},
			time.Second, "OK", []bool{true, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			busyServer(t, Config{Cluster: newFakeCluster()}, func(t *testing.T, srv *Server, start starter, conn *resp.Conn) {
				var replies []<-chan string
				for _, line := range c.lines {
					replies = append(replies, start(line...))
				}
				time.Sleep(c.after)
				began := time.Now()
				if got := ask(t, conn, "SCRIPT", "KILL"); got != c.kill {
					t.Errorf("SCRIPT KILL: %s", got)
				}
				for i, killed := range c.killed {
					want := "done"
					if killed {
						want = killedText
					}
					if got := <-replies[i]; got != want || killed && time.Since(began) > 5*time.Second {
						t.Errorf("%q: %s after %v", c.lines[i], got, time.Since(began))
					}
				}
				if len(srv.lasting.list) != 0 {
					t.Error("the list has scripts that have ended")
				}
			})
		})
	}
}

// TestKilledScriptWritesNothing: the engine may call a command before it asks again.
func TestKilledScriptWritesNothing(t *testing.T) {
	l := &lasting{}
	if !l.kill() || l.mayWrite() || !l.kill() || l.reason() != errKilled {
		t.Error("a killed script may write")
	}
	if l = new(lasting); !l.mayWrite() || l.kill() || !l.mayWrite() || l.reason() != nil {
		t.Error("a script that has written can be killed")
	}
}

// TestTopologyInterruptsScripts: the change does not wait for a script. What that has done
// is taken back, and it runs again under the new map.
func TestTopologyInterruptsScripts(t *testing.T) {
	cluster := newFakeCluster()
	busyServer(t, Config{Cluster: cluster}, func(t *testing.T, srv *Server, start starter, c *resp.Conn) {
		script := start("EVAL", "incr {a}\nloop 3s\nget {a}", "1", "{a}")
		moved := start("EVAL", "incr b\nloop", "1", "b")
		late := start("EVAL", "incr c\nloop", "0")
		began := time.Now()
		a, c3 := slots.NewSet(slots.OfString("{a}")), slots.NewSet(slots.OfString("c"))
		srv.engine.Store().Barrier(&a)
		srv.engine.Store().Barrier(&c3)
		cluster.joinPeer(slots.NewSet(slots.OfString("b")))
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("the change took %v", took)
		}
		if got := <-moved; !strings.HasPrefix(got, "MOVED") {
			t.Errorf("the slot's new owner: %s", got)
		}
		if got := <-late; got != slots.ErrTryAgain.Error() {
			t.Errorf("a script without keys: %s", got)
		}
		if got := <-script; got != "1" {
			t.Errorf("the interrupted script: %s", got)
		}
		if got := ask(t, c, "GET", "c"); got != "" {
			t.Errorf("what an interrupted script wrote: %s", got)
		}
	})
}

// TestCloseEndsScripts: nothing of them has been written.
func TestCloseEndsScripts(t *testing.T) {
	busyServer(t, Config{Cluster: newFakeCluster()}, func(t *testing.T, srv *Server, start starter, _ *resp.Conn) {
		start("EVAL", "set a x\nloop", "1", "a")
		start("EVAL", "loop", "0")
		called := make(chan error)
		go func() {
			_, err := srv.Do(&Call{Args: [][]byte{[]byte("EVAL"), []byte("set b x\nloop"), []byte("1"), []byte("b")}}, nil)
			called <- err
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		began := time.Now()
		srv.Close()
		if err := <-called; !errors.Is(err, ErrClosed) {
			t.Errorf("a call: %v", err)
		}
		if took := time.Since(began); took > 10*time.Millisecond || srv.engine.Store().Len() != 0 {
			t.Errorf("Close took %v, %d keys", took, srv.engine.Store().Len())
		}
	})
}

// loopLibrary is a library with a function f.
type loopLibrary struct{ loopProgram }

func (loopEngine) Load(code []byte, _ scripting.Host) (scripting.Library, error) {
	p, err := loopEngine{}.Compile(code)
	if err != nil {
		return nil, err
	}
	return loopLibrary{p.(loopProgram)}, nil
}

func (l loopLibrary) Functions() []scripting.Function { return []scripting.Function{{Name: "f"}} }

func (l loopLibrary) Run(_ string, r *scripting.Run) { l.loopProgram.Run(r) }

// TestBusyFunction: each kind has its own KILL.
func TestBusyFunction(t *testing.T) {
	busyServer(t, Config{}, func(t *testing.T, _ *Server, start starter, c *resp.Conn) {
		if got := ask(t, c, "FUNCTION", "LOAD", "#!call name=l\nloop"); got != "l" {
			t.Fatal(got)
		}
		script, function := start("EVAL", "loop", "0"), start("FCALL", "f", "1", "a")
		time.Sleep(6*time.Second - 2*lastsAfter)
		const busy = string(errBusyFunction)
		for _, step := range []struct{ line, want string }{
			{"GET a", busy},
			{"GET b", busy}, // without a cluster all keys have one slot
			{"FUNCTION STATS", "[running_script [name f command [FCALL f 1 a] duration_ms 6004] " +
				"engines [CALL [libraries_count 1 functions_count 1]]]"},
			{"SCRIPT KILL", "OK"},
			{"SCRIPT KILL", busy},
			{"FUNCTION KILL", "OK"},
			{"FUNCTION KILL", "NOTBUSY No scripts in execution right now."},
			{"GET a", ""},
		} {
			if got := askDeep(t, c, strings.Fields(step.line)...); got != step.want {
				t.Errorf("%s: %s, want %s", step.line, got, step.want)
			}
			time.Sleep(2 * time.Millisecond)
		}
		if a, b := <-script, <-function; a != killedText || b != killedText {
			t.Errorf("%s, %s", a, b)
		}
	})
}

// askDeep is ask that shows nested arrays.
func askDeep(t *testing.T, c *resp.Conn, line ...string) string {
	t.Helper()
	reply, err := c.Do(line...)
	if err != nil {
		return err.Error()
	}
	var show func(r *resp.Reply) string
	show = func(r *resp.Reply) string {
		if r.Kind != resp.Array {
			return r.Text()
		}
		var words []string
		for i := range r.Elems {
			words = append(words, show(&r.Elems[i]))
		}
		return "[" + strings.Join(words, " ") + "]"
	}
	return show(&reply)
}
