package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// clientMoves are what clients do that shows in CLIENT LIST; # is the number of another
// client. None is answered before the next one is sent.
var clientMoves = []string{
	"SUBSCRIBE a b", "PSUBSCRIBE p*", "SSUBSCRIBE s", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MULTI", "MULTI",
	"SET k v", "GET k", "GET", "EXEC", "DISCARD", "UNWATCH", "CLIENT TRACKING ON", "CLIENT TRACKING ON BCAST",
	"CLIENT TRACKING ON OPTIN", "CLIENT TRACKING ON REDIRECT #", "CLIENT TRACKING OFF", "CLIENT NO-EVICT ON",
	"CLIENT NO-EVICT OFF", "HELLO 3", "HELLO 2", "SELECT 0", "NOTHING x", "BLPOP nokey 0", "BLPOP nokey 0", "MONITOR",
	"AUTH default any", "CLIENT REPLY ON", "PING", "CONFIG GET maxmemory", "HELLO 3 AUTH u secret", "RESET", "RESET",
}

var (
	clientFields  = regexp.MustCompile(` ?([a-z-]+)=(\S*)`)
	waitingClient = regexp.MustCompile(` flags=\w*b`)
)

// clientsRun are clients of this server and of a redis-server that do the same.
type clientsRun struct {
	t     *testing.T
	admin [2]*resp.Conn
	conns [2][]net.Conn
	ids   [2][]string
	rnd   *rand.Rand
	done  []string // what was done, for a failure
}

// TestRandomClientsAreRedis puts clients into random states and compares what CLIENT LIST
// says of them with a redis-server. SLOTMESH_SEEDS sets the number of sequences.
func TestRandomClientsAreRedis(t *testing.T) {
	addr := redisAddr(t)
	theirs := dialRedis(t, addr)
	seeds := 6
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range seeds {
		srv := startServer(t, Config{})
		r := &clientsRun{t: t, rnd: rand.New(rand.NewPCG(uint64(seed), 7)), admin: [2]*resp.Conn{connect(t, srv), theirs}}
		for _, c := range r.admin {
			if _, err := c.Do("ACL", "SETUSER", "u", "on", ">secret", "~*", "&*", "+@all"); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 6 {
			dialled, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			r.add(0, i, pipeTo(t, srv))
			r.add(1, i, dialled)
		}
		r.run(seed)
		for _, list := range r.conns {
			for _, conn := range list {
				conn.Close()
			}
		}
		waitFor(t, "the clients to be gone", func() bool {
			return len(r.list(1)) == 0
		})
	}
}

// add names a client, and lets it ignore its replies.
func (r *clientsRun) add(side, i int, conn net.Conn) {
	c := resp.NewConn(conn)
	if _, err := c.Do("CLIENT", "SETNAME", clientName(i)); err != nil {
		r.t.Fatal(err)
	}
	id, err := c.Do("CLIENT", "ID")
	if err != nil {
		r.t.Fatal(err)
	}
	r.conns[side], r.ids[side] = append(r.conns[side], conn), append(r.ids[side], fmt.Sprint(id.Int))
	go io.Copy(io.Discard, conn)
}

func clientName(i int) string { return "client" + strconv.Itoa(i) }

func (r *clientsRun) run(seed int) {
	for range 40 {
		i := r.rnd.IntN(len(r.conns[0]))
		move, other := clientMoves[r.rnd.IntN(len(clientMoves))], r.rnd.IntN(len(r.conns[0]))
		line := r.list(0)[clientName(i)]
		if waitingClient.MatchString(line) {
			move = "unblock"
		}
		r.done = append(r.done, fmt.Sprintf("%d: %s (#: %d)", i, move, other))
		for side := range r.conns {
			if move == "unblock" {
				waitFor(r.t, "the client to wait", func() bool {
					reply, err := r.admin[side].Do("CLIENT", "UNBLOCK", r.ids[side][i])
					return err != nil || reply.Int == 1
				})
				continue
			}
			lines := strings.ReplaceAll(move, "#", r.ids[side][other]) + "\r\n"
			if move == "RESET" {
				lines += "CLIENT SETNAME " + clientName(i) + "\r\n"
			}
			if _, err := io.WriteString(r.conns[side][i], lines); err != nil {
				r.t.Fatal(err)
			}
		}
		r.compare(seed)
	}
}

// compare waits until both servers say the same of all clients.
func (r *clientsRun) compare(seed int) {
	deadline := time.Now().Add(5 * time.Second)
	for {
		ours, theirs := r.list(0), r.list(1)
		same := len(ours) == len(r.conns[0]) && len(theirs) == len(ours)
		for name := range theirs {
			same = same && ours[name] == theirs[name]
		}
		if same {
			return
		}
		if time.Now().After(deadline) {
			for name, want := range theirs {
				if ours[name] != want {
					r.t.Errorf("%s:\n got %s\nwant %s", name, ours[name], want)
				}
			}
			r.t.Fatalf("seed %d, after\n%s", seed, strings.Join(r.done, "\n"))
		}
	}
}

// list returns what CLIENT LIST says of the named clients: the names of the fields in their
// order, and the values that both servers should have.
func (r *clientsRun) list(side int) map[string]string {
	reply, err := r.admin[side].Do("CLIENT", "LIST")
	if err != nil {
		r.t.Fatal(err)
	}
	list := make(map[string]string)
	for line := range strings.Lines(reply.Text()) {
		var b strings.Builder
		name := ""
		for _, f := range clientFields.FindAllStringSubmatch(line, -1) {
			switch f[1] {
			case "lib-name", "lib-ver": // of Redis 7.2
				continue
			case "id", "addr", "laddr", "fd", "age", "idle", "qbuf", "qbuf-free", "argv-mem", "multi-mem", "rbs", "rbp", "obl",
				"oll", "omem", "tot-mem":
				f[2] = ""
			case "name":
				name = f[2]
			case "redir":
				if i := slices.Index(r.ids[side], f[2]); i >= 0 {
					f[2] = clientName(i)
				}
			}
			b.WriteString(f[1] + "=" + f[2] + " ")
		}
		if name != "" {
			list[name] = b.String()
		}
	}
	return list
}

// The forms of CLIENT LIST, and what they refuse.
func TestClientListForms(t *testing.T) {
	theirs, ours := redisConn(t), connect(t, startServer(t, Config{}))
	id := func(c *resp.Conn) string { r, _ := c.Do("CLIENT", "ID"); return fmt.Sprint(r.Int) }
	for _, form := range []string{"", "TYPE normal", "TYPE PubSub", "TYPE master", "TYPE slave", "TYPE replica", "TYPE x",
		"TYPE", "TYPE normal x", "ID", "ID x", "ID @", "ID @ 99999 @", "ID 9223372036854775807 -9223372036854775808",
		"ID 9223372036854775808", "NAME x", "ID @ x"} {
		count := func(c *resp.Conn) string {
			return regexp.MustCompile(`id=\d+ [^\\]*`).ReplaceAllString(
				do(t, c, "CLIENT LIST "+strings.ReplaceAll(form, "@", id(c))), "client")
		}
		if want, got := count(theirs), count(ours); want != got {
			t.Errorf("CLIENT LIST %s: %s, want %s", form, got, want)
		}
	}
}

// What clients hold in memory shows.
func TestClientListShowsMemory(t *testing.T) {
	srv := startServer(t, Config{})
	c, waits := connect(t, srv), pipeTo(t, srv)
	field := func(line, name string) int {
		t.Helper()
		m := regexp.MustCompile(` ` + name + `=(-?\d+)`).FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no %s in %s", name, line)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	own := func() string {
		return do(t, c, "CLIENT INFO")
	}
	if line := own(); field(line, "argv-mem") != 10 || field(line, "multi-mem") != 0 || field(line, "fd") != -1 {
		t.Error(line)
	}
	if _, err := io.WriteString(waits, "BLPOP nokey 0\r\n"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the client to wait", func() bool {
		list := do(t, c, "CLIENT LIST")
		return strings.Contains(list, " flags=b ") && strings.Contains(list, " argv-mem=11 ")
	})
	queue := connect(t, srv)
	expect(t, queue, "MULTI", "+OK")
	expect(t, queue, "SET k "+strings.Repeat("x", 5000), "+QUEUED")
	list := do(t, c, "CLIENT LIST")
	i := strings.Index(list, " multi=1 ")
	if i < 0 || field(list[i:], "multi-mem") < 5000 || field(list[i:], "tot-mem") < 5000+field(list[i:], "qbuf-free") {
		t.Error(list)
	}
}
