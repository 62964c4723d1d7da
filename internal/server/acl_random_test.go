package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// TestRandomRightsAreRedis gives users random rights on this server and on a redis-server,
// lets clients of theirs run random commands, alone and in transactions, and compares every
// reply, what users may do afterwards, and the ACL log. SLOTMESH_SEEDS sets the number of
// sequences; a failure names the seed.
func TestRandomRightsAreRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: random rights were not compared with it")
	}
	seeds := 8
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		seeds = n
	}
	addr := startRedis(t, "standalone")
	theirs := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	for seed := range seeds {
		srv := startServer(t, Config{Debug: ForEveryone})
		r := &rightsRun{t: t, seed: seed, rnd: rand.New(rand.NewPCG(uint64(seed), 1))}
		r.conns = make(map[string][2]*resp.Conn)
		r.dial = func() [2]*resp.Conn { return [2]*resp.Conn{connect(t, srv), resp.NewConn(theirs())} }
		r.run()
	}
}

// rightsRun is one sequence on both servers.
type rightsRun struct {
	t     *testing.T
	seed  int
	step  int
	rnd   *rand.Rand
	dial  func() [2]*resp.Conn
	conns map[string][2]*resp.Conn // by user; "" is the administrator
}

var rightsUsers = []string{"ann", "bob", "cid"}

// rightsRules are modifiers to choose from: some are refused.
var rightsRules = strings.Fields(`
	on on on off nopass nopass >a >b <a resetpass reset
	~a:* ~b:* %R~r:* %W~w:* %RW~x ~* allkeys resetkeys %R~a:* %W~b:*
	&c &* resetchannels allchannels
	+@all +@all -@all +@read -@read +@write -@write +@string -@string +@keyspace -@keyspace +@dangerous -@dangerous
	+@connection -@connection +@transaction -@transaction +@fast -@fast +@slow -@slow +@admin -@admin
	+get -get +set -set +mget -mset +del -del +client -client +client|id +client|getname -client|getname
	+config|get -config|get +select|0 -select +acl|whoami -acl|whoami +acl +object -object|encoding +multi -multi +exec
	+rename +copy +append +strlen -strlen +exists +publish -lpush +nothing +client|nothing
	(+get~b:*) clearselectors
`)

// rightsCommands are what clients try; @ stands for a key.
var rightsCommands = []string{
	"GET @", "GET @", "SET @ v", "SET @ v GET", "SET @ v NX", "MGET @ @", "MSET @ 1 @ 2", "DEL @", "DEL @ @", "EXISTS @",
	"APPEND @ x", "STRLEN @", "GETDEL @", "GETEX @", "GETSET @ z", "SETRANGE @ 0 q", "GETRANGE @ 0 1", "INCR @", "TYPE @",
	"RENAME @ @", "COPY @ @", "OBJECT FREQ @", "OBJECT HELP extra", "EXPIRE @ 100", "PERSIST @", "TTL @", "WATCH",
	"UNWATCH", "PING", "ECHO hi", "SELECT 0", "CLIENT GETNAME", "CLIENT SETNAME n", "CONFIG RESETSTAT",
	"CONFIG NOTHING", "ACL WHOAMI", "ACL USERS", "FLUSHALL", "DBSIZE", "MULTI", "EXEC", "DISCARD", "EXEC", "NOTHING",
	"GET", "KEYS zzz", "TOUCH @", "UNLINK @", "RESTORE @ 0 bad", "ROLE extra", "SHUTDOWN BAD",
}

func (r *rightsRun) run() {
	for r.step = range 250 {
		u := rightsUsers[r.rnd.IntN(len(rightsUsers))]
		switch n := r.rnd.IntN(100); {
		case n < 12:
			r.setUser(u)
		case n < 15:
			r.same("", "ACL DELUSER "+u)
			delete(r.conns, u)
		case n < 22:
			r.same(u, "AUTH "+u+" "+[]string{"a", "b", "wrong"}[r.rnd.IntN(3)])
		case n < 25:
			r.same(u, []string{"HELLO 2", "HELLO 3", "RESET", "HELLO 3 AUTH " + u + " a"}[r.rnd.IntN(4)])
		default:
			r.same(u, r.command())
		}
		if r.step%50 == 49 {
			r.sameRights()
		}
	}
	r.same("", "FLUSHALL") // for the next sequence: redis-server is the same
	r.same("", "ACL LOG RESET")
	r.same("", "ACL DELUSER "+strings.Join(rightsUsers, " "))
}

func (r *rightsRun) setUser(name string) {
	line := "ACL SETUSER " + name
	for range 1 + r.rnd.IntN(5) {
		rule := rightsRules[r.rnd.IntN(len(rightsRules))]
		line += ` "` + strings.Replace(rule, "~b:*)", " ~b:*)", 1) + `"`
	}
	r.same("", line)
}

func (r *rightsRun) command() string {
	line := rightsCommands[r.rnd.IntN(len(rightsCommands))]
	for strings.Contains(line, "@") {
		line = strings.Replace(line, "@", []string{"a:1", "b:1", "r:1", "w:1", "x", "y"}[r.rnd.IntN(6)], 1)
	}
	return line
}

// sameRights compares what users may do, and what the log says of what they could not.
func (r *rightsRun) sameRights() {
	r.same("", "ACL LIST")
	for _, u := range rightsUsers {
		r.same("", "ACL GETUSER "+u)
		for range 20 {
			r.same("", "ACL DRYRUN "+u+" "+r.command())
		}
	}
	r.same("", "ACL LOG 100")
}

// same sends a line for a user, on a connection of its own, to both servers.
func (r *rightsRun) same(user, line string) {
	r.t.Helper()
	pair, ok := r.conns[user]
	if !ok {
		pair = r.dial()
		r.conns[user] = pair
	}
	var got [2]string
	for i, c := range pair {
		args, ok := resp.SplitWords(nil, []byte(line))
		if !ok {
			r.t.Fatalf("unbalanced quotes: %s", line)
		}
		c.SendBytes(args...)
		reply, err := c.Receive()
		if _, isReply := err.(resp.Error); err != nil && !isReply {
			got[i] = "closed"
			delete(r.conns, user)
			continue
		}
		got[i] = shown(line, reply)
	}
	if got[0] != got[1] {
		r.t.Fatalf("seed %d, step %d: user %q: %s\n   here %s\n  Redis %s", r.seed, r.step, user, line, got[0], got[1])
	}
}

// shown renders a reply without what must differ: the number of a client, times, and the
// rules about commands.
func shown(line string, reply resp.Reply) string {
	switch {
	case strings.HasPrefix(line, "ACL LOG") && len(reply.Elems) > 0:
		var entries []string
		for _, e := range reply.Elems {
			entries = append(entries, fmt.Sprint(e.Kind), renderList(e.Elems[:10]))
		}
		return strings.Join(entries, "\n")
	case strings.HasPrefix(line, "ACL LIST"), strings.HasPrefix(line, "ACL GETUSER"):
		dropCommands(&reply)
	}
	return clientID.ReplaceAllString(render(reply), "id")
}

var clientID = regexp.MustCompile(`"id", :\d+`)

// dropCommands removes the rules about commands from a text: how they are put depends on
// how many commands each category has, and there are some more here. What they come to is
// compared by ACL DRYRUN; package acl compares how they are put.
func dropCommands(reply *resp.Reply) {
	if text := string(reply.Str); strings.Contains(text, "@all") {
		words := slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w[0] == '+' || w[0] == '-' })
		reply.Str = []byte(strings.Join(words, " "))
	}
	for i := range reply.Elems {
		dropCommands(&reply.Elems[i])
	}
}
