package interop

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/slots"
)

// trib sends the commands of redis-trib.rb 3.2 and 4.0 in its order: the tool itself is
// in no package. With cliOrder it ends the move of a slot as redis-cli does.
type trib struct {
	t        *testing.T
	cliOrder bool
	clients  map[string]*redis.Client // by address
	nodes    []*tribNode
}

// tribNode is a node as the tool has loaded it.
type tribNode struct {
	addr, id, master string // no master: it is one
	slots            slots.Set
	open             bool // it has an open slot
	c                *redis.Client
}

// pipeline is how many keys the tool asks for, and sends, at a time.
const pipeline = 10

func newTrib(t *testing.T, cliOrder bool) *trib {
	r := &trib{t: t, cliOrder: cliOrder, clients: make(map[string]*redis.Client)}
	t.Cleanup(func() {
		for _, c := range r.clients {
			c.Close()
		}
	})
	return r
}

// dial returns the one connection to a node.
func (r *trib) dial(addr string) *redis.Client {
	if r.clients[addr] == nil {
		r.clients[addr] = redis.NewClient(&redis.Options{Addr: addr, PoolSize: 1, Protocol: 2, DisableIdentity: true,
			MaxRetries: -1})
		r.must(r.clients[addr], "ping")
	}
	return r.clients[addr]
}

// must sends a command that has to succeed.
func (r *trib) must(c *redis.Client, args ...any) any {
	r.t.Helper()
	reply, err := c.Do(r.t.Context(), args...).Result()
	if err != nil {
		r.t.Fatalf("%v at %s: %v", args, c.Options().Addr, err)
	}
	return reply
}

// parse reads what a node says of all nodes; the node's own line becomes n.
func (n *tribNode) parse(list string) (others []*tribNode) {
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		o := &tribNode{id: f[0]}
		o.addr, _, _ = strings.Cut(f[1], "@")
		if f[3] != "-" {
			o.master = f[3]
		}
		for _, text := range f[8:] {
			if strings.HasPrefix(text, "[") {
				o.open = true
			} else if s, err := slots.ParseRange(text); err == nil {
				o.slots.AddRange(s)
			}
		}
		if strings.Contains(f[2], "myself") {
			o.addr, o.c = n.addr, n.c
			*n = *o
		} else {
			others = append(others, o)
		}
	}
	return others
}

func (r *trib) loadNode(addr string) (n *tribNode, others []*tribNode) {
	r.t.Helper()
	n = &tribNode{addr: addr, c: r.dial(addr)}
	others = n.parse(r.must(n.c, "cluster", "nodes").(string))
	r.must(n.c, "cluster", "info")
	return n, others
}

// load looks at a cluster from one of its nodes on.
func (r *trib) load(entry string) {
	r.t.Helper()
	r.must(r.dial(entry), "info")
	first, others := r.loadNode(entry)
	r.nodes = []*tribNode{first}
	for _, o := range others {
		n, _ := r.loadNode(o.addr)
		r.nodes = append(r.nodes, n)
	}
}

// sound tells what a check of the nodes would complain about, "" if nothing.
func (r *trib) sound() string {
	var all slots.Set
	signature := ""
	for i, n := range r.nodes {
		fresh := &tribNode{addr: n.addr, c: n.c}
		others := fresh.parse(r.must(n.c, "cluster", "nodes").(string))
		if fresh.open {
			return n.addr + " has open slots"
		}
		all.Union(&fresh.slots)
		var owners []string
		for _, o := range append(others, fresh) {
			if !o.slots.Empty() {
				owners = append(owners, o.id+o.slots.String())
			}
		}
		sort.Strings(owners)
		if s := strings.Join(owners, " "); i == 0 {
			signature = s
		} else if s != signature {
			return fmt.Sprintf("%s and %s do not agree", n.addr, r.nodes[0].addr)
		}
	}
	if all != slots.Full() {
		return "not all slots are covered"
	}
	return ""
}

// agreed loads a cluster and checks it. The tool takes a tenth of a second to start, in
// which gossip spreads, and gives up if the check fails.
func (r *trib) agreed(p *process) {
	r.t.Helper()
	p.eventually("a check is clean", 20*time.Second, func() bool {
		r.load(p.addr())
		return r.sound() == ""
	})
}

func (r *trib) find(id string) *tribNode {
	i := slices.IndexFunc(r.nodes, func(n *tribNode) bool { return n.id == id })
	if i < 0 {
		r.t.Fatalf("node %s is not known", id)
	}
	return r.nodes[i]
}

// create makes a cluster of masters and, behind them in the list, a replica for each.
func (r *trib) create(list []*process) {
	r.t.Helper()
	r.nodes = nil
	for _, p := range list {
		r.must(r.dial(p.addr()), "info")
		n, _ := r.loadNode(p.addr())
		r.nodes = append(r.nodes, n)
	}
	masters := len(list) / 2
	for i, part := range slots.Even(masters) {
		args := []any{"cluster", "addslots"}
		for slot := part.First; ; slot++ {
			if args = append(args, int(slot)); slot == part.Last {
				break
			}
		}
		r.must(r.nodes[i].c, args...)
	}
	for i, n := range r.nodes {
		n.c.Do(r.t.Context(), "cluster", "set-config-epoch", i+1) // it does not mind a refusal
	}
	for _, n := range r.nodes[1:] {
		r.meet(n, r.nodes[0])
	}
	r.joined(list[0], len(list))
	for i, n := range r.nodes[masters:] {
		r.must(n.c, "cluster", "replicate", r.nodes[i].id)
	}
	r.agreed(list[0])
}

func (r *trib) meet(n, known *tribNode) {
	host, port, _ := strings.Cut(known.addr, ":")
	r.must(n.c, "cluster", "meet", host, port)
}

// joined waits, as the tool does, until all nodes say the same; they must also know each
// other.
func (r *trib) joined(p *process, n int) {
	r.t.Helper()
	nodes := r.nodes
	p.eventually("the nodes have joined", 20*time.Second, func() bool {
		for _, o := range nodes {
			if strings.Count(r.must(o.c, "cluster", "nodes").(string), " connected") != n {
				return false
			}
		}
		return r.sound() == ""
	})
}

// add makes a node a member: a master, or the replica of one.
func (r *trib) add(p, entry *process, master string) {
	r.t.Helper()
	r.agreed(entry)
	first := r.nodes[0]
	r.must(r.dial(p.addr()), "info")
	n, _ := r.loadNode(p.addr())
	r.nodes = append(r.nodes, n)
	r.meet(n, first)
	r.joined(entry, len(r.nodes))
	if master != "" {
		r.must(n.c, "cluster", "replicate", master)
	}
}

// reshard moves slots to a master from some others, from each in proportion to what it has.
func (r *trib) reshard(entry *process, from []string, to string, count int) {
	r.t.Helper()
	r.agreed(entry)
	var sources []*tribNode
	total := 0
	for _, n := range r.nodes {
		if n.master == "" && n.id != to && (from == nil || slices.Contains(from, n.id)) {
			sources, total = append(sources, n), total+n.slots.Len()
		}
	}
	slices.SortStableFunc(sources, func(a, b *tribNode) int { return b.slots.Len() - a.slots.Len() })
	moved := 0
	for i, source := range sources {
		share := count * source.slots.Len() / total
		if i == 0 {
			share = (count*source.slots.Len() + total - 1) / total
		}
		for slot := range source.slots.All() {
			if share == 0 || moved == count {
				break
			}
			r.move(source, r.find(to), slot)
			share, moved = share-1, moved+1
		}
	}
}

// move moves one slot.
func (r *trib) move(source, target *tribNode, slot slots.Slot) {
	r.t.Helper()
	n := int(slot)
	r.must(target.c, "cluster", "setslot", n, "importing", source.id)
	r.must(source.c, "cluster", "setslot", n, "migrating", target.id)
	host, port, _ := strings.Cut(target.addr, ":")
	for {
		keys := r.must(source.c, "cluster", "getkeysinslot", n, pipeline).([]any)
		if len(keys) == 0 {
			break
		}
		r.must(source.c, append([]any{"migrate", host, port, "", 0, 60_000, "keys"}, keys...)...)
	}
	masters := r.nodes
	if r.cliOrder { // the target, the source, the others
		masters = append([]*tribNode{target, source}, slices.DeleteFunc(slices.Clone(r.nodes), func(o *tribNode) bool {
			return o == target || o == source
		})...)
	}
	for _, o := range masters {
		if o.master == "" {
			r.assign(o, o == source, n, target.id)
		}
	}
}

// assign tells a master who has a slot. A source that has lost its last slot may be a replica by
// now: redis-cli takes that for done (clusterManagerMoveSlot).
func (r *trib) assign(at *tribNode, isSource bool, slot int, owner string) {
	r.t.Helper()
	args := []any{"cluster", "setslot", slot, "node", owner}
	err := at.c.Do(r.t.Context(), args...).Err()
	if err != nil && !(isSource && err.Error() == "ERR Please use SETSLOT only with masters.") {
		r.t.Fatalf("%v at %s: %v", args, at.addr, err)
	}
}

// rebalance gives each master its share of the slots, and one of them none: --weight ID=0.
func (r *trib) rebalance(entry *process, empty string) {
	r.t.Helper()
	r.agreed(entry)
	source := r.find(empty)
	var others []*tribNode
	for _, n := range r.nodes {
		if n.master == "" && n != source {
			others = append(others, n)
		}
	}
	done := 0
	for slot := range source.slots.All() { // as many to each, one node after the other
		r.move(source, others[done*len(others)/source.slots.Len()], slot)
		done++
	}
}

// flush drops all keys.
func (r *trib) flush() {
	r.t.Helper()
	for _, n := range r.nodes {
		if n.master == "" {
			r.must(n.c, "flushall")
		}
	}
}

// remove takes a node without slots out of the cluster.
func (r *trib) remove(entry *process, id string) {
	r.t.Helper()
	r.agreed(entry)
	gone := r.find(id)
	if !gone.slots.Empty() {
		r.t.Fatalf("%s owns %d slots", gone.addr, gone.slots.Len())
	}
	for _, n := range r.nodes {
		if n != gone {
			r.must(n.c, "cluster", "forget", id)
		}
	}
	gone.c.Do(r.t.Context(), "shutdown") // the connection ends with it
	delete(r.clients, gone.addr)
	gone.c.Close()
}
