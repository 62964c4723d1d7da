package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// View is a cluster as all of its nodes see it at about the same moment: every node
// that any node knows, each with its own opinion about all others.
type View struct {
	Nodes []*Node // the one that was asked first, then the others by address
}

// Node is one node of a View.
type Node struct {
	Member           // the node's line about itself, or what others say if it did not answer
	Address string   // "host:port" under which it was asked
	Err     error    // why it did not answer; then the fields below are empty
	Members []Member // its opinion about every node, itself included
	Cluster Fields   // CLUSTER INFO
	Info    Fields   // INFO server and replication
	Keys    int64    // DBSIZE
	Jobs    bool     // it moves slots by itself: it knows CLUSTER MIGRATESLOTS
	JobsNow []Job    // such moves, under way or ended a short while ago
}

// Alive reports whether the node answered.
func (n *Node) Alive() bool { return n.Err == nil }

// Serves reports whether the node is a master that owns slots.
func (n *Node) Serves() bool { return n.IsMaster() && len(n.Ranges) > 0 }

// Name is how messages call the node.
func (n *Node) Name() string { return n.Address + " (" + n.ID.Short() + "…)" }

// View asks the node at entry, "host:port", which nodes are in the cluster, then asks all
// of them, and so on until no new node turns up. A node that does not answer is no error,
// unless it is entry.
//
// Nodes are not asked at one moment. If a slot changes hands meanwhile, so that it seems
// to be nobody's or two nodes', all are asked again, a few times at most.
func (c *Client) View(ctx context.Context, entry string) (*View, error) {
	if _, err := splitAddr(entry); err != nil {
		return nil, err
	}
	for look := 1; ; look++ {
		v, err := c.view(ctx, entry)
		if err != nil || look == maxLooks || !v.torn() {
			return v, err
		}
		if err := pause(ctx, firstPoll<<look); err != nil {
			return nil, err
		}
	}
}

const maxLooks = 5

// torn reports whether a slot that at least one node says is moving does not have exactly
// one owner among the nodes that answered: it may have been given up before the one was
// asked, or taken after.
func (v *View) torn() bool {
	var moving, once, twice slots.Set
	for _, n := range v.Alive() {
		for _, o := range n.Open {
			moving.Add(o.Slot)
		}
		for i := range n.JobsNow {
			if j := &n.JobsNow[i]; !j.Ended() {
				moving.Union(&j.Slots)
			}
		}
		if n.IsMaster() {
			own := n.Slots()
			both := own
			both.Intersect(&once)
			twice.Union(&both)
			once.Union(&own)
		}
	}
	once.Subtract(&twice)
	moving.Subtract(&once)
	return !moving.Empty()
}

// view takes a View, which may be torn.
func (c *Client) view(ctx context.Context, entry string) (*View, error) {
	first := c.ask(ctx, entry)
	if first.Err != nil {
		return nil, first.Err
	}
	v := &View{Nodes: []*Node{first}}
	for found := v.strangers(); len(found) > 0; found = v.strangers() {
		each(len(found), func(i int) error {
			c.visit(ctx, found[i])
			return nil
		})
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.Nodes = append(v.Nodes, found...)
	}
	slices.SortFunc(v.Nodes[1:], func(a, b *Node) int {
		return cmp.Or(cmp.Compare(a.Addr.Host, b.Addr.Host), cmp.Compare(a.Addr.Port, b.Addr.Port),
			slices.Compare(a.ID[:], b.ID[:]))
	})
	return v, nil
}

// strangers returns the nodes that are mentioned but not in the view yet.
func (v *View) strangers() []*Node {
	known := make(map[slots.NodeID]bool)
	for _, n := range v.Nodes {
		known[n.ID] = true
	}
	var found []*Node
	for _, n := range v.Nodes {
		for i := range n.Members {
			m := &n.Members[i]
			if known[m.ID] || m.Has("handshake") {
				continue
			}
			known[m.ID] = true
			s := &Node{Member: *m, Address: m.Addr.Client()}
			if m.Addr.Host == "" { // a node that knows no address of its peer but its own
				s.Address = slots.Addr{Host: n.Addr.Host, Port: m.Addr.Port}.Client()
			}
			found = append(found, s)
		}
	}
	return found
}

// visit fills in what a mentioned node says itself.
func (c *Client) visit(ctx context.Context, n *Node) {
	if !n.Usable() {
		n.Err = &NodeError{Node: n.Address, Err: errors.New("its address is not known")}
		return
	}
	got := c.ask(ctx, n.Address)
	switch {
	case got.Err != nil:
		n.Err = got.Err
	case got.ID != n.ID:
		n.Err = &NodeError{Node: n.Address, Err: fmt.Errorf("another node answers there, %s", got.ID)}
	default:
		*n = *got
	}
}

// ask returns what the node at addr says; Err tells if it says nothing. A node that loads
// its data just after its start is waited for.
func (c *Client) ask(ctx context.Context, addr string) *Node {
	deadline := time.Now().Add(c.cfg.Timeout)
	for {
		n := c.askOnce(ctx, addr)
		if !refused(n.Err, "LOADING") || time.Now().After(deadline) {
			return n
		}
		if err := pause(ctx, lastPoll); err != nil {
			return n
		}
	}
}

func (c *Client) askOnce(ctx context.Context, addr string) *Node {
	n := &Node{Address: addr}
	commands := [][]string{
		{"CLUSTER", "NODES"}, {"CLUSTER", "INFO"}, {"INFO", "server"}, {"INFO", "replication"},
		{"DBSIZE"}, {"CLUSTER", "GETSLOTMIGRATIONS"},
	}
	replies, err := c.pipe(ctx, addr, commands)
	if err != nil {
		n.Err = err
		return n
	}
	for i, r := range replies[:5] {
		if err := r.Err(); err != nil {
			n.Err = &NodeError{addr, brief(commands[i]), err}
			if refused(err, "cluster support disabled") {
				n.Err = &NodeError{Node: addr, Err: ErrNotCluster}
			}
			return n
		}
	}
	n.Cluster = ParseFields(replies[1].Text())
	n.Info = ParseFields(replies[2].Text() + "\n" + replies[3].Text())
	n.Keys = replies[4].Int
	if n.Jobs = replies[5].Kind != resp.ErrorMsg; n.Jobs {
		n.JobsNow = parseJobs(replies[5])
	}
	n.Err = n.readMembers(replies[0].Text())
	return n
}

func (n *Node) readMembers(text string) error {
	members, err := ParseNodes(text)
	if err != nil {
		return &NodeError{n.Address, "CLUSTER NODES", err}
	}
	i := slices.IndexFunc(members, func(m Member) bool { return m.Has("myself") })
	if i < 0 {
		return &NodeError{n.Address, "CLUSTER NODES", errors.New("no line is about the node itself")}
	}
	asked, err := splitAddr(n.Address)
	if err != nil {
		return err
	}
	if me := &members[i]; me.Addr.Host == "" { // it has met no node that could tell it
		me.Addr.Host = asked.Host
	}
	n.Members, n.Member = members, members[i]
	return nil
}

// Node returns the node with that id, nil if there is none.
func (v *View) Node(id slots.NodeID) *Node {
	for _, n := range v.Nodes {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// Masters returns the masters in the view's order.
func (v *View) Masters() []*Node {
	var list []*Node
	for _, n := range v.Nodes {
		if n.IsMaster() {
			list = append(list, n)
		}
	}
	return list
}

// Replicas returns the nodes that replicate master.
func (v *View) Replicas(master slots.NodeID) []*Node {
	var list []*Node
	for _, n := range v.Nodes {
		if !n.IsMaster() && n.Master == master {
			list = append(list, n)
		}
	}
	return list
}

// Alive returns the nodes that answered.
func (v *View) Alive() []*Node {
	var list []*Node
	for _, n := range v.Nodes {
		if n.Alive() {
			list = append(list, n)
		}
	}
	return list
}

// Owner returns the master that says slot is its own; if several do, the one with the
// greatest epoch. It is nil if nobody does.
func (v *View) Owner(slot slots.Slot) *Node {
	var owner *Node
	for _, n := range v.Nodes {
		if n.IsMaster() && n.Owns(slot) && (owner == nil || n.Epoch > owner.Epoch) {
			owner = n
		}
	}
	return owner
}

// IsWitness reports whether the node is one that votes and never holds data.
func (n *Node) IsWitness() bool { return n.Has("witness") }

// plannable returns the masters that can own slots in the form that plans take.
func (v *View) plannable() []migrate.Master {
	var list []migrate.Master
	for _, n := range v.Masters() {
		if n.IsWitness() {
			continue
		}
		list = append(list, migrate.Master{ID: n.ID, Slots: n.Slots()})
	}
	return list
}

// refresh returns the cluster as it is now, asked at any node that still answers.
func (c *Client) refresh(ctx context.Context, v *View) (*View, error) {
	var errs []error
	for _, n := range v.Alive() {
		fresh, err := c.View(ctx, n.Address)
		if err == nil {
			return fresh, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, errors.Join(errs...)
}

// everywhere sends a command to several nodes at once and returns all errors joined.
func (c *Client) everywhere(ctx context.Context, nodes []*Node, args ...string) error {
	return each(len(nodes), func(i int) error {
		_, err := c.do(ctx, nodes[i].Address, args...)
		return err
	})
}

// keyCounts maps slots to the nodes that hold keys of them, and how many.
type keyCounts struct {
	mu sync.Mutex // guards by
	by map[slots.Slot]map[slots.NodeID]int
}

// countKeys asks masters how many keys they hold in each slot of set. Slots without
// keys are left out.
func (c *Client) countKeys(ctx context.Context, masters []*Node, set slots.Set) (map[slots.Slot]map[slots.NodeID]int,
	error) {
	counts := keyCounts{by: make(map[slots.Slot]map[slots.NodeID]int)}
	err := each(len(masters), func(i int) error {
		n := masters[i]
		var commands [][]string
		var asked []slots.Slot
		for slot := range set.All() {
			commands = append(commands, []string{"CLUSTER", "COUNTKEYSINSLOT", slotText(slot)})
			asked = append(asked, slot)
		}
		replies, err := c.pipe(ctx, n.Address, commands)
		if err != nil {
			return err
		}
		for j, r := range replies {
			if err := r.Err(); err != nil {
				return &NodeError{n.Address, brief(commands[j]), err}
			}
			if r.Int > 0 {
				counts.add(asked[j], n.ID, int(r.Int))
			}
		}
		return nil
	})
	return counts.by, err
}

func (k *keyCounts) add(slot slots.Slot, id slots.NodeID, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by[slot] == nil {
		k.by[slot] = make(map[slots.NodeID]int)
	}
	k.by[slot][id] = n
}
