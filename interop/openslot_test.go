package interop

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// openSlotLines are sent to both ends of a move of the slot of {s}, each after ASKING and
// without it. {s}here is at the node that is asked, the others at none.
var openSlotLines = strings.Fields(strings.ReplaceAll(`
	EXISTS,{s}k,{s}k EXISTS,{s}k,{s}j EXISTS,{s}here,{s}here EXISTS,{s}here,{s}k EXISTS,{s}k,{s}k,{s}here
	EXISTS,{s}here,{s}k,{s}k EXISTS,{s}here,{s}here,{s}k MGET,{s}k,{s}k MGET,{s}k,{s}j MGET,{s}here,{s}here
	MGET,{s}here,{s}k TOUCH,{s}k,{s}k DEL,{s}k,{s}k UNLINK,{s}k,{s}k DEL,{s}k,{s}j
	MSETNX,{s}k,1,{s}k,2 DEL,{s}k MSET,{s}k,1,{s}k,2 DEL,{s}k,{s}k MSET,{s}k,1,{s}j,2 MSET,{s}here,1,{s}j,2
	RENAME,{s}k,{s}k RENAME,{s}k,{s}j RENAME,{s}here,{s}here COPY,{s}k,{s}k COPY,{s}here,{s}j
	WATCH,{s}k,{s}k UNWATCH WATCH,{s}k,{s}j UNWATCH
	MULTI|SET,{s}k,1|GET,{s}k|EXEC DEL,{s}k MULTI|SET,{s}k,1|GET,{s}j|EXEC MULTI|SET,{s}here,1|GET,{s}j|EXEC
	MULTI|SET,{s}here,1|GET,{s}here|EXEC MULTI|INCR,{s}n|EXPIRE,{s}n,10|EXEC DEL,{s}n
	MULTI|EXISTS,{s}n,{s}n|EXISTS,{s}n|EXEC MULTI|EXISTS,{s}n,{s}j|EXEC MULTI|GET,{s}n|GET,other|EXEC
	GET,{s}k GET,{s}here`, "\n", " "))

// TestOpenSlotAnswersLikeRedis: the two ends of a move answer as those of a real Redis
// do, above all to what names one key repeatedly.
func TestOpenSlotAnswersLikeRedis(t *testing.T) {
	t.Parallel()
	needs(t, "redis-server")
	needs(t, "redis-cli")
	want, got := openSlotAnswers(t, redisServer), openSlotAnswers(t, serve)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s\nRedis answers %s", got[i], want[i])
		}
	}
}

// openSlotAnswers opens a slot between two nodes and returns what both answer, a line for
// each of openSlotLines.
func openSlotAnswers(t *testing.T, start startFunc) (answers []string) {
	nodes := servers(t, 2, start)
	owner, importer := nodes[0], nodes[1]
	owner.cli("cluster", "addslotsrange", "0", "16383")
	importer.cli("cluster", "meet", "127.0.0.1", fmt.Sprint(owner.port))
	for _, p := range nodes {
		p.eventually("serves in a cluster of two", 30*time.Second, func() bool {
			info := p.ask("cluster", "info")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:2") &&
				!strings.Contains(p.ask("cluster", "nodes"), "handshake")
		})
	}
	slot := fmt.Sprint(slots.OfString("{s}"))
	owner.cli("set", "{s}here", "1")
	importer.cli("cluster", "setslot", slot, "importing", owner.ask("cluster", "myid"))
	owner.cli("cluster", "setslot", slot, "migrating", importer.ask("cluster", "myid"))
	nameless := strings.NewReplacer(owner.addr(), "OWNER", importer.addr(), "IMPORTER")
	for _, p := range nodes {
		end := map[bool]string{true: "importer", false: "owner"}[p == importer]
		conn, err := net.Dial("tcp", p.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := resp.NewConn(conn)
		say := func(line string) string {
			words := strings.Split(line, ",")
			args := make([][]byte, len(words))
			for i, w := range words {
				args[i] = []byte(w)
			}
			c.SendBytes(args...)
			reply, err := c.Receive()
			if _, isReply := err.(resp.Error); err != nil && !isReply {
				t.Fatalf("%s at the %s: %v", line, end, err)
			}
			return nameless.Replace(shown(reply))
		}
		if end == "importer" {
			say("ASKING")
			say("SET,{s}here,1")
		}
		for _, lines := range openSlotLines {
			for _, asking := range []bool{true, false} {
				if asking {
					say("ASKING")
				}
				answer := fmt.Sprintf("%s, asking %t, %s:", end, asking, lines)
				for line := range strings.SplitSeq(lines, "|") {
					answer += " " + say(line)
				}
				answers = append(answers, answer)
			}
		}
	}
	return answers
}

// shown renders a reply with its type on one line.
func shown(r resp.Reply) string {
	switch r.Kind {
	case resp.Null:
		return "nil"
	case resp.Int:
		return fmt.Sprint(":", r.Int)
	case resp.Array:
		parts := make([]string, len(r.Elems))
		for i, e := range r.Elems {
			parts[i] = shown(e)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprintf("%d:%s", r.Kind, r.Str)
}
