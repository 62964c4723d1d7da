package slotmesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/balance"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/forming"
	"github.com/slotmesh/slotmesh/internal/forming/founder"
	"github.com/slotmesh/slotmesh/internal/join"
	"github.com/slotmesh/slotmesh/network"
	"github.com/slotmesh/slotmesh/slots"
)

// ClusterConfig says what cluster a node is to be a member of, and what that looks like: the
// same on all of its nodes.
type ClusterConfig struct {
	// Name tells clusters apart whose nodes could find each other by Config.Join: nodes with
	// another name are refused. Default: "", a name like any other.
	Name string
	// Expect is how many nodes found the cluster: so many must be there at one time for it
	// to form. A node that comes later joins it. Default 0: the node founds no cluster, and
	// joins one that is there.
	Expect int
	// Replicas is how many replicas each master has when the cluster forms: of n founders,
	// n/(1+Replicas) become masters. Without three masters no replica can be elected.
	// Default 0. Later too, with Balance, each is given so many.
	Replicas int
	// ForgetAfter makes all nodes forget one that failed so long ago and has no slots, such
	// as a replica whose machine is gone. A node that is back before stays; one that was
	// forgotten has to join again. Default 0: never. In a configuration file it is
	// slotmesh-forget-after, in seconds.
	ForgetAfter time.Duration
	// Balance says how the cluster keeps its shards in balance by itself.
	Balance BalanceConfig
}

// BalanceConfig says how a cluster keeps its shards in balance by itself. One node at a time
// is the coordinator. It has slots moved until all masters have equal shares, within 2 %;
// makes nodes that have joined replicas of the shards that miss one (ClusterConfig.Replicas),
// and new shards of the others; and gives away slots that nobody owns. It waits until nodes
// have neither come nor gone for a while, and moves a few slots at a time, so that a node
// has at least half of its time for clients alone. See [Node.BalancePlan] and
// [Node.BalancePause].
type BalanceConfig struct {
	// Mode says whether this node may be the coordinator. Default: BalanceAuto.
	Mode BalanceMode
	// By is what masters have equal shares of. Default: BalanceBySlots. A slot counts as much
	// as a key, or as 128 bytes, so that few keys do not take all slots to the other masters.
	// Masters say once a minute how much they have, and what each slot has if that is uneven.
	By BalanceBy
	// HoldOff is how long members and their health must be the same before anything is done.
	// Default 10 s.
	HoldOff time.Duration
	// Jobs is how many moves go on at one time in the whole cluster. Default 2.
	Jobs int
}

// BalanceMode says whether a node balances its cluster.
type BalanceMode string

const (
	// BalanceAuto is BalanceOn for a node that finds its cluster by Config.Join or Discover,
	// and BalanceOff for others, whose cluster is made by hand.
	BalanceAuto BalanceMode = ""
	BalanceOn   BalanceMode = "on"
	// BalanceOff makes a node that decides nothing. It does what another one decides.
	BalanceOff BalanceMode = "off"
)

// BalanceBy is what masters have equal shares of.
type BalanceBy string

const (
	BalanceBySlots BalanceBy = ""
	BalanceByKeys  BalanceBy = "keys"
	BalanceByBytes BalanceBy = "bytes" // of memory
)

// balances reports whether the node may be the coordinator.
func (c *Config) balances() bool {
	mode := c.Cluster.Balance.Mode
	return mode == BalanceOn || mode == BalanceAuto && (len(c.Join) > 0 || c.Discover != nil)
}

func (b *BalanceConfig) validate() error {
	const field = "slotmesh: Config.Cluster.Balance."
	switch {
	case b.Mode != BalanceAuto && b.Mode != BalanceOn && b.Mode != BalanceOff:
		return fmt.Errorf(field+"Mode is %q: use BalanceAuto, BalanceOn or BalanceOff", b.Mode)
	case b.By != BalanceBySlots && b.By != BalanceByKeys && b.By != BalanceByBytes:
		return fmt.Errorf(field+"By is %q: use BalanceBySlots, BalanceByKeys or BalanceByBytes", b.By)
	case b.HoldOff < 0:
		return fmt.Errorf(field+"HoldOff is %v: use 0 for 10s", b.HoldOff)
	case b.Jobs < 0:
		return fmt.Errorf(field+"Jobs is %d: use 0 for 2", b.Jobs)
	}
	return nil
}

// wordOr is a field whose zero value has a word of its own in the directive.
func wordOr[T ~string](field *T, zero string) conf.Parsed {
	return conf.Parsed{Show: func() string { return cmp.Or(string(*field), zero) }, Set: func(text string) {
		if *field = T(text); text == zero {
			*field = ""
		}
	}}
}

// maxFounders bounds Expect, and maxReplicas Replicas.
const (
	maxFounders = forming.MaxFounders
	maxReplicas = forming.MaxReplicas
)

// validateCluster checks what says how the node comes to its cluster.
func (c *Config) validateCluster() error {
	if _, err := forming.ParseList(c.Join); err != nil {
		return fmt.Errorf("slotmesh: Config.Join: %w", err)
	}
	finds := len(c.Join) > 0 || c.Discover != nil
	k := &c.Cluster
	switch {
	case len(c.Join) > 0 && c.Discover != nil:
		return errors.New("slotmesh: Config.Join and Config.Discover are both set: use one of them")
	case finds && c.Standalone:
		return errors.New("slotmesh: Config.Standalone is set, but Config.Join or Discover says where the nodes of a " +
			"cluster are: use one of them")
	case k.Expect < 0 || k.Expect > maxFounders:
		return fmt.Errorf("slotmesh: Config.Cluster.Expect is %d: use the number of nodes that found the cluster, up to %d, "+
			"or 0 to found none", k.Expect, maxFounders)
	case k.Replicas < 0 || k.Replicas > maxReplicas:
		return fmt.Errorf("slotmesh: Config.Cluster.Replicas is %d: use 0 to %d", k.Replicas, maxReplicas)
	case k.Expect > 0 && !finds:
		return fmt.Errorf("slotmesh: Config.Cluster.Expect is %d, but nothing says where the nodes find each other: set "+
			"Config.Join to the addresses of some of them", k.Expect)
	case k.Expect > 0 && c.Witness:
		return fmt.Errorf("slotmesh: Config.Cluster.Expect is %d on a node with Config.Witness, which holds no data and so "+
			"founds no cluster: leave it 0, so that the witness joins the one that the others found", k.Expect)
	case k.Expect > 0 && k.Expect < 1+k.Replicas:
		return fmt.Errorf("slotmesh: Config.Cluster.Expect is %d, too few for a master with %d replicas "+
			"(Config.Cluster.Replicas): use at least %d", k.Expect, k.Replicas, 1+k.Replicas)
	case k.ForgetAfter < 0:
		return fmt.Errorf("slotmesh: Config.Cluster.ForgetAfter is %v: use 0 for never", k.ForgetAfter)
	case !validClusterName(k.Name):
		return fmt.Errorf("slotmesh: Config.Cluster.Name is %.100q: use at most %d printable characters", k.Name,
			maxClusterName)
	}
	return k.Balance.validate()
}

const maxClusterName = forming.MaxName

func validClusterName(name string) bool {
	return len(name) <= maxClusterName &&
		strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// joinList is Config.Join as a directive: the addresses with commas between them.
func joinList(list *[]string) conf.Parsed {
	return conf.Parsed{Show: func() string { return strings.Join(*list, ",") }, Set: func(text string) {
		*list = splitJoin(text)
	}}
}

func splitJoin(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func checkJoin(text string) error {
	_, err := forming.ParseList(splitJoin(text))
	return err
}

func shownJoin(text string) string { return strings.Join(splitJoin(text), ",") }

func checkClusterName(name string) error {
	if !validClusterName(name) {
		return fmt.Errorf("it must have at most %d printable characters", maxClusterName)
	}
	return nil
}

// Forming says that a cluster forms: Have of the Want nodes that found it are there, as far
// as this node has heard.
type Forming struct{ Have, Want int }

// Founded says that this node is one of the founders of a cluster, who have agreed on it.
// Masters of them own the slots. Ready tells when they serve.
type Founded struct{ Nodes, Masters int }

func (Forming) EventName() string { return "forming" }
func (Founded) EventName() string { return "founded" }

// BalanceExclude makes balance give a member neither slots nor a master to follow until
// BalanceInclude is called, at whichever node; it keeps what it has. So it stays empty after its
// slots were moved away by hand.
func (n *Node) BalanceExclude(ctx context.Context, id slots.NodeID) error {
	if err := n.canMigrate(); err != nil {
		return err
	}
	return n.migrations.balance.Exclude(ctx, id)
}

// BalanceInclude ends a BalanceExclude.
func (n *Node) BalanceInclude(ctx context.Context, id slots.NodeID) error {
	if err := n.canMigrate(); err != nil {
		return err
	}
	return n.migrations.balance.Include(ctx, id)
}

// newFounder makes the part that finds or founds the cluster of Config.Join, and that answers
// nodes that look for theirs.
func (n *Node) newFounder() (*founder.Founder, error) {
	list := n.cfg.Join
	if n.cfg.Discover != nil {
		list = []string{forming.Discovered}
	}
	list, err := forming.ParseList(list)
	if err != nil {
		return nil, err
	}
	k := n.cfg.Cluster
	return founder.New(founder.Config{
		Terms:    forming.Terms{Name: k.Name, List: list, Expect: k.Expect, Replicas: k.Replicas},
		Discover: n.cfg.Discover,
		Lookup:   n.lookupHost,
		Disk:     n.cfg.Disk,
		File:     n.cfg.StateFile + formingSuffix,
		BusAddr:  n.seedBus,
		Dial: func(ctx context.Context, addr slots.Addr) (net.Conn, error) {
			return n.bus.Dial(ctx, addr, bus.Forming)
		},
		Self:      n.formingPeer,
		Map:       n.Map,
		Peers:     n.gossip.Peers,
		Found:     func(ctx context.Context, cmd gossip.FoundCluster) error { return n.do(ctx, cmd) },
		Meet:      n.meet,
		Follow:    n.Replicate,
		Logger:    n.log.Named("forming"),
		OnForming: func(have, want int) { n.emit(Forming{have, want}) },
		OnFounded: func(nodes, masters int) { n.emit(Founded{nodes, masters}) },
		OnPanic:   n.fail,
	})
}

// lookupHost returns the addresses of a name, by the host's Network if that resolves names.
func (n *Node) lookupHost(ctx context.Context, name string) ([]string, error) {
	if r, ok := n.cfg.Network.(network.Resolver); ok {
		return r.LookupHost(ctx, name)
	}
	return net.DefaultResolver.LookupHost(ctx, name)
}

// formingSuffix makes of the name of the state file that of the file beside it with what
// the founders of a cluster have promised each other.
const formingSuffix = ".forming"

// formingPeer is what this node says about itself to others that look for a cluster.
func (n *Node) formingPeer() forming.Peer {
	m := n.Map()
	return forming.Peer{ID: m.Self().ID, Addr: n.announced(), Zone: n.values().Zone, Cluster: n.gossip.Cluster(),
		Serving: m.Assigned() > 0}
}

// seedBus asks the node at a client address where its bus listens.
func (n *Node) seedBus(ctx context.Context, addr string) (slots.Addr, error) {
	at, err := clientAddr(addr)
	if err != nil {
		return at, err
	}
	if n.isSelf(at) {
		at.BusPort = n.addr.BusPort // in protected mode it would not tell
		return at, nil
	}
	_, at.BusPort, err = n.asker().BusPort(ctx, addr)
	if _, hidden := join.HidesBus(err); hidden && at.Port <= 65535-busPortOffset {
		at.BusPort, err = at.Port+busPortOffset, nil
	}
	return at, err
}

// BalancePlanned says that this node is the coordinator of Config.Cluster.Balance, and what
// it is about to do: the whole plan, of which it orders a little at a time. It comes again
// when the plan has got other steps.
type BalancePlanned struct {
	Term  uint64
	Steps []BalanceStep
}

// BalanceOrdered says that this node, as the coordinator, has ordered a step; Err is why it
// has not begun, nil if it has.
type BalanceOrdered struct {
	Term uint64
	Step BalanceStep
	Err  error
}

// BalancePauseChanged says that balancing was paused in the cluster, or goes on.
type BalancePauseChanged struct {
	On bool
	By slots.NodeID // the node that was told so
}

func (BalancePlanned) EventName() string      { return "balance-planned" }
func (BalanceOrdered) EventName() string      { return "balance-ordered" }
func (BalancePauseChanged) EventName() string { return "balance-paused" }

// emitBalance sends the event of package balance that e is.
func (n *Node) emitBalance(e any) {
	switch e := e.(type) {
	case balance.Planned:
		n.emit(BalancePlanned(e))
	case balance.Ordered:
		n.emit(BalanceOrdered(e))
	case balance.PauseChanged:
		n.emit(BalancePauseChanged(e))
	}
}
