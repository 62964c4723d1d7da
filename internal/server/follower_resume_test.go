package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// syncsOf returns what INFO tells of how replicas have begun.
func syncsOf(t *testing.T, c *resp.Conn) string {
	t.Helper()
	lines, _ := infoOf(t, c, "stats")
	return fmt.Sprintf("full %s, partial %s, refused %s", lines["sync_full"], lines["sync_partial_ok"],
		lines["sync_partial_err"])
}

// online makes a follower that has the file, and returns the id of its commands.
func online(t *testing.T, srv *Server, psync string) (f *stockClient, id string) {
	t.Helper()
	f = newStockClient(t, pipeTo(t, srv))
	f.expect("REPLCONF capa eof capa psync2", "+OK")
	f.send(psync)
	line := f.line()
	if _, err := fmt.Sscanf(line, "+FULLRESYNC %s 0", &id); err != nil {
		t.Fatalf("%s: %q", psync, line)
	}
	f.file()
	f.send("REPLCONF ACK 0")
	f.commands("SELECT 0")
	return f, id
}

// size is how many bytes of the stream commands take.
func size(lines ...string) (n int) {
	for _, line := range lines {
		n += len(resp.AppendCommand(nil, byteWords(strings.Fields(line)...)...))
	}
	return n
}

// A follower that comes back goes on behind what it has, if that is still kept; only then.
func TestFollowerResumes(t *testing.T) {
	srv, _, _ := startMaster(t, Config{})
	c := connect(t, srv)
	f, id := online(t, srv, "PSYNC ? -1")
	do(t, c, "SET a 1")
	f.commands("SET a 1")
	f.conn.Close()
	waitFor(t, "the follower to be gone", func() bool { return srv.followers.Load() == 0 })
	do(t, c, "SET a 2")
	do(t, c, "RPUSH list x")

	seen := size("SELECT 0", "SET a 1")
	f = newStockClient(t, pipeTo(t, srv))
	f.expect(fmt.Sprint("PSYNC ", id, " ", seen+1), "+CONTINUE") // it does not know psync2
	f.commands("SET a 2")
	if got := f.command(); !strings.HasPrefix(got, "RESTORE list 0 ") {
		t.Fatalf("got %q", got)
	}
	do(t, c, "SET a 3")
	f.commands("SET a 3")
	expect(t, c, "CLIENT KILL TYPE replica", ":1")
	f.closed()

	f = newStockClient(t, pipeTo(t, srv)) // at once, and from the middle of what it was sent
	f.expect("REPLCONF capa eof capa psync2", "+OK")
	f.expect(fmt.Sprint("PSYNC ", id, " ", size("SELECT 0")+1), "+CONTINUE "+id)
	f.commands("SET a 1", "SET a 2")
	f.conn.Close()
	if got := syncsOf(t, c); got != "full 1, partial 2, refused 0" {
		t.Errorf("INFO: %s", got)
	}
	waitFor(t, "the follower to be gone", func() bool { return srv.followers.Load() == 0 })

	f, second := online(t, srv, fmt.Sprint("PSYNC ", strings.Repeat("0", 40), " 1"))
	if second == id {
		t.Error("two followers have one id")
	}
	f.conn.Close()
	waitFor(t, "the follower to be gone", func() bool { return srv.followers.Load() == 0 })
	online(t, srv, fmt.Sprint("PSYNC ", id, " 100000")) // of the future
	if got := syncsOf(t, c); got != "full 3, partial 2, refused 2" {
		t.Errorf("INFO: %s", got)
	}
}
