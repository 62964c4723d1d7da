package server

import (
	"bytes"
	"errors"
	goflag "flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// The scripts in testdata say what each command answers. A line "> COMMAND" is sent;
// the line after it is the reply as render shows it, or "/regular expression/" where
// no two servers agree. "2> COMMAND" goes over a second connection, "> COMMAND !"
// has no reply, and `raw> "bytes"` sends a Go string as it is, with one reply for each
// line that follows; "closed" is the end of the connection.
//
// The name says where a script holds: cluster-*.txt on a node that owns all slots,
// standalone-*.txt on one in no cluster, renamed-*.txt on such a one some of whose
// commands have other names, the others on the first two.
//
// TestScriptsOnRedis runs the same files against a real redis-server 7, which proves
// that the replies are equal. With -update it writes its replies into them.
var modes = []string{"cluster", "standalone", "renamed"}

// renames are the lines "rename-command" of mode renamed.
var renames = [][2]string{
	{"GET", ""}, {"SET", "fetch"}, {"CONFIG", "ADMIN"}, {"MULTI", "atomic"}, {"HELLO", "salute"}, {"COMMAND", "Commandx"},
	{"CLUSTER", "CX"}, {"ECHO", "two words"}, {"EVAL", ""}, {"lolwut", "art"},
	{"DBSIZE", "8d6f4ad5-0d2c-4bd3-9c37-4f5ad9f5a1b1-dbsize"}, {"STRLEN", "tmp"}, {"APPEND", "STRLEN"}, {"TMP", "append"},
}

var update = goflag.Bool("update", false, "write the replies of a real redis-server into the scripts")

func scripts(t *testing.T, mode string) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(all) == 0 {
		t.Fatalf("no scripts in testdata (%v)", err)
	}
	var list, special []string
	for _, file := range all {
		switch kind, _, _ := strings.Cut(filepath.Base(file), "-"); kind {
		case mode:
			special = append(special, file)
		case "cluster", "standalone", "renamed":
		default:
			list = append(list, file)
		}
	}
	if mode == "renamed" {
		return special
	}
	return append(list, special...) // last, because cluster scripts take slots away
}

func TestScripts(t *testing.T) {
	for _, mode := range modes {
		for _, file := range scripts(t, mode) {
			t.Run(mode+"/"+filepath.Base(file), func(t *testing.T) {
				cfg := Config{Debug: ForEveryone, Scripts: luaengine.New(luaengine.Config{})}
				switch mode {
				case "cluster":
					cfg.Cluster = newFakeCluster()
				case "renamed":
					cfg.Rename = namesOf(t, renames)
				}
				srv := startServer(t, cfg)
				runScript(t, file, func() net.Conn { return pipeTo(t, srv) })
			})
		}
	}
}

func TestScriptsOnRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: the scripts were not compared with it")
	}
	for _, mode := range modes {
		addr := startRedis(t, mode)
		for _, file := range scripts(t, mode) {
			t.Run(mode+"/"+filepath.Base(file), func(t *testing.T) {
				dial := func() net.Conn {
					conn, err := net.Dial("tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { conn.Close() })
					return conn
				}
				if mode == "cluster" {
					// A script may have taken its slots away; then it waits some seconds.
					c := resp.NewConn(dial())
					waitFor(t, "cluster_state:ok", func() bool {
						return strings.Contains(do(t, c, "CLUSTER INFO"),
							"cluster_state:ok")
					})
				}
				runScript(t, file, dial)
			})
		}
	}
}

// namesOf returns what lines "rename-command" come to.
func namesOf(t *testing.T, lines [][2]string) map[string]string {
	t.Helper()
	var r Renames
	for _, line := range lines {
		if err := r.Add(line[0], line[1]); err != nil {
			t.Fatalf("rename-command %q: %v", line, err)
		}
	}
	return r.Names()
}

// startRedis starts a real server, in cluster mode with all slots.
func startRedis(t *testing.T, mode string) (addr string) {
	t.Helper()
	for range 5 { // a port found free may be taken before redis-server gets it
		if addr, ok := tryRedis(t, mode); ok {
			if mode == "cluster" {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				do(t, resp.NewConn(conn), "CLUSTER ADDSLOTSRANGE 0 16383")
			}
			return addr
		}
	}
	t.Fatal("redis-server does not start")
	return ""
}

// tryRedis starts redis-server and reports whether it stays and answers.
func tryRedis(t *testing.T, mode string) (addr string, ok bool) {
	t.Helper()
	port := freePort(t)
	args := []string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--enable-debug-command",
		"yes"}
	switch mode {
	case "cluster":
		args = append(args, "--cluster-enabled", "yes", "--cluster-port", freePort(t))
	case "protected":
		args = append(args, "--protected-mode", "yes")
	case "renamed":
		for _, line := range renames {
			args = append(args, "--rename-command", line[0], line[1])
		}
	}
	cmd := exec.Command("redis-server", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	addr = "127.0.0.1:" + port
	waitFor(t, "redis-server to answer", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		defer conn.Close()
		reply, err := resp.NewConn(conn).Do("PING")
		ok = err == nil && reply.Text() == "PONG"
		return ok
	})
	return addr, ok
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// runScript runs a file on connections made by dial, starting without keys.
func runScript(t *testing.T, file string, dial func() net.Conn) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, file: file, dial: dial, conns: make(map[string]*resp.Conn)}
	expect(t, r.conn("flush"), "FLUSHALL", "+OK")
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		r.written = append(r.written, lines[i])
		name, command, ok := strings.Cut(lines[i], "> ")
		if !ok || strings.HasPrefix(lines[i], "#") {
			continue
		}
		n := 0
		for i+n+1 < len(lines) && lines[i+n+1] != "" && !isCommand(lines[i+n+1]) && lines[i+n+1][0] != '#' {
			n++
		}
		r.step(i+1, name, command, lines[i+1:i+1+n])
		i += n
	}
	if *update && !t.Failed() {
		os.WriteFile(file, []byte(strings.Join(r.written, "\n")+"\n"), 0o644)
	}
}

var commandLine = regexp.MustCompile(`^(raw|\d*)> `)

func isCommand(line string) bool { return commandLine.MatchString(line) }

type runner struct {
	t       *testing.T
	file    string
	dial    func() net.Conn
	conns   map[string]*resp.Conn
	written []string // the file with replies as they came
}

func (r *runner) conn(name string) *resp.Conn {
	c := r.conns[name]
	if c == nil {
		c = resp.NewConn(r.dial())
		r.conns[name] = c
	}
	return c
}

func (r *runner) step(line int, name, command string, want []string) {
	r.t.Helper()
	c := r.conn(name)
	silent := strings.HasSuffix(command, " !")
	if name == "raw" {
		r.sendRaw(command)
		c = r.conn(name)
	} else {
		args, ok := resp.SplitWords(nil, []byte(strings.TrimSuffix(command, " !")))
		if !ok {
			r.t.Fatalf("%s:%d: unbalanced quotes", r.file, line)
		}
		c.SendBytes(args...)
		c.Flush() // if the connection is closed, the reply tells
	}
	if silent {
		return
	}
	for i := range max(1, len(want)) {
		got := r.receive(c)
		if i >= len(want) {
			if !*update {
				r.t.Errorf("%s:%d: %s\n got %s\nwant nothing: run with -update", r.file, line, command, got)
			}
			r.written = append(r.written, got)
			continue
		}
		r.compare(line+1+i, command, got, want[i])
	}
}

func (r *runner) compare(line int, command, got, want string) {
	r.t.Helper()
	equal := got == want
	if len(want) > 1 && want[0] == '/' && want[len(want)-1] == '/' {
		equal = regexp.MustCompile("(?s)^" + want[1:len(want)-1] + "$").MatchString(got)
		if equal {
			got = want
		}
	}
	if !equal && !*update {
		r.t.Errorf("%s:%d: %s\n got %s\nwant %s", r.file, line, command, got, want)
	}
	r.written = append(r.written, got)
}

func (r *runner) receive(c *resp.Conn) string {
	reply, err := c.Receive()
	var isReply resp.Error
	if err != nil && !errors.As(err, &isReply) {
		if errors.Is(err, resp.ErrMalformed) {
			return fmt.Sprintf("malformed: %v", err)
		}
		return "closed"
	}
	return render(reply)
}

// sendRaw opens a connection of its own and writes bytes to it.
func (r *runner) sendRaw(quoted string) {
	text, err := strconv.Unquote(quoted)
	if err != nil {
		r.t.Fatalf("%s: %s: %v", r.file, quoted, err)
	}
	conn := r.dial()
	go bytes.NewReader([]byte(text)).WriteTo(conn) // the pipe of a test holds no bytes
	r.conns["raw"] = resp.NewConn(conn)
}
