package admin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// scripted is a server whose CLUSTER NODES the test writes.
type scripted struct {
	mu       sync.Mutex // guards what follows
	lines    map[string]string
	received []string // CLUSTER commands but NODES and INFO
}

// serveScripted answers at a host's port 7000 what admin asks of a node. Lines of CLUSTER
// NODES are "flags", by id and address.
func serveScripted(t *testing.T, network *memnet.Network, host string) *scripted {
	s := &scripted{lines: make(map[string]string)}
	serveConns(t, network, host, nil, func(conn net.Conn) {
		defer conn.Close()
		var words []string
		left := 0
		for in := bufio.NewScanner(conn); in.Scan(); {
			switch line := in.Text(); {
			case strings.HasPrefix(line, "*"):
				fmt.Sscanf(line, "*%d", &left)
				words = nil
			case !strings.HasPrefix(line, "$"):
				if words, left = append(words, line), left-1; left == 0 {
					io.WriteString(conn, s.answer(words))
				}
			}
		}
	})
	return s
}

func (s *scripted) answer(words []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	switch command := strings.Join(words[:min(len(words), 2)], " "); command {
	case "CLUSTER NODES":
		for node, flags := range s.lines {
			text += fmt.Sprintf("%s@17000 %s - 0 0 1 connected\n", node, flags)
		}
	case "DBSIZE":
		return ":0\r\n"
	case "CLUSTER INFO", "INFO server", "INFO replication":
	case "CLUSTER GETSLOTMIGRATIONS":
		return "-ERR unknown subcommand\r\n"
	default:
		s.received = append(s.received, command)
		if command == "CLUSTER FORGET" {
			for node := range s.lines {
				if strings.HasPrefix(node, words[2]) {
					delete(s.lines, node)
				}
			}
		}
		return "+OK\r\n"
	}
	return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
}

// line adds and removes lines of CLUSTER NODES.
func (s *scripted) line(add, flags string, remove ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, node := range remove {
		delete(s.lines, node)
	}
	s.lines[add] = flags
}

// A handshake that was under way when the others forgot a node makes the node a member
// again: it is waited for, and the node forgotten once more. With a node that does not
// answer no handshake succeeds, so nothing is waited for.
func TestForgetHandshakes(t *testing.T) {
	line := func(id slots.NodeID, host string) string { return id.String() + " " + host + ":7000" }
	const lasts = 300 * time.Millisecond
	for name, alive := range map[string]bool{"alive": true, "dead": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := memnet.New()
				c, err := New(Config{Dial: network.Host("10.0.0.9").Dial})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				removed := line(nodeID(1), "10.0.0.2")
				handshake := line(nodeID(7), "10.0.0.2")
				member := serveScripted(t, network, "10.0.0.1")
				member.line(line(nodeID(0), "10.0.0.1"), "myself,master")
				member.line(removed, "master")
				member.line(handshake, "handshake")
				plan := &DelNodePlan{ID: nodeID(1), Address: "10.0.0.2:7000", Alive: alive}
				if alive {
					serveScripted(t, network, "10.0.0.2").line(removed, "myself,master")
					time.AfterFunc(lasts, func() { member.line(removed, "master", handshake) })
				}
				v := &View{Nodes: []*Node{c.ask(t.Context(), "10.0.0.1:7000")}}
				began := time.Now()
				if err := c.forget(t.Context(), v, plan); err != nil {
					t.Fatal(err)
				}
				took := time.Since(began)
				if alive && took < lasts || !alive && took > 0 {
					t.Errorf("it took %v", took)
				}
				if n := c.ask(t.Context(), "10.0.0.1:7000"); n.Err != nil || n.member(nodeID(1)) != nil {
					t.Errorf("the node knows %+v, %v", n.Members, n.Err)
				}
				if got := len(member.received); alive != (got == 2) {
					t.Errorf("the node was told: %s", member.received)
				}
			})
		})
	}
}
