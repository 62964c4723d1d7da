package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// canned is a server that knows some commands only. Its answers can be changed meanwhile.
type canned map[string]string // command: raw reply; without one it hangs

// serve answers on one connection.
func (s canned) serve(conn net.Conn) {
	defer conn.Close()
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		var words []string
		n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
		for range n {
			in.ReadString('\n')
			word, _ := in.ReadString('\n')
			words = append(words, strings.TrimSpace(word))
		}
		command := strings.Join(words, " ")
		reply, ok := s[command]
		switch {
		case reply == "" && ok:
			continue
		case !ok && words[0] == "CLUSTER":
			reply = "-ERR unknown subcommand '" + words[1] + "'. Try CLUSTER HELP.\r\n"
		case !ok:
			reply = "-ERR unknown command\r\n"
		}
		io.WriteString(conn, reply)
	}
}

func bulkText(lines ...string) string {
	text := strings.Join(lines, "\r\n")
	return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
}

// cannedClient is a client of such servers. It is to be used in a bubble.
func cannedClient(t *testing.T, servers map[string]canned) *Client {
	c, err := New(Config{Dial: func(_ context.Context, addr string) (net.Conn, error) {
		if servers[addr] == nil {
			return nil, fmt.Errorf("nobody listens at %s", addr)
		}
		near, far := net.Pipe()
		go servers[addr].serve(far)
		return near, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// stockNodes is what CLUSTER NODES of Redis shows of four nodes, of which the first answers.
func stockNodes(open string) string {
	return bulkText(
		nodeID(0).String()+" 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191"+open,
		nodeID(1).String()+" 10.0.0.2:7000@17000 master - 0 1 2 connected 8192-16383",
		nodeID(2).String()+" 10.0.0.3:7000@17000 slave "+nodeID(1).String()+" 0 1 2 connected",
		nodeID(3).String()+" 10.0.0.4:7000@17000 slave,fail "+nodeID(0).String()+" 0 1 1 disconnected", "")
}

const allOK = "$16\r\ncluster_state:ok\r\n"

func stockInfo(lines ...string) string {
	return bulkText(append([]string{"# Server", "redis_version:7.0.15", "run_id:a", "uptime_in_seconds:60",
		"connected_clients:3", "used_memory:1000", "instantaneous_ops_per_sec:7", "instantaneous_input_kbps:1.50",
		"instantaneous_output_kbps:2.00",
		"role:master", "master_repl_offset:500", "db0:keys=5,expires=0,avg_ttl=0", "db1:keys=1,expires=0,avg_ttl=0"},
		lines...)...)
}

func stockCluster() map[string]canned {
	entry := canned{"CLUSTER NODES": stockNodes(" [3->-" + nodeID(1).String() + "] [4->-" + nodeID(1).String() + "]"),
		"CLUSTER INFO": allOK,
		"INFO": stockInfo("total_commands_processed:1000", "total_net_input_bytes:0", "total_net_output_bytes:0",
			"used_cpu_sys:1.0", "used_cpu_user:2.0", "keyspace_hits:10", "keyspace_misses:10")}
	return map[string]canned{
		"10.0.0.1:7000": entry,
		"10.0.0.2:7000": {"CLUSTER NODES": stockNodes(""), "INFO": stockInfo()},
		"10.0.0.3:7000": {"INFO": bulkText("run_id:c", "role:slave", "master_link_status:up", "slave_repl_offset:480",
			"master_repl_offset:480")},
	}
}

func sampleOf(t *testing.T, m *Monitor) *Sample {
	t.Helper()
	s, err := m.Sample(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// summary is what nodes are and how they do, in the order of the sample.
func summary(s *Sample) (lines []string) {
	for _, n := range s.Nodes {
		lines = append(lines, fmt.Sprint(n.Address, " ", n.Shard, " ", n.Role, " ", n.Health))
	}
	return lines
}

func TestMonitorOfStockServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := stockCluster()
		m := cannedClient(t, servers).Monitor("10.0.0.1:7000", MonitorConfig{BusiestSlots: 5})
		s := sampleOf(t, m)
		want := []string{"10.0.0.1:7000 0 master ok", "10.0.0.4:7000 0 replica fail", "10.0.0.2:7000 1 master ok",
			"10.0.0.3:7000 1 replica ok"}
		if got := summary(s); !slices.Equal(got, want) || s.State != "ok" || !s.Cluster {
			t.Errorf("got %q in state %s", got, s.State)
		}
		a, gone, replica := s.Nodes[0], s.Nodes[1], s.Nodes[3]
		if a.Slots != 8192 || a.Keys != 6 || a.Ops != 7 || a.In != 1500 || a.Out != 2000 || a.CPU.Known() || a.Clients != 3 ||
			a.Memory != 1000 || a.Version != "7.0.15" || a.Lag.Known() {
			t.Errorf("got %+v", a)
		}
		if gone.Err == nil || gone.Ops.Known() || gone.Slots.Known() || replica.Lag != 20 || replica.Slots.Known() {
			t.Errorf("got %+v and %+v", gone, replica)
		}
		if text, err := json.Marshal(gone); err != nil || !strings.Contains(string(text), `"ops":null,`) ||
			!strings.Contains(string(text), `"error":"node 10.0.0.4:7000: `) {
			t.Errorf("got %s, %v", text, err)
		}
		move := MoveSample{From: "10.0.0.1:7000", To: "10.0.0.2:7000", Slots: 2, Keys: Unknown, Bytes: Unknown}
		if !slices.Equal(s.Moves, []MoveSample{move}) {
			t.Errorf("moves %+v", s.Moves)
		}
		if s.NoSlots == "" || len(s.Slots) > 0 {
			t.Errorf("busiest slots %v, %q", s.Slots, s.NoSlots)
		}

		time.Sleep(2 * time.Second)
		servers["10.0.0.1:7000"]["INFO"] = stockInfo("total_commands_processed:1500", "total_net_input_bytes:4000",
			"total_net_output_bytes:2000", "used_cpu_sys:1.5", "used_cpu_user:2.1", "keyspace_hits:13", "keyspace_misses:11")
		if a = sampleOf(t, m).Nodes[0]; a.Ops != 250 || a.In != 2000 || a.Out != 1000 || a.CPU < 29.9 || a.CPU > 30.1 ||
			a.Hits != 75 {
			t.Errorf("after two seconds: %+v", a)
		}
		time.Sleep(time.Second)
		servers["10.0.0.1:7000"]["INFO"] = strings.Replace(stockInfo("total_commands_processed:10"), "run_id:a",
			"run_id:b", 1)
		if a = sampleOf(t, m).Nodes[0]; a.Ops != 7 {
			t.Errorf("after a restart: %v operations a second", a.Ops)
		}
	})
}

// A node that hangs costs the timeout, once for all such nodes; and another one is asked which
// nodes there are.
func TestMonitorOfSilentNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := stockCluster()
		servers["10.0.0.2:7000"]["CLUSTER INFO"] = allOK
		m := cannedClient(t, servers).Monitor("10.0.0.1:7000", MonitorConfig{})
		sampleOf(t, m)
		servers["10.0.0.1:7000"]["CLUSTER NODES"], servers["10.0.0.1:7000"]["INFO"] = "", ""
		servers["10.0.0.3:7000"]["INFO"] = ""
		began := time.Now()
		s := sampleOf(t, m)
		want := []string{"10.0.0.1:7000 0 master silent", "10.0.0.4:7000 0 replica fail", "10.0.0.2:7000 1 master ok",
			"10.0.0.3:7000 1 replica silent"}
		if got := summary(s); !slices.Equal(got, want) || s.Unanswered != nil {
			t.Errorf("got %q, %v", got, s.Unanswered)
		}
		if took := time.Since(began); took != 2*defaultMonitorTimeout {
			t.Errorf("it took %v", took)
		}
		began = time.Now()
		sampleOf(t, m)
		if took := time.Since(began); took != defaultMonitorTimeout {
			t.Errorf("the next one took %v", took)
		}
		servers["10.0.0.2:7000"]["CLUSTER NODES"] = ""
		for range 2 {
			s = sampleOf(t, m)
		}
		if s.Unanswered == nil || len(s.Nodes) != 4 {
			t.Errorf("nobody answers: %v, %q", s.Unanswered, summary(s))
		}
	})
}

func TestMonitorOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cannedClient(t, nil).Monitor("10.0.0.1:7000", MonitorConfig{})
		if s, err := m.Sample(t.Context()); err == nil {
			t.Errorf("got %+v", s)
		}
	})
}

func TestMonitorOfStandaloneServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := map[string]canned{
			"a:1": {"CLUSTER NODES": "-ERR This instance has cluster support disabled\r\n",
				"CLUSTER INFO": "-ERR This instance has cluster support disabled\r\n",
				"INFO":         stockInfo("connected_slaves:1", "slave0:ip=10.0.0.9,port=2,state=online,offset=490,lag=0")},
			"10.0.0.9:2": {"INFO": bulkText("role:slave", "slave_repl_offset:400", "master_link_status:down",
				"master_link_down_since_seconds:5")},
		}
		s := sampleOf(t, cannedClient(t, servers).Monitor("a:1", MonitorConfig{}))
		if got := summary(s); !slices.Equal(got, []string{"a:1 0 master ok", "10.0.0.9:2 0 replica nolink"}) || s.Cluster {
			t.Errorf("got %q", got)
		}
		if replica := s.Nodes[1]; replica.Lag != 100 || replica.LinkDown != 5 {
			t.Errorf("got %+v", replica)
		}
	})
}

// The busiest slots are asked for in the ways that servers know, and compared with before.
func TestMonitorOfSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := stockCluster()
		const byCPU, byKeys = "CLUSTER SLOT-STATS ORDERBY cpu-usec LIMIT 100 DESC",
			"CLUSTER SLOT-STATS ORDERBY key-count LIMIT 100 DESC"
		stats := func(slot, keys, cpu int) string {
			return fmt.Sprintf("*2\r\n:%d\r\n*4\r\n$9\r\nkey-count\r\n:%d\r\n$8\r\ncpu-usec\r\n:%d\r\n", slot, keys, cpu)
		}
		servers["10.0.0.1:7000"][byCPU] = "*2\r\n" + stats(1, 10, 5000) + stats(2, 20, 4000)
		servers["10.0.0.2:7000"][byCPU] = "-ERR Unrecognized sort metric for ORDERBY.\r\n"
		servers["10.0.0.2:7000"][byKeys] = "*1\r\n" + stats(9000, 30, 0)
		m := cannedClient(t, servers).Monitor("10.0.0.1:7000", MonitorConfig{BusiestSlots: 2})
		if s := sampleOf(t, m); len(s.Slots) != 2 || s.Slots[0].Slot != 1 || s.Slots[1].Slot != 2 || s.Slots[0].CPU.Known() {
			t.Errorf("got %+v, %s", s.Slots, s.NoSlots)
		}
		time.Sleep(time.Second)
		servers["10.0.0.1:7000"][byCPU] = "*2\r\n" + stats(1, 10, 5000) + stats(2, 20, 104000)
		if s := sampleOf(t, m); len(s.Slots) != 2 || s.Slots[0].Slot != 2 || s.Slots[0].CPU != 10 || s.Slots[0].Keys != 20 {
			t.Errorf("after a second: %+v", s.Slots)
		}
	})
}

// A few masters of many are asked for their open slots for one sample; what others told is kept.
func TestMonitorAsksForOpenSlotsInTurn(t *testing.T) {
	m := &Monitor{}
	list := make([]*monitored, 3*openEach-5)
	for i := range list {
		list[i] = &monitored{NodeSample: NodeSample{Role: RoleMaster}}
	}
	asked := make([]int, len(list))
	for round := range 4 {
		m.chooseOpen(list)
		for i, n := range list {
			if n.asksOpen {
				asked[i]++
				n.open = []OpenSlot{{Slot: 7}}
			}
			if len(n.open) != 1 {
				t.Errorf("round %d: node %d has %d open slots", round, i, len(n.open))
			}
			list[i] = &monitored{NodeSample: n.NodeSample, before: n}
		}
	}
	if slices.Min(asked) != 2 || slices.Max(asked) != 2 {
		t.Errorf("asked %v times", asked)
	}
}

// Jobs are told by both of their ends, and counted once.
func TestMonitorOfJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := stockCluster()
		job := func(operation, state string) string {
			fields := []string{"name", "j", "operation", operation, "slot_ranges", "3-7", "source_node", nodeID(0).String(),
				"target_node", nodeID(1).String(), "state", state, "keys", "12"}
			text := fmt.Sprintf("*1\r\n*%d\r\n", len(fields))
			for _, f := range fields {
				text += bulkText(f)
			}
			return text
		}
		const ask = "CLUSTER GETSLOTMIGRATIONS"
		servers["10.0.0.1:7000"][ask], servers["10.0.0.2:7000"][ask] = job("EXPORT", "moving"), job("IMPORT", "moving")
		// Slots 3 and 4 are open, as they are in a job.
		m := cannedClient(t, servers).Monitor("10.0.0.1:7000", MonitorConfig{})
		want := MoveSample{From: "10.0.0.1:7000", To: "10.0.0.2:7000", Slots: 5, Keys: 12}
		if s := sampleOf(t, m); !slices.Equal(s.Moves, []MoveSample{want}) {
			t.Errorf("got %+v", s.Moves)
		}
		servers["10.0.0.1:7000"][ask], servers["10.0.0.2:7000"][ask] = job("EXPORT", "success"), job("IMPORT", "success")
		open := MoveSample{From: "10.0.0.1:7000", To: "10.0.0.2:7000", Slots: 2, Keys: Unknown, Bytes: Unknown}
		if s := sampleOf(t, m); !slices.Equal(s.Moves, []MoveSample{open}) {
			t.Errorf("ended, but for slots that somebody else moves: %+v", s.Moves)
		}
	})
}
