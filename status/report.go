package status

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Report is what /status.json answers. Its fields keep their names and meanings from release
// to release; new ones may come. Times are in seconds, memory in bytes. A rate is null until
// two samples within ten seconds of each other tell it: ask again after a second.
type Report struct {
	Time    time.Time    `json:"time"`
	Node    slots.NodeID `json:"node"` // which answers; "" outside a cluster
	Cluster Cluster      `json:"cluster"`
	Nodes   []Node       `json:"nodes"`   // by id
	Shards  []Shard      `json:"shards"`  // by their first slot
	Moves   []Move       `json:"moves"`   // jobs under way
	Balance *Balance     `json:"balance"` // null outside a cluster
	Heat    Heat         `json:"heat"`
}

// Cluster is the whole as the node that answers sees it.
type Cluster struct {
	State    string `json:"state"`  // ok, fail or standalone
	Reason   string `json:"reason"` // why it does not serve
	Epoch    uint64 `json:"epoch"`
	Assigned int    `json:"slots_assigned"`
}

// Node is a member. What it says of itself is zero unless Answers.
type Node struct {
	ID      slots.NodeID `json:"id"`
	Addr    string       `json:"addr"` // for clients, host:port
	Zone    string       `json:"zone"`
	Role    string       `json:"role"`   // master, replica, witness or standalone
	Master  slots.NodeID `json:"master"` // of a replica
	Health  string       `json:"health"` // online, suspected or failed
	Leaving bool         `json:"leaving"`
	Answers bool         `json:"answers"` // the question of the node that answers
	Error   string       `json:"error"`   // why it does not

	Version   string   `json:"version"` // of slotmesh, "" if the build does not tell
	Uptime    float64  `json:"uptime_seconds"`
	Clients   int      `json:"clients"`
	Commands  uint64   `json:"commands"` // of clients, since the start
	Keys      int      `json:"keys"`
	Memory    int64    `json:"memory_bytes"`
	MaxMemory int64    `json:"max_memory_bytes"` // 0 for no limit
	Expired   uint64   `json:"expired_keys"`
	Evicted   uint64   `json:"evicted_keys"`
	Ops       *float64 `json:"ops_per_second"` // reads and writes of keys, also by moves that arrive
	Link      string   `json:"link"`           // of a replica to its master: connect, handshake, sync, connected
	Lag       int64    `json:"lag_bytes"`      // that a replica lacks
	Silence   float64  `json:"lag_seconds"`    // since a replica has heard of its master
}

// Shard is a master with slots, and its replicas. Keys, Memory and Ops are its master's.
type Shard struct {
	Master   slots.NodeID   `json:"master"`
	Replicas []slots.NodeID `json:"replicas"`
	Slots    []string       `json:"slots"` // ranges, "0-5460"
	Count    int            `json:"slot_count"`
	Keys     int            `json:"keys"`
	Memory   int64          `json:"memory_bytes"`
	Ops      *float64       `json:"ops_per_second"`
	Lag      int64          `json:"lag_bytes"` // the greatest of a replica
}

// Move is a job that moves slots.
type Move struct {
	ID      string       `json:"id"`
	Source  slots.NodeID `json:"source"`
	Target  slots.NodeID `json:"target"`
	State   string       `json:"state"` // running or cancelling
	Doing   string       `json:"doing"`
	Waiting string       `json:"waiting"` // why it does not go on at present
	Slots   []string     `json:"slots"`   // ranges of those that are still to be moved
	Done    int          `json:"slots_done"`
	Total   int          `json:"slots_total"`
	Keys    int64        `json:"keys"`  // moved
	Bytes   int64        `json:"bytes"` // moved
	Elapsed float64      `json:"elapsed_seconds"`
	ETA     float64      `json:"eta_seconds"` // until it is done, 0 if that is not known
}

// Balance is what keeps the shards in balance, as the node that answers knows it.
type Balance struct {
	On          bool           `json:"on"`
	Paused      bool           `json:"paused"`
	Coordinator slots.NodeID   `json:"coordinator"` // "" while there is nothing to do
	Term        uint64         `json:"term"`
	Waiting     string         `json:"waiting"` // why nothing, or not all, is planned
	Excluded    []slots.NodeID `json:"excluded"`
}

// Heat says where the operations go.
type Heat struct {
	SlotsPerCell int       `json:"slots_per_cell"` // 64
	Ops          []float64 `json:"ops_per_second"` // by cell, in the order of the slots; null if not known yet
}

func ranges(s *slots.Set) []string {
	list := []string{}
	if s != nil {
		for r := range s.Ranges() {
			list = append(list, r.String())
		}
	}
	return list
}
