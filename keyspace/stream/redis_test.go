package stream

import (
	"bufio"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redis is a connection to a redis-server.
type redis struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func startRedis(t *testing.T) *redis {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed, and CI must not skip this test")
		}
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	socket := filepath.Join(t.TempDir(), "s")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", filepath.Dir(socket))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	log := bufio.NewScanner(out)
	for log.Scan() && !strings.Contains(log.Text(), "now ready to accept connections at") {
	}
	go io.Copy(io.Discard, out)
	conn, err := net.DialTimeout("unix", socket, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &redis{t, conn, bufio.NewReader(conn)}
}

func (r *redis) do(args ...string) string {
	r.t.Helper()
	b := []byte("*" + strconv.Itoa(len(args)) + "\r\n")
	for _, arg := range args {
		b = append(b, "$"+strconv.Itoa(len(arg))+"\r\n"+arg+"\r\n"...)
	}
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
	reply := r.reply()
	if strings.HasPrefix(reply, "-") {
		r.t.Fatalf("%.100q: %s", args, reply)
	}
	return reply
}

// reply returns a reply as text; elements of arrays stand behind each other.
func (r *redis) reply() string {
	line, err := r.in.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '$':
		b := make([]byte, max(n, 0)+2)
		if n >= 0 {
			_, err = io.ReadFull(r.in, b)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		return string(b[:len(b)-2])
	case '*':
		line = ""
		for range n {
			line += r.reply() + " "
		}
	case ':':
		line = line[1:]
	}
	return line
}

// Nodes begin and end where those of Redis do, and whole ones go where they do.
func TestNodesAreThoseOfRedis(t *testing.T) {
	server := startRedis(t)
	for seed := range uint64(20) {
		c := newScenario(rand.New(rand.NewPCG(seed, 3)))
		limits := DefaultLimits()
		if seed%4 == 1 {
			limits = Limits{Bytes: c.IntN(5000), Entries: c.IntN(300)}
		} else if seed%4 == 2 {
			limits.Entries = c.IntN(20)
		}
		c.s.SetLimits(&limits)
		server.do("CONFIG", "SET", "stream-node-max-bytes", strconv.Itoa(limits.Bytes))
		server.do("CONFIG", "SET", "stream-node-max-entries", strconv.Itoa(limits.Entries))
		server.do("DEL", "k")
		for step := range 1000 {
			c.stepWith(server)
			info := " " + server.do("XINFO", "STREAM", "k")
			_, info, _ = strings.Cut(info, " radix-tree-keys ")
			if got, _, _ := strings.Cut(info, " "); got != strconv.Itoa(c.s.Nodes()) {
				t.Fatalf("seed %d, step %d: %d nodes, in Redis %s", seed, step, c.s.Nodes(), got)
			}
			if err := check(c.s); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stepWith makes the same change here and in Redis.
func (c *scenario) stepWith(server *redis) {
	switch k := c.IntN(40); {
	case k < 30 || len(c.m.entries) == 0:
		id, value := c.nextID(), c.value()
		c.s.Set(id, value)
		c.m.entries[id] = string(value)
		args := []string{"XADD", "k", id.String()}
		f := FieldsOf(value)
		for s, ok := f.Next(); ok; s, ok = f.Next() {
			args = append(args, string(s))
		}
		server.do(args...)
	case k < 35:
		id := c.id()
		c.s.Cut(id)
		delete(c.m.entries, id)
		server.do("XDEL", "k", id.String())
	default:
		c.trimWith(server)
	}
}

func (c *scenario) trimWith(server *redis) {
	keep, from, whole, limit := -1, c.id(), c.IntN(3) > 0, 0
	args := []string{"XTRIM", "k", "MINID", "=", from.String()}
	if c.IntN(2) == 0 {
		keep = max(0, len(c.m.entries)-c.IntN(200))
		args = []string{"XTRIM", "k", "MAXLEN", "=", strconv.Itoa(keep)}
	}
	if whole {
		limit = c.IntN(300)
		args[3] = "~"
		args = append(args, "LIMIT", strconv.Itoa(limit))
	}
	last, count, ok := c.s.TrimPoint(keep, from, whole, limit)
	if ok {
		c.s.CutRange(ID{}, last)
		c.m.cutRange(ID{}, last)
	}
	if got := server.do(args...); got != strconv.Itoa(count) {
		server.t.Fatalf("%q: Redis has trimmed %s, here %d", args, got, count)
	}
}
