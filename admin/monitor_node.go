package admin

import (
	"encoding/json"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Figure is a number that a node tells, or Unknown.
type Figure float64

// Unknown is a Figure that the node does not tell, or not before the second Sample.
const Unknown Figure = -1

// Known reports whether the figure is a number.
func (f Figure) Known() bool { return f >= 0 }

// MarshalJSON writes null for Unknown.
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// Role is what a node is in its cluster.
type Role string

// The roles of nodes.
const (
	RoleMaster  Role = "master"
	RoleReplica Role = "replica"
	RoleWitness Role = "witness" // it votes, and holds nothing
)

// Health is how a node does.
type Health string

// What is told of a node's health; the first that is true.
const (
	HealthFailed    Health = "fail"    // the cluster takes it for failed
	HealthSuspected Health = "pfail"   // another node has not heard of it for the node timeout
	HealthDenied    Health = "denied"  // it refuses this client: NOAUTH, NOPERM …
	HealthLoading   Health = "loading" // it reads its data from disk
	HealthSilent    Health = "silent"  // it does not answer
	HealthSyncing   Health = "sync"    // a replica that receives all of its master's data
	HealthNoLink    Health = "nolink"  // a replica without a connection to its master
	HealthOK        Health = "ok"
)

// NodeSample is what one node tells. Its figures are Unknown if it did not answer.
type NodeSample struct {
	ID       string `json:"id,omitempty"` // empty outside cluster mode
	Address  string `json:"address"`      // "host:port"
	Shard    int    `json:"shard"`        // counted from 0; nodes of a shard have the same
	Role     Role   `json:"role"`
	Health   Health `json:"health"`
	Err      error  `json:"-"` // why it did not answer
	Slots    Figure `json:"slots"`
	Keys     Figure `json:"keys"`
	Ops      Figure `json:"ops"`       // commands per second
	Memory   Figure `json:"memory"`    // bytes of data: used_memory
	In       Figure `json:"in"`        // bytes per second from clients and other nodes, as the server counts
	Out      Figure `json:"out"`       // and to them
	Clients  Figure `json:"clients"`   // connections
	Lag      Figure `json:"lag"`       // bytes of its master's stream that a replica does not have yet
	LinkDown Figure `json:"link_down"` // seconds that a replica has been without its master
	CPU      Figure `json:"cpu"`       // per cent of one processor
	Blocked  Figure `json:"blocked"`   // clients that wait in a blocking command
	Hits     Figure `json:"hit_rate"`  // per cent of the reads that found their key
	Evicted  Figure `json:"evicted"`   // keys per second
	Expired  Figure `json:"expired"`   // keys per second
	Uptime   Figure `json:"uptime"`    // seconds
	Version  string `json:"version"`   // of slotmesh, Valkey or Redis
}

// MarshalJSON writes Err as the text "error".
func (n NodeSample) MarshalJSON() ([]byte, error) {
	type figures NodeSample // without this method
	text := ""
	if n.Err != nil {
		text = n.Err.Error()
	}
	return json.Marshal(struct {
		figures
		Error string `json:"error,omitempty"`
	}{figures(n), text})
}

// counters are what a node has counted since its start.
type counters struct {
	at                                                     time.Time
	run                                                    string // a restart begins another one
	commands, in, out, cpu, hits, misses, evicted, expired Figure
}

// monitored is a row of a Sample while it is filled in.
type monitored struct {
	NodeSample
	usable    bool
	master    *monitored // of a replica; nil if it is not known
	offset    Figure     // in the stream of its shard
	followers []string   // addresses of replicas, as a master tells them
	jobs      []Job
	asksOpen  bool // for the next
	open      []OpenSlot
	id        slots.NodeID

	before   *monitored // in the Sample before, nil if it was not there
	counters counters
	noJobs   bool // it does not know CLUSTER GETSLOTMIGRATIONS
	use      slotUse
}

// row begins the row of a member of a cluster.
func (m *Monitor) row(member *Member, t *topology, shard int, master *monitored) *monitored {
	addr := member.Addr
	role := RoleMaster
	switch {
	case !member.Master.IsZero():
		role = RoleReplica
	case member.Has("witness"):
		role = RoleWitness
	}
	n := m.rowAt(addr.Client(), role, shard, master)
	if !t.cluster {
		return n
	}
	n.id, n.ID, n.usable = member.ID, member.ID.String(), member.Usable()
	switch {
	case member.Has("fail"):
		n.Health = HealthFailed
	case member.Has("fail?"):
		n.Health = HealthSuspected
	}
	if owned := member.Slots(); role != RoleReplica {
		n.Slots = Figure(owned.Len())
	}
	return n
}

func (m *Monitor) rowAt(addr string, role Role, shard int, master *monitored) *monitored {
	n := &monitored{usable: true, master: master, before: m.nodes[addr]}
	if n.before != nil {
		n.noJobs, n.use.order = n.before.noJobs, n.before.use.order
		n.before.before = nil // nobody compares with that any more
	}
	n.NodeSample = NodeSample{Address: addr, Role: role, Shard: shard}
	for _, f := range n.figures() {
		*f = Unknown
	}
	return n
}

func (n *monitored) figures() []*Figure {
	return []*Figure{&n.Slots, &n.Keys, &n.Ops, &n.Memory, &n.In, &n.Out, &n.Clients, &n.Lag, &n.LinkDown, &n.CPU,
		&n.Blocked, &n.Hits, &n.Evicted, &n.Expired, &n.Uptime, &n.offset}
}
