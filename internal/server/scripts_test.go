package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/scripting"
)

// callEngine is an engine whose scripts are command lines, one a line: the reply is that
// of the last. "!" before a command makes its error the end of the script.
type callEngine struct{}

type callProgram [][]string

func (callEngine) Name() string { return "CALL" }

func (callEngine) Compile(body []byte) (scripting.Program, error) {
	var p callProgram
	for line := range strings.SplitSeq(strings.TrimSpace(string(body)), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			return nil, errors.New("Error compiling script: an empty line")
		}
		p = append(p, words)
	}
	return p, nil
}

func (callEngine) Load([]byte, scripting.Host) (scripting.Library, error) {
	return nil, errors.New("no libraries")
}

func (p callProgram) Bytes() int { return 100 }

func (p callProgram) Run(r *scripting.Run) {
	var reply []byte
	for _, words := range p {
		args := make([][]byte, len(words))
		for i, w := range words {
			args[i] = []byte(w)
		}
		last := strings.HasPrefix(words[0], "!")
		if last {
			args[0] = args[0][1:]
		}
		reply = r.Host.Call(args, r.RESP3)
		if err := r.Host.Stop(); err != nil {
			reply = []byte("-ERR " + err.Error() + "\r\n")
			break
		}
		if last && reply[0] == '-' {
			break
		}
	}
	r.Reply = append(r.Reply, reply...)
}

func withScripts(t *testing.T, cfg Config) (*Server, *resp.Conn) {
	cfg.Scripts = callEngine{}
	srv := startServer(t, cfg)
	return srv, connect(t, srv)
}

func ask(t *testing.T, c *resp.Conn, args ...string) string {
	t.Helper()
	reply, err := c.Do(args...)
	if err != nil {
		return err.Error()
	}
	if reply.Kind == resp.Array {
		var words []string
		for i := range reply.Elems {
			words = append(words, reply.Elems[i].Text())
		}
		return fmt.Sprint(words)
	}
	return reply.Text()
}

func TestScriptsInATransaction(t *testing.T) {
	_, c := withScripts(t, Config{Cluster: newFakeCluster()})
	for _, step := range []struct {
		line []string
		want string
	}{
		{[]string{"EVAL", "set {a}1 x\nincr {a}2\nget {a}1", "1", "{a}1"}, "x"},
		{[]string{"EVAL", "incr {a}2", "0"}, "2"},
		{[]string{"EVAL", "get {a}2\nincr {a}9", "0"}, "1"}, // a write after a read, with no key named
		{[]string{"EVAL", "set {a}1 y\n!incr {a}1\nset {a}1 z", "0"}, "ERR value is not an integer or out of range"},
		{[]string{"GET", "{a}1"}, "y"}, // what came before the error stays
		{[]string{"EVAL", "get {a}1\nget {b}1", "0"},
			"ERR Script attempted to access keys that do not hash to the same slot"},
		{[]string{"EVAL", "lmpop 0 a left", "0"}, "ERR numkeys should be greater than 0"},
		{[]string{"EVAL", "lmpop 0 a left", "1", "{a}"}, "ERR numkeys should be greater than 0"},
		{[]string{"EVAL", "set {a}3 x\ndbsize", "0"}, "4"},
		{[]string{"EVAL", "keys {a}3*", "0"}, "[{a}3]"},
		{[]string{"EVAL", "get {a}3\nkeys {a}3*", "0"}, "[{a}3]"},
		{[]string{"EVAL", "get {a}3\nkeys {b}3*", "0"}, "ERR a script that has used a key can look at the keys of " +
			"its slot only: give KEYS a pattern with the hash tag of that slot"},
		{[]string{"EVAL", "get {a}3\nflushall", "0"}, "ERR 'flushall' is not allowed from a script that has used a " +
			"key: it needs more than the slot that the script holds"},
		{[]string{"EVAL", "nosuch", "0"}, "ERR Unknown Redis command called from script"},
		{[]string{"EVAL", "get", "0"}, "ERR Wrong number of args calling Redis command from script"},
		{[]string{"EVAL", "blpop {a}1 0", "0"}, "ERR This Redis command is not allowed from script"},
		{[]string{"EVAL_RO", "set {a}1 x", "0"}, "ERR Write commands are not allowed from read-only scripts."},
		{[]string{"EVAL", "#!call flags=no-writes\nset {a}1 x", "1", "{a}"},
			"ERR Write commands are not allowed from read-only scripts."},
		{[]string{"EVAL", "#!call\nget {a}1", "1", "{a}"}, "y"},
		{[]string{"EVAL_RO", "#!call\nget {a}1", "1", "{a}"},
			"ERR Can not execute a script with write flag using *_ro command."},
		{[]string{"EVAL", "#!call flags=no-cluster\nget {a}1", "0"},
			"ERR Can not run script on cluster, 'no-cluster' flag is set."},
		{[]string{"EVAL", "get {a}1", "2", "{a}", "{b}"}, "CROSSSLOT Keys in request don't hash to the same slot"},
		{[]string{"EVAL", "get {a}1", "x"}, "ERR value is not an integer or out of range"},
		{[]string{"EVAL", "get {a}1", "1"}, "ERR Number of keys can't be greater than number of args"},
		{[]string{"EVAL", "get {a}1", "-1"}, "ERR Number of keys can't be negative"},
	} {
		if got := ask(t, c, step.line...); got != step.want {
			t.Errorf("%q:\n got %s\nwant %s", step.line, got, step.want)
		}
	}
}

func TestScriptCommands(t *testing.T) {
	_, c := withScripts(t, Config{Cluster: newFakeCluster()})
	sha := ask(t, c, "SCRIPT", "LOAD", "ping")
	for _, step := range []struct {
		line []string
		want string
	}{
		{[]string{"EVALSHA", sha, "0"}, "PONG"},
		{[]string{"EVALSHA", strings.ToUpper(sha), "0"}, "PONG"},
		{[]string{"EVALSHA", sha[:39], "0"}, "NOSCRIPT No matching script. Please use EVAL."},
		{[]string{"EVALSHA_RO", sha, "1", "a"}, "PONG"},
		{[]string{"SCRIPT", "FLUSH", "LATER"}, "ERR SCRIPT FLUSH only support SYNC|ASYNC option"},
		{[]string{"SCRIPT", "FLUSH", "async"}, "OK"},
		{[]string{"EVALSHA", sha, "0"}, "NOSCRIPT No matching script. Please use EVAL."},
		{[]string{"EVAL", "ping", "0"}, "PONG"},
		{[]string{"EVALSHA", sha, "0"}, "PONG"},
		{[]string{"SCRIPT", "KILL"}, "NOTBUSY No scripts in execution right now."},
		{[]string{"SCRIPT", "LOAD", "#!js\nx"}, "ERR Unexpected engine in script shebang: #!js"},
	} {
		if got := ask(t, c, step.line...); got != step.want {
			t.Errorf("%q:\n got %s\nwant %s", step.line, got, step.want)
		}
	}
	none := startServer(t, Config{})
	if got := ask(t, connect(t, none), "EVAL", "ping", "0"); !strings.Contains(got, "Config.Scripts") {
		t.Errorf("without an engine: %s", got)
	}
}

func TestScriptsInMulti(t *testing.T) {
	_, c := withScripts(t, Config{Cluster: newFakeCluster()})
	ask(t, c, "MULTI")
	ask(t, c, "SET", "{a}1", "5")
	ask(t, c, "EVAL", "incr {a}1", "0")         // sees what the transaction has written
	ask(t, c, "EVAL", "incr {a}1", "1", "{a}1") // with its key
	if got := ask(t, c, "EVAL", "ping", "1", "{b}"); got != "QUEUED" {
		t.Errorf("another slot's script: %s", got)
	}
	if got := ask(t, c, "EXEC"); !strings.HasPrefix(got, "CROSSSLOT") {
		t.Errorf("EXEC with two slots: %s", got)
	}
	ask(t, c, "MULTI")
	ask(t, c, "SET", "{a}1", "5")
	ask(t, c, "EVAL", "incr {a}1", "0")
	ask(t, c, "EVAL", "incr {a}1", "1", "{a}1")
	reply, err := c.Do("EXEC")
	if err != nil || len(reply.Elems) != 3 || reply.Elems[2].Text() != "7" {
		t.Errorf("EXEC: %v, %v", reply, err)
	}
}

// TestScriptCache: scripts that EVAL brings make room for each other, not for those of
// SCRIPT LOAD.
func TestScriptCache(t *testing.T) {
	c := newScriptCache(callEngine{})
	sha, err := c.Load([]byte("ping loaded"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxEvals {
		if _, err := c.get(fmt.Appendf(nil, "echo %d", i), false); err != nil {
			t.Fatal(err)
		}
		if _, err := c.get([]byte("echo again"), false); err != nil {
			t.Fatal(err)
		}
	}
	if n, bytes := c.size(); n != maxEvals+1 || bytes <= 0 {
		t.Errorf("%d scripts are kept, %d bytes", n, bytes)
	}
	if !c.Exists([]byte(sha)) {
		t.Error("a script of SCRIPT LOAD is gone")
	}
	again, _ := c.get([]byte("echo again"), false)
	if !c.Exists([]byte(again.sha)) {
		t.Error("the script that is used most is gone")
	}
}
