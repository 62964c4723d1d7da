package migrate

import (
	"fmt"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// DefaultThreshold is by how many percent a master's number of slots may differ from its
// share before Rebalance moves anything, as in redis-cli.
const DefaultThreshold = 2.0

// Balance says how Rebalance distributes slots. The zero value gives every master
// that owns slots an equal share.
type Balance struct {
	// Weights are the masters' relative shares, 1 if absent; 0 drains the master.
	Weights map[slots.NodeID]float64
	// Threshold in percent; 0 = DefaultThreshold.
	Threshold float64
	// UseEmpty gives slots to masters that own none, too.
	UseEmpty bool
}

// Rebalance plans the least number of moved slots that gives each master its share.
// The plan is empty if all are within the threshold already.
//
// It chooses as redis-cli --cluster rebalance does: shares are rounded down, the
// remainder goes to those that receive anyway, and the master with most to give serves
// the one that needs most first, with its lowest slots. Unlike redis-cli it shares out
// the slots that are assigned, not always all 16 384, so it also works on a cluster with
// a hole.
func Rebalance(masters []Master, b Balance) (Plan, error) {
	involved, err := b.involved(masters)
	if err != nil || len(involved) == 0 {
		return Plan{}, err
	}
	if !b.needed(involved) {
		return Plan{}, nil
	}
	spreadRemainder(involved)
	slices.SortStableFunc(involved, func(x, y *account) int { return x.balance - y.balance })
	var p Plan
	for taker, giver := 0, len(involved)-1; taker < giver; {
		to, from := involved[taker], involved[giver]
		n := max(0, min(-to.balance, from.balance))
		p.add(cut(&from.slots, n), from.id, to.id)
		to.balance += n
		from.balance -= n
		if to.balance >= 0 {
			taker++
		}
		if from.balance <= 0 {
			giver--
		}
	}
	return p, nil
}

// account says what a master owns and should own. Its balance is how many slots it has
// too many, or too few if negative.
type account struct {
	id      slots.NodeID
	slots   slots.Set
	weight  float64
	owns    int
	share   int
	balance int
}

func (b Balance) involved(masters []Master) ([]*account, error) {
	if b.Threshold < 0 || math.IsNaN(b.Threshold) {
		return nil, fmt.Errorf("migrate: a threshold of %v percent is negative; 0 means %v", b.Threshold, DefaultThreshold)
	}
	for id, w := range b.Weights {
		if _, err := find(masters, id); err != nil {
			return nil, err
		}
		if w < 0 || math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("migrate: weight %v of node %s is not a number from 0 up", w, id)
		}
	}
	var list []*account
	weights, total := 0.0, 0
	for i := range masters {
		a := &account{id: masters[i].ID, slots: masters[i].Slots, weight: 1, owns: masters[i].Slots.Len()}
		if w, ok := b.Weights[a.id]; ok {
			a.weight = w
		}
		if a.owns == 0 && !b.UseEmpty {
			continue
		}
		list = append(list, a)
		weights += a.weight
		total += a.owns
	}
	if len(list) > 0 && weights == 0 {
		return nil, fmt.Errorf("migrate: all %d masters have weight 0, so nobody may own the slots; give one a weight",
			len(list))
	}
	for _, a := range list {
		// In single precision, like redis-cli: the same roundings give the same plan.
		a.share = int(float32(total) / float32(weights) * float32(a.weight))
		a.balance = a.owns - a.share
	}
	return list, nil
}

// needed reports whether some master is off its share by more than the threshold.
func (b Balance) needed(involved []*account) bool {
	threshold := b.Threshold
	if threshold == 0 {
		threshold = DefaultThreshold
	}
	for _, a := range involved {
		if a.owns == 0 {
			if a.share > 1 {
				return true
			}
			continue
		}
		if math.Abs(100-100*float64(a.share)/float64(a.owns)) > threshold {
			return true
		}
	}
	return false
}

// spreadRemainder gives out what the rounding down of shares left over, one slot each in
// turn, to masters that do not have to give; so all balances sum to 0. A master of weight
// 0 gets none.
func spreadRemainder(involved []*account) {
	rest := 0
	for _, a := range involved {
		rest += a.balance
	}
	for rest > 0 {
		before := rest
		for _, a := range involved {
			if rest > 0 && a.balance <= 0 && a.weight > 0 {
				a.balance--
				rest--
			}
		}
		if rest == before {
			return // all masters give: the last ones keep a little more
		}
	}
}

// Drain plans to empty one master: its slots go where the fewest are, so that the others
// end as equal as they can without moving anything between themselves.
func Drain(masters []Master, node slots.NodeID) (Plan, error) {
	source, err := find(masters, node)
	if err != nil {
		return Plan{}, err
	}
	var others []*account
	for i := range masters {
		if m := &masters[i]; m.ID != node {
			others = append(others, &account{id: m.ID, owns: m.Slots.Len()})
		}
	}
	left := source.Slots
	n := left.Len()
	if n > 0 && len(others) == 0 {
		return Plan{}, fmt.Errorf("migrate: node %s is the only master, its %d slots have nowhere to go; add a master "+
			"first", node, n)
	}
	for range n {
		least := others[0]
		for _, a := range others {
			if a.owns+a.share < least.owns+least.share {
				least = a
			}
		}
		least.share++
	}
	var p Plan
	for _, a := range others {
		p.add(cut(&left, a.share), node, a.id)
	}
	return p, nil
}
