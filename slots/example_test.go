package slots_test

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

func ExampleOf() {
	fmt.Println(slots.Of([]byte("foo")), slots.OfString("{user1000}.following"), slots.OfString("{user1000}.followers"))
	// Output: 12182 3443 3443
}

func ExampleParseSet() {
	set, _ := slots.ParseSet("5462 0-100 101-5460")
	fmt.Println(set, set.Len())
	// Output: 0-5460 5462 5462
}

// How many of 100,000 keys change their node when a fourth node joins three: by modulo,
// on a ring with 100 points a node, and with slots, of which a quarter is handed over.
func Example_whySlots() {
	const keys = 100_000
	hash := func(s string) uint64 {
		h := fnv.New64a()
		h.Write([]byte(s))
		x := h.Sum64() // finish FNV, whose last bytes mix poorly
		x ^= x >> 33
		x *= 0xff51afd7ed558ccd
		x ^= x >> 33
		return x
	}
	moved := func(before, after func(key string) int) int {
		n := 0
		for i := range keys {
			if key := fmt.Sprint("key:", i); before(key) != after(key) {
				n++
			}
		}
		return n
	}

	modulo := func(n uint64) func(string) int {
		return func(key string) int { return int(hash(key) % n) }
	}

	ring := func(n int) func(string) int {
		type point struct {
			at   uint64
			node int
		}
		var points []point
		for node := range n {
			for i := range 100 {
				points = append(points, point{hash(fmt.Sprint("node", node, "/", i)), node})
			}
		}
		slices.SortFunc(points, func(a, b point) int {
			if a.at < b.at {
				return -1
			}
			return 1
		})
		return func(key string) int {
			h := hash(key)
			i, _ := slices.BinarySearchFunc(points, h, func(p point, h uint64) int {
				if p.at < h {
					return -1
				}
				return 1
			})
			return points[i%len(points)].node
		}
	}

	var owner [slots.Count]int
	for node, r := range slots.Even(3) {
		for s := r.First; s <= r.Last; s++ {
			owner[s] = node
		}
	}
	grown := owner
	for s := 0; s < slots.Count; s += 4 { // chosen by us, not by chance
		grown[s] = 3
	}
	table := func(t *[slots.Count]int) func(string) int {
		return func(key string) int { return t[slots.OfString(key)] }
	}

	percent := func(n int) int { return (n*100 + keys/2) / keys }
	fmt.Println("modulo:", percent(moved(modulo(3), modulo(4))), "%")
	fmt.Println("ring:  ", percent(moved(ring(3), ring(4))), "%")
	fmt.Println("slots: ", percent(moved(table(&owner), table(&grown))), "%")
	// Output:
	// modulo: 75 %
	// ring:   27 %
	// slots:  25 %
}

// Where a node sends requests about keys: it owns the lower half of the slots, another
// master the upper half. The slot of "b" is being moved there, and the key has left.
func ExampleRoute() {
	lower, upper := new(slots.Set), new(slots.Set)
	lower.AddRange(slots.Range{First: 0, Last: 8191})
	upper.AddRange(slots.Range{First: 8192, Last: slots.Count - 1})
	here := slots.Node{ID: slots.NodeID{1}, Addr: slots.Addr{Host: "10.0.0.1", Port: 7001}, Slots: lower}
	there := slots.Node{ID: slots.NodeID{2}, Addr: slots.Addr{Host: "10.0.0.2", Port: 7001}, Slots: upper}
	m, err := slots.NewMap(slots.Topology{
		Self: here.ID, Nodes: []slots.Node{here, there}, State: slots.OK,
		Migrating: map[slots.Slot]slots.NodeID{slots.OfString("b"): there.ID},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ask := func(key string, missing int) {
		err := slots.Route(m, slots.Request{Slot: slots.OfString(key), Keys: 1, Missing: missing})
		fmt.Println(key, "→", err)
	}
	ask("f", 0)
	ask("a", 0)
	ask("b", 1)
	// Output:
	// f → <nil>
	// a → MOVED 15495 10.0.0.2:7001
	// b → ASK 3300 10.0.0.2:7001
}
