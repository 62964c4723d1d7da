package cache

import (
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
)

// The room is never exceeded, and what is used last stays.
func TestCopiesAreBounded(t *testing.T) {
	now := time.Now()
	c := copies{room: 10 * (copyOverhead + 10 + 90)}
	add := func(key string, data []byte) { c.add(key, data, now.Add(time.Second), c.begin(key, 0)) }
	for i := range 1000 {
		add(fmt.Sprintf("key:%06d", i), make([]byte, 90))
		if _, ok := c.get("key:000003", now); ok != (i >= 3) {
			t.Fatalf("after %d: the one in use: %v", i, ok)
		}
		if c.used > c.room || len(c.byID) != c.lru.Len() {
			t.Fatalf("%d bytes of %d in %d and %d copies", c.used, c.room, len(c.byID), c.lru.Len())
		}
	}
	if c.lru.Len() != 10 {
		t.Errorf("%d copies", c.lru.Len())
	}
	add("big", make([]byte, c.room))
	add("key:000003", []byte("x"))
	if b, ok := c.get("key:000003", now); !ok || string(b) != "x" || c.lru.Len() != 10 {
		t.Errorf("%q, %v, %d copies", b, ok, c.lru.Len())
	}
	if _, ok := c.get("key:000999", now.Add(time.Second)); ok || c.lru.Len() != 9 {
		t.Errorf("an old copy is served, %d copies", c.lru.Len())
	}
	c.changed(slotmesh.KeyChange{Key: "p:key:000003"}, "p:")
	if _, ok := c.get("key:000003", now); ok {
		t.Error("a dropped copy is served")
	}
	for c.lru.Len() > 0 {
		c.changed(slotmesh.KeyChange{Key: c.lru.Front().Value.(*copied).key}, "")
	}
	if c.used != 0 || len(c.byID) != 0 {
		t.Errorf("%d bytes are left", c.used)
	}
}
