package commands

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// cmdNodes is CLUSTER NODES (docs/spec.md §10.1).
func cmdNodes(c *Call) error {
	var b []byte
	for _, v := range c.nodeViews() {
		b = v.appendLine(b, c.tls())
	}
	c.Out.Verbatim("txt", string(b))
	return nil
}

// nodeView joins what the map and the node at run time know about a node.
type nodeView struct {
	m    *slots.Map
	node slots.Node
	peer Peer
	self bool
}

// nodeViews returns all nodes in ascending order of ids, those in handshake too.
func (c *Call) nodeViews() []nodeView {
	m := c.Node.Engine.Map()
	peers := make(map[slots.NodeID]Peer)
	var list []nodeView
	for _, p := range c.Node.Cluster.Peers() {
		peers[p.ID] = p
		if p.Handshake && m.Node(p.ID) == nil {
			list = append(list, nodeView{m: m, node: slots.Node{ID: p.ID, Addr: p.Addr}, peer: p})
		}
	}
	for _, n := range m.Nodes() {
		self := n.ID == m.Self().ID
		peer := peers[n.ID]
		if self {
			peer.Connected = true
		}
		list = append(list, nodeView{m: m, node: n, peer: peer, self: self})
	}
	sort.Slice(list, func(i, j int) bool { return bytes.Compare(list[i].node.ID[:], list[j].node.ID[:]) < 0 })
	return list
}

func (v *nodeView) appendLine(b []byte, tls bool) []byte {
	n := &v.node
	b = append(b, n.ID.String()...)
	b = append(b, ' ')
	addr := n.Addr
	addr.Port = addr.ClientPort(tls)
	b = append(b, addr.String()...)
	if n.Hostname != "" {
		b = append(b, ',')
		b = append(b, n.Hostname...)
	}
	b = append(b, ' ')
	b = append(b, v.flags()...)
	if n.IsMaster() {
		b = append(b, " -"...)
	} else {
		b = append(b, ' ')
		b = append(b, n.Master.String()...)
	}
	link := "disconnected"
	if v.peer.Connected {
		link = "connected"
	}
	b = fmt.Appendf(b, " %d %d %d %s", millis(v.peer.PingSent), millis(v.peer.PongRecv), v.epoch(), link)
	if n.HasSlots() {
		b = append(b, ' ')
		b = append(b, n.Slots.String()...)
	}
	if v.self {
		b = v.appendOpen(b)
	}
	return append(b, '\n')
}

// epoch is the node's config epoch, a replica's that of its master.
func (v *nodeView) epoch() uint64 {
	if !v.node.IsMaster() {
		if master := v.m.Node(v.node.Master); master != nil {
			return master.ConfigEpoch
		}
	}
	return v.node.ConfigEpoch
}

func (v *nodeView) appendOpen(b []byte) []byte {
	for slot := range v.m.Open().All() {
		if to, ok := v.m.Migrating(slot); ok {
			b = fmt.Appendf(b, " [%d->-%s]", slot, to)
		}
		if from, ok := v.m.Importing(slot); ok {
			b = fmt.Appendf(b, " [%d-<-%s]", slot, from)
		}
	}
	return b
}

// flags are in the order of docs/spec.md §10.1.
func (v *nodeView) flags() string {
	var list []string
	add := func(name string, when bool) {
		if when {
			list = append(list, name)
		}
	}
	n := &v.node
	add("myself", v.self)
	add("master", n.IsMaster() && !v.peer.Handshake)
	add("slave", !n.IsMaster())
	add("fail?", n.Health == slots.Suspected)
	add("fail", n.Health == slots.Failed)
	add("handshake", v.peer.Handshake)
	add("noaddr", n.Addr.IsZero() && !v.self)
	add("nofailover", n.NoFailover)
	add("witness", n.Witness) // Redis has none
	if len(list) == 0 {
		return "noflags"
	}
	return strings.Join(list, ",")
}

// millis is a time as CLUSTER NODES shows it: 0 = none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// cmdReplicas is CLUSTER REPLICAS and SLAVES.
func cmdReplicas(c *Call) error {
	id, err := c.nodeArg(2)
	if err != nil {
		return err
	}
	m := c.Node.Engine.Map()
	switch master := m.Node(id); {
	case master == nil:
		return ReplyError("ERR Unknown node " + string(c.Args[2]))
	case !master.IsMaster():
		return ReplyError("ERR The specified node is not a master")
	}
	var lines []string
	for _, v := range c.nodeViews() {
		if v.node.Master == id {
			lines = append(lines, string(bytes.TrimSuffix(v.appendLine(nil, c.tls()), []byte("\n"))))
		}
	}
	c.Out.Array(len(lines))
	for _, line := range lines {
		c.Out.BulkString(line)
	}
	return nil
}

// cmdClusterInfo is CLUSTER INFO (docs/spec.md §10.4).
func cmdClusterInfo(c *Call) error {
	m := c.Node.Engine.Map()
	var assigned, suspected, failed int
	for slot := range slots.Slot(slots.Count) {
		owner := m.Owner(slot)
		if owner == nil {
			continue
		}
		assigned++
		switch owner.Health {
		case slots.Suspected:
			suspected++
		case slots.Failed:
			failed++
		}
	}
	self := nodeView{m: m, node: *m.Self()}
	var t infoText
	t.line("cluster_state", m.State())
	t.line("cluster_slots_assigned", assigned)
	t.line("cluster_slots_ok", assigned-suspected-failed)
	t.line("cluster_slots_pfail", suspected)
	t.line("cluster_slots_fail", failed)
	t.line("cluster_known_nodes", len(c.nodeViews()))
	t.line("cluster_size", m.Size())
	t.line("cluster_current_epoch", m.CurrentEpoch())
	t.line("cluster_my_epoch", self.epoch())
	for _, c := range c.Node.Cluster.Counters() {
		t.line(c.Name, c.Value)
	}
	t.line("total_cluster_links_buffer_limit_exceeded", 0)
	c.Out.Verbatim("txt", t.b.String())
	return nil
}

// cmdSlots is CLUSTER SLOTS (docs/spec.md §10.2). Replicas that failed are left out.
func cmdSlots(c *Call) error {
	m := c.Node.Engine.Map()
	type entry struct {
		slots.Range
		master *slots.Node
	}
	var list []entry
	nodes := m.Nodes()
	for i := range nodes {
		if n := &nodes[i]; n.HasSlots() {
			for r := range n.Slots.Ranges() {
				list = append(list, entry{r, n})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].First < list[j].First })
	c.Out.Array(len(list))
	for _, e := range list {
		shard := []*slots.Node{e.master}
		for _, rep := range m.Replicas(e.master.ID) {
			if rep.Health != slots.Failed {
				shard = append(shard, rep)
			}
		}
		c.Out.Array(2 + len(shard))
		c.Out.Int(int64(e.First))
		c.Out.Int(int64(e.Last))
		for _, n := range shard {
			c.slotsNode(n)
		}
	}
	return nil
}

// cmdShards is CLUSTER SHARDS (docs/spec.md §10.3): one for each master, also without
// slots.
func cmdShards(c *Call) error {
	m := c.Node.Engine.Map()
	offsets := make(map[slots.NodeID]int64)
	for _, p := range c.Node.Cluster.Peers() {
		offsets[p.ID] = p.ReplOffset
	}
	offsets[m.Self().ID] = c.Node.Replication().Offset
	var masters []*slots.Node
	nodes := m.Nodes()
	for i := range nodes {
		// A replica whose master is not known is a shard of its own.
		if n := &nodes[i]; n.IsMaster() || m.Node(n.Master) == nil {
			masters = append(masters, n)
		}
	}
	c.Out.Array(len(masters))
	for _, master := range masters {
		c.shard4(m, master, offsets)
	}
	return nil
}

func (c *Call) shard4(m *slots.Map, master *slots.Node, offsets map[slots.NodeID]int64) {
	var ranges []slots.Range
	if master.HasSlots() {
		for r := range master.Slots.Ranges() {
			ranges = append(ranges, r)
		}
	}
	c.Out.Map(2)
	c.Out.BulkString("slots")
	c.Out.Array(2 * len(ranges))
	for _, r := range ranges {
		c.Out.Int(int64(r.First))
		c.Out.Int(int64(r.Last))
	}
	members := append([]*slots.Node{master}, m.Replicas(master.ID)...)
	c.Out.BulkString("nodes")
	c.Out.Array(len(members))
	for _, n := range members {
		c.shardNode(n, offsets[n.ID])
	}
}

func (c *Call) shardNode(n *slots.Node, offset int64) {
	role, health := "master", "online"
	if !n.IsMaster() {
		role = "replica"
	}
	if n.Health == slots.Failed {
		health = "fail"
	}
	w := &c.Out
	w.Map(6 + btoi(n.Addr.Port != 0) + btoi(n.Addr.TLSPort != 0) + btoi(n.Hostname != "") + btoi(n.Zone != ""))
	w.BulkString("id")
	w.BulkString(n.ID.String())
	if n.Addr.Port != 0 {
		w.BulkString("port")
		w.Int(int64(n.Addr.Port))
	}
	if n.Addr.TLSPort != 0 {
		w.BulkString("tls-port")
		w.Int(int64(n.Addr.TLSPort))
	}
	w.BulkString("ip")
	w.BulkString(n.Addr.Host)
	w.BulkString("endpoint")
	w.BulkString(c.Node.Server.Endpoint().Of(n))
	if n.Hostname != "" {
		w.BulkString("hostname")
		w.BulkString(n.Hostname)
	}
	if n.Zone != "" { // of Valkey 8.1
		w.BulkString("availability-zone")
		w.BulkString(n.Zone)
	}
	w.BulkString("role")
	w.BulkString(role)
	w.BulkString("replication-offset")
	w.Int(offset)
	w.BulkString("health")
	w.BulkString(health)
}

// cmdLinks is CLUSTER LINKS (docs/spec.md §10.5).
func cmdLinks(c *Call) error {
	links := c.Node.Cluster.Links()
	w := &c.Out
	w.Array(len(links))
	for _, l := range links {
		direction, events := "to", "r"
		if l.Inbound {
			direction = "from"
		}
		if l.Writable {
			events = "rw"
		}
		w.Map(6)
		w.BulkString("direction")
		w.BulkString(direction)
		w.BulkString("node")
		w.BulkString(l.ID.String())
		w.BulkString("create-time")
		w.Int(millis(l.Created))
		w.BulkString("events")
		w.BulkString(events)
		w.BulkString("send-buffer-allocated")
		w.Int(l.SendAllocated)
		w.BulkString("send-buffer-used")
		w.Int(l.SendUsed)
	}
	return nil
}
