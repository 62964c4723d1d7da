package forming

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// plannedNodes are n nodes on some hosts, each of which is in one zone.
func plannedNodes(rng *rand.Rand, n int) []Peer {
	nodes := samplePeers(n)
	hosts, zones := 1+rng.IntN(n), 1+rng.IntN(4)
	for i := range nodes {
		h := rng.IntN(hosts)
		nodes[i].Addr.Host = fmt.Sprintf("h%d", h)
		nodes[i].Zone = fmt.Sprintf("z%d", h%zones)
	}
	return nodes
}

// shardsOf returns the indexes of the members of each shard, its master first.
func shardsOf(list []Founder) (shards [][]slots.NodeID, spares int) {
	at := make(map[slots.NodeID]int)
	for _, f := range list {
		switch {
		case f.Owns:
			at[f.ID] = len(shards)
			shards = append(shards, []slots.NodeID{f.ID})
		case f.Master.IsZero():
			spares++
		default:
			shards[at[f.Master]] = append(shards[at[f.Master]], f.ID)
		}
	}
	return shards, spares
}

// Whatever the nodes are: each has one role, each slot one owner, each shard its replicas,
// and the order of the nodes does not matter.
func TestPlan(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 1))
	for range 2000 {
		n, replicas := 1+rng.IntN(40), rng.IntN(4)
		nodes := plannedNodes(rng, n)
		list := Plan(nodes, replicas)
		if wrong := (&Value{Cluster: gossip.ClusterID{1}, Founders: list}).check(); wrong != "" || len(list) != n {
			t.Fatalf("%d nodes, %d replicas: %d founders, the plan %q", n, replicas, len(list), wrong)
		}
		shards, spares := shardsOf(list)
		masters := max(1, n/(1+replicas))
		if len(shards) != masters || spares != max(0, n-masters*(1+replicas)) {
			t.Fatalf("%d nodes, %d replicas: %d shards and %d spares", n, replicas, len(shards), spares)
		}
		for _, s := range shards {
			if len(s) != min(n, 1+replicas) {
				t.Fatalf("%d nodes, %d replicas: a shard of %d", n, replicas, len(s))
			}
		}
		for i := range masters {
			if want := slots.Even(masters)[i]; list[i].Slots != want {
				t.Fatalf("master %d of %d has %v, not %v", i, masters, list[i].Slots, want)
			}
		}
		rng.Shuffle(n, func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		if !reflect.DeepEqual(Plan(nodes, replicas), list) {
			t.Fatalf("%d nodes, %d replicas: another order, another plan", n, replicas)
		}
	}
}

// No shard has more nodes of a zone or host than it must: of c nodes in use, in m shards,
// at most c/m, rounded up.
func TestPlanSpreadsShards(t *testing.T) {
	rng := rand.New(rand.NewPCG(18, 2))
	for range 2000 {
		n, replicas := 1+rng.IntN(40), rng.IntN(4)
		nodes := plannedNodes(rng, n)
		of := make(map[slots.NodeID]Peer)
		for _, p := range nodes {
			of[p.ID] = p
		}
		shards, _ := shardsOf(Plan(nodes, replicas))
		total := make(map[string]int)
		for _, s := range shards {
			for _, id := range s {
				total[of[id].Zone]++
				total[of[id].Addr.Host]++
			}
		}
		m := len(shards)
		masters := make(map[string]int)
		for _, s := range shards {
			here := make(map[string]int)
			for _, id := range s {
				for _, where := range []string{of[id].Zone, of[id].Addr.Host} {
					if here[where]++; here[where] > (total[where]+m-1)/m {
						t.Fatalf("%d nodes, %d replicas: a shard has %d of the %d nodes of %s, there are %d shards", n, replicas,
							here[where], total[where], where, m)
					}
				}
			}
			masters[of[s[0]].Addr.Host]++
		}
		for _, s := range shards { // no master could be another node of its shard with better balance
			host := of[s[0]].Addr.Host
			for _, id := range s[1:] {
				if masters[of[id].Addr.Host]+1 < masters[host] {
					t.Fatalf("%d nodes, %d replicas: %s has %d masters, %s %d", n, replicas, host, masters[host],
						of[id].Addr.Host, masters[of[id].Addr.Host])
				}
			}
		}
	}
}

// What people look at first: six nodes on three hosts are three masters on three hosts,
// each with its replica on another one; a seventh is a spare.
func TestPlanOfThreeHosts(t *testing.T) {
	nodes := samplePeers(7)
	for i := range nodes {
		nodes[i].Addr.Host = fmt.Sprintf("h%d", i%3)
	}
	host := make(map[slots.NodeID]string)
	for _, p := range nodes {
		host[p.ID] = p.Addr.Host
	}
	for _, n := range []int{6, 7} {
		shards, spares := shardsOf(Plan(nodes[:n], 1))
		if len(shards) != 3 || spares != n-6 {
			t.Fatalf("%d nodes: %d shards, %d spares", n, len(shards), spares)
		}
		seen := make(map[string]bool)
		for _, s := range shards {
			if seen[host[s[0]]] || host[s[0]] == host[s[1]] {
				t.Errorf("%d nodes: a second master at %s, or a replica beside its master", n, host[s[0]])
			}
			seen[host[s[0]]] = true
		}
	}
}
