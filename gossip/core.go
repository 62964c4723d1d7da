package gossip

import (
	"bytes"
	"errors"
	"math/bits"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Core is one node's part of the gossip protocol. It holds no goroutine, socket, clock or
// lock. Its driver calls it from one goroutine at a time.
//
// Inputs are Tick, Step (a message), LinkUp, LinkDown and DialFailed (connections), Do
// (commands), SetData and SetDataTime. After each input, or a few of them, the driver
// takes the Output and carries it out before the next input:
//
//	for {
//		select {
//		case now := <-ticker.C: // every TickEvery
//			core.Tick(now)
//		case in := <-inputs: // a call of Step, LinkUp, LinkDown, DialFailed, Do …
//			in(core, time.Now())
//		}
//		carryOut(core.Output())
//	}
//
// What a command did is durable, and visible in the Map, once the Output that follows it
// is carried out: the driver answers it then.
//
// Package gossip/member is such a driver.
type Core struct {
	cfg Config
	now time.Time // of the latest input

	cluster       ClusterID
	former        []ClusterID // earlier ids of this cluster, before merges
	established   bool        // the cluster has, or once had, a second member
	served        bool        // … and has served clients at some time, as far as this node heard
	currentEpoch  uint64
	epochs        allowance // for peers that raise it
	lastVoteEpoch uint64
	migrating     map[slots.Slot]slots.NodeID
	importing     map[slots.Slot]slots.NodeID
	ceded         map[slots.Slot]slots.NodeID // slots of this node that belong to another as soon as it claims them
	nextOffer     time.Time                   // when ceded slots are offered next

	electors     Electorate
	proposal     *Electorate // the next one, as far as this node has accepted it
	versions     allowance   // for peers that raise that of electors
	change       *change     // of electors, that this node has begun
	step         int         // how many members a change may add or remove: 1; a test shows what more would break
	wanted       []slots.NodeID
	wantedSince  time.Time
	nextElectors time.Time // not before: see tendElectorate
	nextChange   time.Time // not before
	warnedVoters time.Time // when to warn that too few can vote
	undecidable  bool      // it was said

	self  *node
	nodes map[slots.NodeID]*node
	list  []*node // all nodes, self too, by ascending id: iteration must not depend on chance
	gone  tombstones

	links      map[LinkID]*link
	loose      []*link // links whose peer is not (yet) a member
	handshakes []*handshake
	guests     map[slots.NodeID]guest
	dials      []pendingDial

	digest        uint64 // XOR of the hashes of all records
	news          []newsItem
	passing       bool           // what others told is due to be passed on, see flushNews
	probes        int            // how many peers to ask whether their views differ from ours
	syncs         int            // how many summaries may be sent before the next Tick
	suspects      []slots.NodeID // for heartbeats, see listSuspects
	suspectsStale bool
	recount       bool // something changed that can make a majority against a suspect
	hostLearned   bool

	claimsStale  bool
	contested    bool      // some claims lost
	orphansAt    time.Time // when tendOrphans ran last
	assigned     slots.Set // slots that have an owner
	state        slots.State
	serveFrom    time.Time // no OK before: a restart (docs/spec.md §5.2)
	minoritySeen time.Time // when this node last saw itself cut off from the majority
	givenUp      slots.Set // by records that came since the last Output
	lost         slots.Set // claims of this node that have lost, as told by events, and are not withdrawn yet
	reunited     time.Time // when it last heard again a node that it took for suspected or failed

	lastVote    vote
	undecided   []Undecided
	nextOutcome time.Time // when candidates are asked for the outcome, see tendUndecided

	election  *election    // this replica's, nil if none is on
	manual    *manual      // this replica's manual failover
	pause     *pause       // this master's, for a manual failover
	departing *departure   // this node's, nil if none is on
	yieldsTo  slots.NodeID // the replica that this fenced master was last seen to yield to

	dataTime time.Time // when the master's data was last heard, zero if SetDataTime was not called

	refusals  refusals
	out       Output
	dirty     bool      // Save before the next Send
	lazyDirty time.Time // since when something worth saving waits for company
	mapDirty  bool
	noMap     bool // simulations do without Output.Map, which costs more than all the rest
	version   uint64
	published *slots.Map // the last, nil before the first
	stats     Stats
}

// Stats counts messages by type since the start.
type Stats struct {
	Sent, Received           [typeCount]uint64
	BytesSent, BytesReceived uint64 // of frames with their headers; filled in by the driver
}

// TickEvery is how often a driver calls Tick.
const TickEvery = 100 * time.Millisecond

// saveDelay is how long news about others may wait to be saved together. What this node
// itself promised is never delayed.
const saveDelay = 500 * time.Millisecond

// NewCore starts a node from what it saved, or as a new one if st is nil.
func NewCore(cfg Config, st *State, now time.Time) (*Core, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Core{
		cfg: cfg, now: now,
		nodes: make(map[slots.NodeID]*node),
		links: make(map[LinkID]*link), guests: make(map[slots.NodeID]guest),
		migrating: make(map[slots.Slot]slots.NodeID), importing: make(map[slots.Slot]slots.NodeID),
		ceded: make(map[slots.Slot]slots.NodeID),
		step:  1, syncs: syncsPerTick, dirty: true, mapDirty: true, claimsStale: true,
	}
	self := Record{ID: cfg.Self}
	if st != nil {
		if err := st.validate(); err != nil {
			return nil, err
		}
		self = st.Nodes[0]
		c.cluster, c.established, c.served = st.Cluster, st.Established, st.Served
		c.currentEpoch, c.lastVoteEpoch = st.CurrentEpoch, st.LastVoteEpoch
		c.electors, c.proposal, c.undecided = st.Electorate, st.Accepted, slices.Clone(st.Undecided)
		c.migrating, c.importing, c.ceded = cloneOpen(st.Migrating), cloneOpen(st.Importing), cloneOpen(st.Ceded)
	}
	if self.ID.IsZero() {
		self.ID = newNodeID(cfg.Rand)
	}
	self.Incarnation = min(max(cfg.Incarnation, next(self.Incarnation)), maxCounter)
	self.Seq, self.Fenced, self.Data, self.Leaving = 0, false, Data{}, false
	host := self.Addr.Host
	self.Addr, self.Hostname, self.Zone, self.NoFailover = cfg.Addr, cfg.Hostname, cfg.Zone, cfg.NoFailover
	if self.Witness = cfg.Witness; self.Witness && (self.claims() || !self.Master.IsZero()) {
		return nil, errors.New("gossip: Config.Witness is set, but the node has slots or a master: a witness holds no data")
	}
	if self.Addr.Host == "" {
		self.Addr.Host = host // until a peer tells better
	}
	c.self = &node{rec: self, data: cfg.Data}
	c.insert(c.self)
	if st != nil {
		c.restore(st.Nodes[1:])
		c.beginFence()
	}
	return c, nil
}

// restore brings back the peers of the last run. All are dialled at once: they may have
// given up dialling this node.
func (c *Core) restore(records []Record) {
	for i := range records {
		r := &records[i]
		switch {
		case r.Gone:
			c.gone.add(r.ID, tombstone{gen: r.Gen, known: true})
		case c.nodes[r.ID] == nil:
			c.insert(&node{rec: *r, pingSent: c.now, nextDial: c.now})
		}
	}
	if len(c.list) > 1 {
		c.serveFrom = c.now.Add(startDelay)
	}
}

func cloneOpen(open map[slots.Slot]slots.NodeID) map[slots.Slot]slots.NodeID {
	m := make(map[slots.Slot]slots.NodeID, len(open))
	for slot, id := range open {
		m[slot] = id
	}
	return m
}

// ID returns this node's id.
func (c *Core) ID() slots.NodeID { return c.self.rec.ID }

// insert puts n among the nodes.
func (c *Core) insert(n *node) {
	c.nodes[n.rec.ID] = n
	i, _ := slices.BinarySearchFunc(c.list, n.rec.ID, compareNode)
	c.list = slices.Insert(c.list, i, n)
	n.hash = n.rec.hash()
	n.syncWait = firstSyncWait
	c.digestChanged(n.hash)
	c.claimsChanged(n, nil, n.rec.claimed())
	c.mapDirty = true
}

// erase takes n out again.
func (c *Core) erase(n *node) {
	delete(c.nodes, n.rec.ID)
	if i, ok := slices.BinarySearchFunc(c.list, n.rec.ID, compareNode); ok {
		c.list = slices.Delete(c.list, i, i+1)
	}
	c.digestChanged(n.hash)
	c.claimsChanged(n, n.rec.claimed(), nil)
	c.mapDirty, c.suspectsStale, c.recount = true, true, true
}

func compareNode(n *node, id slots.NodeID) int { return bytes.Compare(n.rec.ID[:], id[:]) }

// rehash updates n's hash and the digest after a change of n's record.
func (c *Core) rehash(n *node) {
	was := n.hash
	n.hash = n.rec.hash()
	c.digestChanged(was ^ n.hash)
}

func (c *Core) digestChanged(by uint64) {
	c.digest ^= by
	c.probes = 4 + bits.Len(uint(len(c.list)))
}

// selfChanged makes the changed record of this node a new version, which is saved and
// told to all peers.
func (c *Core) selfChanged() {
	c.self.rec.Seq++
	c.rehash(c.self)
	c.dirty, c.mapDirty = true, true
	c.tellAll(c.self.rec.ID)
}

// before orders ids.
func before(a, b slots.NodeID) bool { return bytes.Compare(a[:], b[:]) < 0 }

// Tick lets time pass: heartbeats, time-outs, dials. Call it every TickEvery.
func (c *Core) Tick(now time.Time) {
	c.now = now
	c.syncs = syncsPerTick
	c.tendLoose()
	c.tendHandshakes()
	half := c.cfg.NodeTimeout / 2
	for _, n := range c.list {
		if n == c.self || n.quiet() && now.Sub(n.lastHeard) < half {
			continue // nearly all, nearly always
		}
		c.tendLinks(n)
		c.tendHealth(n)
	}
	c.recount = false
	c.resolveClaims()
	c.withdrawLost()
	c.passing = true
	c.tendPause()
	c.tendFence()
	c.tendDeparture()
	if c.isReplica() {
		c.followMaster()
		c.tendElection()
	}
	if now.Sub(c.orphansAt) >= orphanEvery {
		c.orphansAt = now
		c.tendOrphans()
	}
	c.forgetDead()
	c.tendUndecided()
	c.resolveCollision()
	c.tendElectorate()
	c.answerStaleClaims()
	c.probe()
	c.updateState()
	if !c.lazyDirty.IsZero() && now.Sub(c.lazyDirty) >= saveDelay {
		c.dirty = true
	}
}

// saveSoon asks for a save within saveDelay.
func (c *Core) saveSoon() {
	if c.lazyDirty.IsZero() {
		c.lazyDirty = c.now
	}
}

func (c *Core) event(e Event) { c.out.Events = append(c.out.Events, e) }

func (c *Core) warn(about slots.NodeID, text string) {
	c.event(Warning{At: c.now, Node: about, Text: text})
}
