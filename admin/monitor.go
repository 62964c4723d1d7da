package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Monitor tells again and again what the nodes of a cluster do, as `slotmesh top` shows it.
// It asks with INFO and CLUSTER NODES, so it serves slotmesh, Redis and Valkey, and servers
// outside cluster mode with their replicas. It is not safe for concurrent use.
type Monitor struct {
	client  *Client
	cfg     MonitorConfig
	sources []string // who is asked which nodes there are; the one that answered last comes first
	nodes   map[string]*monitored
	last    *topology
	turn    int // of those that are asked for open slots
}

// MonitorConfig says what a Monitor asks.
type MonitorConfig struct {
	// Timeout bounds the connecting to a node together with its answers. Default 1 s.
	Timeout time.Duration
	// BusiestSlots is how many slots Sample.Slots has at most. Default: none are asked for.
	BusiestSlots int
}

const (
	defaultMonitorTimeout = time.Second
	monitorParallel       = 256 // nodes that are asked at the same time: silent ones must not delay the others
)

// Monitor returns a Monitor of the cluster of the node at entry, "host:port". It connects to
// nobody yet.
func (c *Client) Monitor(entry string, cfg MonitorConfig) *Monitor {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultMonitorTimeout
	}
	return &Monitor{client: c, cfg: cfg, sources: []string{entry}, nodes: make(map[string]*monitored)}
}

// Sample is what all nodes of a cluster tell at about the same moment.
type Sample struct {
	Time    time.Time    `json:"time"`
	Cluster bool         `json:"cluster"`         // false: a server outside cluster mode
	State   string       `json:"state,omitempty"` // cluster_state, "ok" or "fail"; empty outside cluster mode
	Nodes   []NodeSample `json:"nodes"`           // shard after shard, its master first
	Moves   []MoveSample `json:"moves,omitempty"` // moves of slots that are under way
	// Slots are the busiest ones, the busiest first: by their operations, processor time,
	// bytes or keys, whichever all nodes count first in this order.
	Slots []SlotSample `json:"slots,omitempty"`
	// NoSlots says why Slots is empty though they were asked for.
	NoSlots string `json:"no_slots,omitempty"`
	// Unanswered says why no node told which nodes there are; these are the ones of before.
	Unanswered error `json:"-"`
}

// topology is which nodes there are, as one of them says.
type topology struct {
	cluster bool
	state   string
	members []Member
	entry   string // the address under which the node was asked
}

// Sample asks all nodes. A node that does not answer is no error, unless it is the first
// one that is ever asked. What is told per second is since the Sample before, and in the first
// one what the nodes themselves say of the last moment, if they do.
func (m *Monitor) Sample(ctx context.Context) (*Sample, error) {
	now, err := m.topology(ctx)
	if ctxErr := ctx.Err(); ctxErr != nil {
		return nil, ctxErr
	}
	if err == nil {
		m.last = now
	} else if m.last == nil {
		return nil, err
	}
	s := &Sample{Cluster: m.last.cluster, State: m.last.state, Unanswered: err}
	list := m.arrange(m.last)
	m.chooseOpen(list)
	eachOf(len(list), monitorParallel, func(i int) error {
		m.poll(ctx, list[i])
		return nil
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !s.Cluster {
		list = append(list, m.followers(ctx, list[0])...)
	}
	s.Time = time.Now()
	for _, n := range list {
		n.measureLag()
		s.Nodes = append(s.Nodes, n.NodeSample)
	}
	s.Moves = moves(list)
	if m.cfg.BusiestSlots > 0 {
		s.Slots, s.NoSlots = busiest(list, m.cfg.BusiestSlots)
	}
	m.remember(list)
	return s, nil
}

// topology asks one node which nodes there are, another one if that does not answer.
func (m *Monitor) topology(ctx context.Context) (*topology, error) {
	var first error
	for i, addr := range m.sources {
		t, err := m.topologyOf(ctx, addr)
		if err == nil {
			m.sources = slices.Concat(m.sources[i:], m.sources[:i])
			return t, nil
		}
		if first = cmp.Or(first, err); ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func (m *Monitor) topologyOf(ctx context.Context, addr string) (*topology, error) {
	asked, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	replies, err := m.client.pipe(ctx, addr, [][]string{{"CLUSTER", "NODES"}, {"CLUSTER", "INFO"}})
	if err != nil {
		return nil, m.silence(err)
	}
	switch err := cmp.Or(replies[0].Err(), replies[1].Err()); {
	case refused(err, "cluster support disabled"):
		return &topology{entry: addr, members: []Member{{Addr: asked}}}, nil
	case err != nil:
		return nil, &NodeError{addr, "CLUSTER NODES", err}
	}
	members, err := ParseNodes(replies[0].Text())
	if err != nil {
		return nil, &NodeError{addr, "CLUSTER NODES", err}
	}
	for i := range members {
		if members[i].Addr.Host == "" { // a node that has not met others knows no address of its own
			members[i].Addr.Host = asked.Host
		}
	}
	return &topology{cluster: true, state: ParseFields(replies[1].Text())["cluster_state"], members: members,
		entry: addr}, nil
}

// silence says how long was waited for a node instead of naming a deadline.
func (m *Monitor) silence(err error) error {
	var node *NodeError
	if errors.Is(err, context.DeadlineExceeded) && errors.As(err, &node) {
		return &NodeError{node.Node, node.Command, fmt.Errorf("no answer within %v", m.cfg.Timeout)}
	}
	return err
}

// shard is a master and its replicas as the rows of a Sample.
type shard struct {
	first   int // slot, or the number of all slots if there is none
	members []*Member
}

// arrange makes a row for each node: shards in the order of their slots, those without slots
// last, in each its master first.
func (m *Monitor) arrange(t *topology) []*monitored {
	var list []*monitored
	for i, s := range shards(t.members) {
		var master *monitored
		for _, member := range s.members {
			n := m.row(member, t, i, master)
			list = append(list, n)
			if master == nil && n.Role != RoleReplica {
				master = n
			}
		}
	}
	return list
}

func shards(members []Member) []*shard {
	var list []*shard
	of := make(map[slots.NodeID]*shard)
	for i := range members {
		member := &members[i]
		if member.Has("handshake") {
			continue
		}
		id := member.ID
		if !member.Master.IsZero() {
			id = member.Master
		}
		if of[id] == nil {
			of[id] = &shard{first: slots.Count}
			list = append(list, of[id])
		}
		of[id].members = append(of[id].members, member)
		for _, r := range member.Ranges {
			of[id].first = min(of[id].first, int(r.First))
		}
	}
	byAddress := func(a, b *Member) int {
		return cmp.Or(strings.Compare(a.Addr.Host, b.Addr.Host), cmp.Compare(a.Addr.Port, b.Addr.Port))
	}
	for _, s := range list {
		slices.SortFunc(s.members, func(a, b *Member) int {
			if master := a.Master.IsZero(); master != b.Master.IsZero() {
				if master {
					return -1
				}
				return 1
			}
			return byAddress(a, b)
		})
	}
	slices.SortFunc(list, func(a, b *shard) int {
		return cmp.Or(cmp.Compare(a.first, b.first), byAddress(a.members[0], b.members[0]))
	})
	return list
}

// followers asks the replicas of a server outside cluster mode, which tells their addresses.
func (m *Monitor) followers(ctx context.Context, master *monitored) []*monitored {
	var list []*monitored
	for _, addr := range master.followers {
		list = append(list, m.rowAt(addr, RoleReplica, 0, master))
	}
	eachOf(len(list), monitorParallel, func(i int) error {
		m.poll(ctx, list[i])
		return nil
	})
	return list
}

// remember keeps what the next Sample is compared with, and the nodes that it may ask.
func (m *Monitor) remember(list []*monitored) {
	m.nodes = make(map[string]*monitored, len(list))
	for _, n := range list {
		m.nodes[n.Address] = n
		if m.last.cluster && n.Err == nil && !slices.Contains(m.sources, n.Address) {
			m.sources = append(m.sources, n.Address)
		}
	}
	m.sources = slices.DeleteFunc(m.sources, func(addr string) bool {
		return m.nodes[addr] == nil && addr != m.last.entry
	})
}
