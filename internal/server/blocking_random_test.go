package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// TestBlockingIsRedis plays random scripts of several clients, who wait for lists and
// sorted sets and bring them, here and on a redis-server in cluster mode: the same clients
// must get the same replies after each step.
//
// SLOTMESH_DIFF sets the number of steps, SLOTMESH_DIFF_SEED the seed.
func TestBlockingIsRedis(t *testing.T) {
	script := &blockingScript{rnd: blockingSeed()}
	playBlocking(t, script.next, 0)
}

// blockingSeed returns what random scripts of several clients are made of.
func blockingSeed() *rand.Rand {
	return rand.New(rand.NewPCG(uint64(numberFromEnv("SLOTMESH_DIFF_SEED", 1)), 7))
}

// playBlocking plays the steps that next returns, each a client that does not wait and its
// command, here and on a redis-server. If events are asked for, they are compared, too.
func playBlocking(t *testing.T, next func(c *crowd) (client int, line string), events keyspace.EventClass) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: waiting clients were not compared with it")
	}
	addr := startRedis(t, "cluster")
	theirs := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	first := resp.NewConn(theirs())
	waitFor(t, "cluster_state:ok", func() bool {
		return strings.Contains(do(t, first, "CLUSTER INFO"), "cluster_state:ok")
	})
	srv := startServer(t, Config{Cluster: newFakeCluster(), Scripts: luaengine.New(luaengine.Config{})})
	steps, seed := numberFromEnv("SLOTMESH_DIFF", 2000), numberFromEnv("SLOTMESH_DIFF_SEED", 1)
	if raceDetector {
		steps /= 4
	}
	here, there := newCrowd(t, func() net.Conn { return pipeTo(t, srv) }), newCrowd(t, theirs)
	if events != 0 {
		srv.engine.Store().SetEvents(events)
		do(t, there.admin, "CONFIG SET notify-keyspace-events "+events.String())
		here.subscribe(pipeTo(t, srv))
		there.subscribe(theirs())
	}
	var history []string
	for range steps {
		client, line := next(here)
		history = append(history, fmt.Sprintf("%d> %s", client, line))
		got, want := here.step(client, line), there.step(client, line)
		if got != want {
			t.Fatalf("seed %d: the last steps\n%s\ngot\n%s\nwant\n%s", seed,
				strings.Join(history[max(0, len(history)-40):], "\n"), got, want)
		}
	}
}

const crowdSize = 8

// crowd is the clients of one server. The last one never waits.
type crowd struct {
	t       *testing.T
	clients [crowdSize]*crowdClient
	admin   *resp.Conn
	waiting int
	events  *resp.Conn // nil: they are not looked at
	marks   int
}

type crowdClient struct {
	conn    *resp.Conn
	id      string
	replies chan string
	waits   bool // for the reply to its last command
}

func newCrowd(t *testing.T, dial func() net.Conn) *crowd {
	c := &crowd{t: t, admin: resp.NewConn(dial())}
	expect(t, c.admin, "FLUSHALL", "+OK")
	for i := range c.clients {
		conn := dial()
		client := &crowdClient{conn: resp.NewConn(conn), replies: make(chan string, 16)}
		client.id = strings.TrimPrefix(do(t, client.conn, "CLIENT ID"), ":")
		if i%2 == 1 {
			do(t, client.conn, "HELLO 3")
		}
		in := resp.NewConn(conn)
		go func() {
			for {
				reply, err := in.Receive()
				if _, isReply := err.(resp.Error); err != nil && !isReply {
					return
				}
				client.replies <- render(reply)
			}
		}()
		c.clients[i] = client
	}
	return c
}

// step sends a command and returns what all clients get, once the server has nothing more
// to say: every client waits, or has its reply.
func (c *crowd) step(i int, line string) string {
	line = c.withIDs(line)
	client := c.clients[i]
	args, ok := resp.SplitWords(nil, []byte(line))
	if !ok {
		c.t.Fatal(line)
	}
	client.conn.SendBytes(args...)
	if err := client.conn.Flush(); err != nil {
		c.t.Fatal(err)
	}
	client.waits = true
	got := make([]string, crowdSize)
	c.waiting++
	for {
		c.collect(got)
		if c.blocked() == c.waiting {
			break
		}
	}
	var b strings.Builder
	for i, reply := range got {
		if reply != "" {
			fmt.Fprintf(&b, "%d gets %s\n", i, reply)
		}
	}
	if c.events != nil {
		c.appendEvents(&b)
	}
	return b.String()
}

// subscribe looks at the events of keys by another client.
func (c *crowd) subscribe(conn net.Conn) {
	c.events = resp.NewConn(conn)
	do(c.t, c.events, "PSUBSCRIBE __keyevent@0__:*")
}

// appendEvents appends the events since the last call. A message after them tells where
// they end.
func (c *crowd) appendEvents(b *strings.Builder) {
	c.marks++
	mark := fmt.Sprint("mark", c.marks)
	do(c.t, c.admin, "PUBLISH __keyevent@0__:mark "+mark)
	for {
		message, err := c.events.Receive()
		if err != nil {
			c.t.Fatal(err)
		}
		key := message.Elems[len(message.Elems)-1].Text()
		if key == mark {
			return
		}
		fmt.Fprintf(b, "event %s of %s\n", message.Elems[2].Text(), key)
	}
}

// collect takes the replies that have come.
func (c *crowd) collect(got []string) {
	for i, client := range c.clients {
		for client.waits {
			select {
			case reply := <-client.replies:
				got[i] += reply
				client.waits = false
				c.waiting--
				continue
			default:
			}
			break
		}
	}
}

// blocked returns how many clients the server says that wait.
func (c *crowd) blocked() int {
	info := do(c.t, c.admin, "INFO clients")
	_, after, _ := strings.Cut(info, "blocked_clients:")
	n, err := strconv.Atoi(after[:strings.IndexAny(after, "\\\r")])
	if err != nil {
		c.t.Fatalf("%q", info)
	}
	return n
}

// withIDs replaces "client3" by the client's id at this server.
func (c *crowd) withIDs(line string) string {
	for i, client := range c.clients {
		line = strings.ReplaceAll(line, fmt.Sprintf("client%d", i), client.id)
	}
	return line
}

// blockingScript invents steps.
type blockingScript struct {
	rnd   *rand.Rand
	lines []string // the next ones of the writer: what is left of a transaction
	value int
}

// next returns a client that does not wait, and its command.
func (s *blockingScript) next(c *crowd) (client int, line string) {
	const writer = crowdSize - 1
	if len(s.lines) > 0 {
		line, s.lines = s.lines[0], s.lines[1:]
		return writer, line
	}
	client = s.rnd.IntN(crowdSize)
	if client == writer || c.clients[client].waits {
		if s.rnd.IntN(5) == 0 {
			lines := []string{"MULTI"}
			for range 1 + s.rnd.IntN(5) {
				lines = append(lines, s.anything())
			}
			s.lines = append(lines, "EXEC")
			return s.next(c)
		}
		return writer, s.write()
	}
	if s.rnd.IntN(4) == 0 {
		return client, s.push()
	}
	return client, s.wait()
}

func (s *blockingScript) anything() string {
	if s.rnd.IntN(4) == 0 {
		return s.wait()
	}
	for {
		// CLIENT would end the slot's transaction, as all commands do that are about no key of it.
		if line := s.write(); !strings.HasPrefix(line, "CLIENT") {
			return line
		}
	}
}

// key returns one of few keys of one slot.
func (s *blockingScript) key() string { return fmt.Sprintf("{k}%d", s.rnd.IntN(4)) }

func (s *blockingScript) keys() string {
	list := make([]string, 1+s.rnd.IntN(3))
	for i := range list {
		list[i] = s.key()
	}
	return strings.Join(list, " ")
}

func (s *blockingScript) one(list ...string) string { return list[s.rnd.IntN(len(list))] }

func (s *blockingScript) end() string { return s.one("LEFT", "RIGHT") }

func (s *blockingScript) wait() string {
	keys := s.keys()
	n := len(strings.Fields(keys))
	count := s.one("", "", " COUNT 2", " COUNT 10")
	switch s.rnd.IntN(8) {
	case 0:
		return "BLPOP " + keys + " 0"
	case 1:
		return "BRPOP " + keys + " 1000"
	case 2, 3:
		return "BLMOVE " + s.key() + " " + s.key() + " " + s.end() + " " + s.end() + " 0"
	case 4:
		return "BRPOPLPUSH " + s.key() + " " + s.key() + " 0"
	case 5:
		return fmt.Sprintf("BLMPOP 0 %d %s %s%s", n, keys, s.end(), count)
	case 6:
		return s.one("BZPOPMIN ", "BZPOPMAX ") + keys + " 0"
	}
	return fmt.Sprintf("BZMPOP 0 %d %s %s%s", n, keys, s.one("MIN", "MAX"), count)
}

// push brings an element.
func (s *blockingScript) push() string {
	s.value++
	if s.rnd.IntN(3) == 0 {
		return fmt.Sprintf("ZADD %s %d m%d", s.key(), s.rnd.IntN(5), s.value)
	}
	return fmt.Sprintf("%s %s %d", s.one("RPUSH", "LPUSH"), s.key(), s.value)
}

func (s *blockingScript) write() string {
	s.value++
	switch s.rnd.IntN(16) {
	case 0, 1, 2, 3, 6, 7:
		return s.push()
	case 4, 5:
		return fmt.Sprintf("%s %s a%d b%d c%d", s.one("RPUSH", "LPUSH"), s.key(), s.value, s.value, s.value)
	case 8:
		return fmt.Sprintf("ZADD %s 1 m%d 2 n%d 3 o%d", s.key(), s.value, s.value, s.value)
	case 9, 10:
		return "DEL " + s.key()
	case 11:
		return "RENAME " + s.key() + " " + s.key()
	case 12:
		return s.one("SET "+s.key()+" string", "LMOVE "+s.key()+" "+s.key()+" LEFT LEFT",
			"COPY "+s.key()+" "+s.key()+" REPLACE")
	case 13:
		return fmt.Sprintf("CLIENT UNBLOCK client%d %s", s.rnd.IntN(crowdSize-1), s.one("", "TIMEOUT", "ERROR"))
	case 14:
		// Redis 7.0 forgets those that wait for a key that such a command overwrites.
		to := s.key()
		s.lines = append(s.lines, s.one("ZUNIONSTORE "+to+" 2 "+s.key()+" "+s.key(), "ZRANGESTORE "+to+" "+s.key()+" 0 -1"))
		return "DEL " + to
	}
	return s.one("LPOP ", "RPOP ", "ZPOPMIN ") + s.key()
}
