package gossip

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Config configures a Core. The zero value of a field means its default.
type Config struct {
	// Self is the node's id where State names none. Default: 20 bytes from Rand.
	Self slots.NodeID
	// Addr is the address that the node announces. Without a Host, the node learns from its
	// peers under which host they see it (docs/spec.md §2.7).
	Addr slots.Addr
	// Hostname is announced beside the address, for display only.
	Hostname string
	// Zone is the availability zone that the node announces. Default: none.
	Zone string
	// Incarnation distinguishes this start of the node from earlier ones. The core uses the
	// one that follows State's if that is greater.
	Incarnation uint64
	// NodeTimeout is T: how long a peer may owe an answer before it is suspected. Default 15
	// s, at least 100 ms.
	NodeTimeout time.Duration
	// NoFullCoverage lets the cluster serve while slots have no working owner.
	NoFullCoverage bool
	// ReadsIfDown serves reads while the cluster state is fail.
	ReadsIfDown bool
	// NoFailover keeps this node, when it is a replica, from standing for election.
	NoFailover bool
	// Witness makes this node a member that never holds data: it takes no slots, replicates
	// no master, and votes where fewer than three masters have slots.
	Witness bool
	// ReplicaValidity bounds how old a replica's data may be for it to stand for election,
	// in node timeouts (docs/spec.md §6.2). Default 10; negative: no bound.
	ReplicaValidity int
	// MigrationBarrier is how many replicas a master keeps when another shard without any
	// needs one (docs/spec.md §6.8). Default 1, and never less: a lone replica that left
	// would be needed back.
	MigrationBarrier int
	// ForgetAfter is how long ago a node without slots must have failed for all to forget it.
	// Default: never.
	ForgetAfter time.Duration
	// Data is how much of its shard's data this start of the node brought along. A restarted
	// master lets a replica that has more take over.
	Data Data
	// Inherit returns which slots are open at this node's master, with the other end of
	// each, as far as the node knows. It is called when the node takes the master's place,
	// and must not block: these slots stay open, in the same save and the same map as the
	// promotion. Default: none.
	Inherit func() OpenSlots
	// Rand is the core's only source of randomness, also for ids: seed it well. It must not
	// be used elsewhere.
	Rand *rand.Rand
}

// DefaultNodeTimeout is the NodeTimeout of a Config that sets none.
const DefaultNodeTimeout = 15 * time.Second

func (cfg *Config) validate() error {
	if cfg.NodeTimeout == 0 {
		cfg.NodeTimeout = DefaultNodeTimeout
	}
	if cfg.ReplicaValidity == 0 {
		cfg.ReplicaValidity = 10
	}
	if cfg.MigrationBarrier == 0 {
		cfg.MigrationBarrier = 1
	}
	if err := validNames(cfg.Addr.Host, cfg.Hostname, cfg.Zone); err != nil {
		return fmt.Errorf("gossip: Config.Addr, Hostname or Zone: %w", err)
	}
	switch {
	case cfg.MigrationBarrier < 0:
		return fmt.Errorf("gossip: Config.MigrationBarrier is %d; set how many replicas a master keeps, at least 1",
			cfg.MigrationBarrier)
	case cfg.NodeTimeout < 100*time.Millisecond:
		return fmt.Errorf("gossip: Config.NodeTimeout is %v; set at least 100ms, the pace of Tick", cfg.NodeTimeout)
	case cfg.Rand == nil:
		return fmt.Errorf("gossip: Config.Rand is nil; give a seeded *rand.Rand")
	case cfg.Addr.BusPort == 0:
		return fmt.Errorf("gossip: Config.Addr.BusPort is 0; set the port on which the bus listens")
	}
	return nil
}

func newNodeID(r *rand.Rand) (id slots.NodeID) {
	fillRandom(r, id[:])
	return id
}

func newClusterID(r *rand.Rand) (id ClusterID) {
	fillRandom(r, id[:])
	return id
}

func fillRandom(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}
