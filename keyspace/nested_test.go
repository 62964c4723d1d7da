package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestObjectsAndTheirClonesDoWhatMapsDo changes an object, its clones and their clones in
// turn: what one does must not show in another.
func TestObjectsAndTheirClonesDoWhatMapsDo(t *testing.T) {
	for seed := range testSeeds(t, 12) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 4))
		make := partMaker{rnd: rnd, typ: []Type{Hash, Set}[seed%2], most: []int{50, 900, 6000}[seed/2%3], text: seed%4 == 3}
		t.Run(fmt.Sprintf("%s/%d", make.typ, seed), func(t *testing.T) {
			objects, models := []object{newNested(make.typ)}, []*partModel{newPartModel()}
			shrinking := false
			for step := range 12_000 {
				if step%3000 == 0 {
					shrinking = rnd.IntN(3) == 0
				}
				i := rnd.IntN(len(objects))
				changePart(t, &make, objects[i], models[i], shrinking)
				switch {
				case rnd.IntN(800) == 0 && len(objects) < 4:
					objects, models = append(objects, objects[i].clone()), append(models, models[i].clone())
				case rnd.IntN(1200) == 0 && len(objects) > 1:
					objects, models = append(objects[:i], objects[i+1:]...), append(models[:i], models[i+1:]...)
				case rnd.IntN(600) == 0:
					for i := range objects {
						compareObject(t, objects[i], models[i])
						checkNested(t, objects[i].(*nested))
					}
				}
			}
		})
	}
}

func changePart(t *testing.T, make *partMaker, o object, m *partModel, shrinking bool) {
	t.Helper()
	part := make.part()
	if make.rnd.IntN(3) == 0 || shrinking && make.rnd.IntN(3) > 0 {
		if ok := o.cut(part); ok != m.cut(part) {
			t.Fatalf("cut %q is %v", part, ok)
		}
		return
	}
	value, expireAt := make.value()
	if err := o.set(part, value, expireAt); err != nil {
		t.Fatal(err)
	}
	m.set(part, value, expireAt)
}

// checkNested recomputes the accounts of a nested.
func checkNested(t *testing.T, n *nested) {
	t.Helper()
	var lock slotLock
	lock.follow(&n.table)
	checkTable(t, &lock, &n.table, n.table.due)
}

// TestWalkSeesAllThatStays walks in steps of any size, one included, while other parts
// come and go in such numbers that segments split and merge.
func TestWalkSeesAllThatStays(t *testing.T) {
	for _, step := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(step), 5))
			n := newNested(Hash)
			stay := map[string]bool{}
			for i := range 2000 {
				part := fmt.Appendf(nil, "stay:%d", i)
				n.mustSet(part, nil, 0)
				stay[string(part)] = true
			}
			var at partCursor
			calls := 0
			for done := false; !done; calls++ {
				left := step
				at, done = n.walk(at, func(part, _ []byte, _ int64) bool {
					if left == 0 {
						return false
					}
					left--
					delete(stay, string(part))
					return true
				})
				for range rnd.IntN(1 + 6*step) {
					part := fmt.Appendf(nil, "pass:%d", rnd.IntN(6000))
					if calls/200%2 == 0 {
						n.mustSet(part, nil, 0)
					} else {
						n.cut(part)
					}
				}
			}
			if len(stay) > 0 {
				t.Fatalf("%d parts that were there all the time have not been visited", len(stay))
			}
		})
	}
}

func TestScanSeesAllThatStays(t *testing.T) {
	n := newNested(Set)
	stay := map[string]bool{}
	for i := range 3000 {
		part := fmt.Appendf(nil, "stay:%d", i)
		n.mustSet(part, nil, 0)
		stay[string(part)] = true
	}
	rnd := rand.New(rand.NewPCG(1, 6))
	for at, first := Cursor(0), true; at != 0 || first; first = false {
		at = n.scan(at, 10, func(part, _ []byte, _ int64) { delete(stay, string(part)) })
		for range 60 {
			n.mustSet(fmt.Appendf(nil, "pass:%d", rnd.IntN(20_000)), nil, 0)
		}
	}
	if len(stay) > 0 {
		t.Fatalf("%d parts that were there all the time have not been visited", len(stay))
	}
}

func TestRandomIsFair(t *testing.T) {
	const parts, draws = 4000, 200_000
	n := newNested(Set)
	for i := range parts {
		n.mustSet(fmt.Appendf(nil, "part:%d", i), nil, 0)
	}
	rnd := rand.New(rand.NewPCG(1, 7))
	count := map[string]int{}
	for range draws {
		part, _, _ := n.random(rnd.Uint64)
		count[string(part)]++
	}
	if len(count) < parts*99/100 {
		t.Fatalf("%d parts of %d were drawn", len(count), parts)
	}
	for part, c := range count {
		if c > 4*draws/parts {
			t.Fatalf("%q was drawn %d times, the mean is %d", part, c, draws/parts)
		}
	}
}
