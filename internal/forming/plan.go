package forming

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// Plan gives the nodes their roles: n/(1+replicas) of them, at least one, are masters with
// equal shares of the slots, the others replicate one each, and those that are too few
// for one more shard are spares. The members of a shard are in different zones and on
// different hosts as far as there are any, and the masters are spread likewise. The result
// depends on the set of nodes and on replicas only, not on the order of nodes.
//
// The nodes are sorted by zone, by host within a zone, and dealt to the shards as cards
// are. Of a zone or host with no more nodes than there are shards each node gets into
// another shard, and of a larger one each shard gets an equal share, which is the best
// that is possible.
func Plan(nodes []Peer, replicas int) []Founder {
	if len(nodes) == 0 {
		return nil
	}
	nodes = slices.Clone(nodes)
	masters := max(1, len(nodes)/(1+replicas))
	var spares []Peer
	sortByLocation(nodes)
	for len(nodes) > masters*(1+replicas) {
		// The last node of the first host: that is the largest one in the largest zone.
		i := 1
		for i < len(nodes) && nodes[i].location() == nodes[0].location() {
			i++
		}
		spares = append(spares, nodes[i-1])
		nodes = slices.Delete(nodes, i-1, i)
		sortByLocation(nodes)
	}
	shards := make([][]Peer, masters)
	for i := range nodes {
		shards[i%masters] = append(shards[i%masters], nodes[i])
	}
	for i := range shards {
		slices.SortFunc(shards[i], compareID)
	}
	slices.SortFunc(spares, compareID)
	return roles(shards, chooseMasters(shards), spares)
}

// location is where a node is, as far as is known.
type location struct{ zone, host string }

func (p *Peer) location() location { return location{p.Zone, p.Addr.Host} }

func compareID(a, b Peer) int { return bytes.Compare(a.ID[:], b.ID[:]) }

// sortByLocation puts nodes of a zone, and in it those of a host, next to each other, larger
// groups first.
func sortByLocation(nodes []Peer) {
	zones, hosts := make(map[string]int), make(map[location]int)
	for i := range nodes {
		zones[nodes[i].Zone]++
		hosts[nodes[i].location()]++
	}
	slices.SortFunc(nodes, func(a, b Peer) int {
		return cmp.Or(
			cmp.Compare(zones[b.Zone], zones[a.Zone]), cmp.Compare(a.Zone, b.Zone),
			cmp.Compare(hosts[b.location()], hosts[a.location()]), cmp.Compare(a.Addr.Host, b.Addr.Host),
			compareID(a, b))
	})
}

// chooseMasters returns for each shard which of its members is the master, so that no host
// has many masters, and then no zone. Each change makes the sum of the squares of the
// numbers smaller, so the loop ends.
func chooseMasters(shards [][]Peer) []int {
	chosen := make([]int, len(shards))
	hosts, zones := make(map[location]int), make(map[string]int)
	count := func(p *Peer, n int) {
		hosts[p.location()] += n
		zones[p.Zone] += n
	}
	for i := range shards {
		count(&shards[i][0], 1)
	}
	for changed := true; changed; {
		changed = false
		for i, shard := range shards {
			was := chosen[i]
			count(&shard[was], -1)
			for k := range shard {
				a, b := &shard[k], &shard[chosen[i]]
				if cmp.Or(cmp.Compare(hosts[a.location()], hosts[b.location()]), cmp.Compare(zones[a.Zone], zones[b.Zone])) < 0 {
					chosen[i] = k
				}
			}
			count(&shard[chosen[i]], 1)
			changed = changed || chosen[i] != was
		}
	}
	return chosen
}

// roles lists the founders: masters by their slots, then replicas by their masters, then
// spares.
func roles(shards [][]Peer, masters []int, spares []Peer) []Founder {
	var list []Founder
	ranges := slots.Even(len(shards))
	for i, shard := range shards {
		m := &shard[masters[i]]
		list = append(list, Founder{ID: m.ID, Addr: m.Addr, Owns: true, Slots: ranges[i]})
	}
	for i, shard := range shards {
		for k := range shard {
			if k != masters[i] {
				list = append(list, Founder{ID: shard[k].ID, Addr: shard[k].Addr, Master: list[i].ID})
			}
		}
	}
	for i := range spares {
		list = append(list, Founder{ID: spares[i].ID, Addr: spares[i].Addr})
	}
	return list
}
