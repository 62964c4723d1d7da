package admin

import "slices"

// spread orders addresses so that neighbours are on different hosts as far as possible: one
// of each host in turn, hosts in order of first appearance.
func spread(addrs []string, host func(string) string) []string {
	var order []string
	byHost := make(map[string][]string)
	for _, a := range addrs {
		h := host(a)
		if byHost[h] == nil {
			order = append(order, h)
		}
		byHost[h] = append(byHost[h], a)
	}
	var list []string
	for len(list) < len(addrs) {
		for _, h := range order {
			if left := byHost[h]; len(left) > 0 {
				list = append(list, left[0])
				byHost[h] = left[1:]
			}
		}
	}
	return list
}

// seat is a place for a replica: replica r of master m.
type seat struct {
	master  int
	replica string
}

// assign gives each replica a master, each master nearly the same number, such that as few
// replicas as possible share their master's host, and then as few as possible share a
// sibling's.
//
// It starts anyhow and swaps pairs of replicas while that helps. For the first aim this is
// exact: if a replica sits with its own host and no swap helps, then every other seat is
// held by that host or belongs to a master of it, so there are more of its replicas than
// seats elsewhere. The second aim is as good as swaps get it.
func assign(masters, replicas []string, host func(string) string) []seat {
	seats := make([]seat, len(replicas))
	for i, r := range replicas {
		seats[i] = seat{i % len(masters), r}
	}
	p := placement{masters: masters, host: host, seats: seats}
	for p.improve() {
	}
	slices.SortStableFunc(seats, func(a, b seat) int { return a.master - b.master })
	return seats
}

type placement struct {
	masters []string
	host    func(string) string
	seats   []seat
}

// improve makes one swap that helps, if there is one. Every swap lowers the sum
// of costs, so this ends.
func (p *placement) improve() bool {
	for i := range p.seats {
		if p.cost(i) == 0 {
			continue
		}
		for j := range p.seats {
			a, b := &p.seats[i], &p.seats[j]
			if a.master == b.master {
				continue
			}
			before := p.around(i, j)
			a.replica, b.replica = b.replica, a.replica
			if p.around(i, j) < before {
				return true
			}
			a.replica, b.replica = b.replica, a.replica
		}
	}
	return false
}

// around is the cost of all seats of the masters of seats i and j: what a swap can change.
func (p *placement) around(i, j int) int {
	sum := 0
	for k := range p.seats {
		if m := p.seats[k].master; m == p.seats[i].master || m == p.seats[j].master {
			sum += p.cost(k)
		}
	}
	return sum
}

// withMaster outweighs any number of shared hosts among siblings.
const withMaster = 1 << 20

func (p *placement) cost(i int) int {
	s := p.seats[i]
	h := p.host(s.replica)
	cost := 0
	if h == p.host(p.masters[s.master]) {
		cost = withMaster
	}
	for j := range p.seats {
		if j != i && p.seats[j].master == s.master && p.host(p.seats[j].replica) == h {
			cost++
		}
	}
	return cost
}
