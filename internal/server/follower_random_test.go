package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
)

// needRedis ends a test for which redis-server must be installed.
func needRedis(t *testing.T, what string) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: " + what)
	}
}

// startMaster returns a standalone server with a stream, and where it listens.
func startMaster(t *testing.T, cfg Config) (srv *Server, host, port string) {
	t.Helper()
	backlog := replicator.NewBacklog(0)
	cfg.Engine = engine.New(keyspace.New(keyspace.Config{Sink: backlog}))
	cfg.Stream = backlog
	srv = startServer(t, cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(ln)
	host, port, _ = net.SplitHostPort(ln.Addr().String())
	return srv, host, port
}

// TestFollowerEndsEqual runs random commands here while a real redis-server replicates this
// node, and compares what both have of every key, by DUMP, whenever the writes pause. The
// redis-server comes when there are keys already, and its connection is cut now and then. The
// test uses the settings of TestRandomCommandsAreRedis; without any, commands of all groups go
// together, because each run waits for many snapshots.
func TestFollowerEndsEqual(t *testing.T) {
	needRedis(t, "no stock server has replicated a node")
	count, seed := numberFromEnv("SLOTMESH_DIFF", 20000), numberFromEnv("SLOTMESH_DIFF_SEED", 1)
	if raceDetector {
		count /= 10
	}
	redis := startRedis(t, "standalone")
	for name, templates := range followedGroups() {
		t.Run(name, func(t *testing.T) {
			r := &randomRun{t: t, seed: seed, rnd: rand.New(rand.NewPCG(uint64(seed), 3))}
			r.templates = compileTemplates(t, templates)
			srv, host, port := startMaster(t, Config{Debug: ForEveryone})
			f := &followed{randomRun: r, ours: newRawConn(t, pipeTo(t, srv)), theirs: dialRaw(t, redis)}
			defer f.theirs.do("REPLICAOF", "NO", "ONE")
			for i := 0; r.sent < count; i++ {
				f.write(count / 50)
				switch i {
				case 0:
					f.theirs.do("REPLICAOF", host, port)
					continue // the first file is made while keys are written
				case 20, 30:
					f.ours.do("CLIENT", "KILL", "TYPE", "REPLICA")
				case 25, 35:
					f.ours.do("FLUSHALL")
				}
				if i%4 == 3 {
					f.compare()
				}
			}
			f.compare()
			if syncs := srv.streams.Syncs(); syncs.Full != 1 || syncs.Partial != 2 {
				t.Errorf("syncs: %+v; want that the two links which were cut went on", syncs)
			}
		})
	}
}

// followedGroups returns the templates of commands that are tried together.
func followedGroups() map[string][]template {
	groups := make(map[string][]template)
	for _, group := range randomGroups {
		name := group.name
		if os.Getenv("SLOTMESH_DIFF") == "" {
			name = "all"
		}
		groups[name] = slices.Concat(groups[name], group.templates, genericFor(group.name))
	}
	return groups
}

// followed is a random run on a node that a redis-server replicates.
type followed struct {
	*randomRun
	ours, theirs *rawConn
}

func dialRaw(t *testing.T, addr string) *rawConn {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newRawConn(t, conn)
}

// write runs n commands here.
func (f *followed) write(n int) {
	var wire []byte
	sent := 0
	add := func(args [][]byte) {
		wire = resp.AppendCommand(wire, args...)
		f.remember(args)
		sent++
	}
	for sent < n {
		tmpl := f.templates.choose(f.rnd)
		if tmpl.run != nil {
			continue
		}
		if !f.oneIn(40) {
			add(f.expand(tmpl))
			continue
		}
		add(byteWords("MULTI"))
		for range 1 + f.rnd.IntN(6) {
			if tmpl := f.templates.choose(f.rnd); tmpl.run == nil {
				add(f.expand(tmpl))
			}
		}
		add(byteWords("EXEC"))
	}
	go f.ours.conn.Write(wire)
	for range sent {
		f.ours.reply()
	}
	f.sent += sent
}

// compare waits until both have the same.
func (f *followed) compare() {
	f.t.Helper()
	var why string
	same := func() bool {
		why = f.difference()
		return why == ""
	}
	defer func() {
		if why != "" {
			f.t.Logf("seed %d, after %d commands: %s", f.seed, f.sent, why)
		}
	}()
	waitFor(f.t, "the follower to be equal", same)
}

// difference tells of a key that both do not have alike.
func (f *followed) difference() string {
	if info := string(f.theirs.do("INFO", "replication")); !strings.Contains(info, "master_link_status:up") {
		return "the link is down"
	}
	for _, key := range keyNames() {
		ours, theirs := bulk(f.ours.do("DUMP", key)), bulk(f.theirs.do("DUMP", key))
		if !rdb.Same(ours, theirs) {
			return fmt.Sprintf("%s: %s\n%.200q\n%.200q\n%s", key, f.ours.do("TYPE", key), ours, theirs, f.lastOf(key))
		}
		mine, its := f.ours.do("PEXPIRETIME", key), f.theirs.do("PEXPIRETIME", key)
		if !bytes.Equal(mine, its) {
			return fmt.Sprintf("%s expires at %q, there at %q\n%s", key, mine, its, f.lastOf(key))
		}
	}
	return ""
}

func (f *followed) lastOf(key string) string {
	var lines []string
	for _, args := range f.history {
		if slices.ContainsFunc(args, func(a []byte) bool { return string(a) == key }) {
			lines = append(lines, fmt.Sprintf("%.100q", args))
		}
	}
	return strings.Join(lines[max(0, len(lines)-historyShown):], "\n")
}

// bulk returns the string of a reply, nil if that is none.
func bulk(reply []byte) []byte {
	if len(reply) == 0 || reply[0] != '$' || reply[1] == '-' {
		return nil
	}
	return reply[bytes.IndexByte(reply, '\n')+1 : len(reply)-2]
}
