package e2e

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// KeyOf returns a key of a slot of the node.
func KeyOf(n *slotmesh.Node) string {
	for i := 0; ; i++ {
		if key := "k" + strconv.Itoa(i); n.Map().IsMine(slots.OfString(key)) {
			return key
		}
	}
}

// OwnerOf returns the node of c that owns key, and one that does not.
func OwnerOf(c *clustertest.Cluster, key string) (owner, other *slotmesh.Node) {
	for _, n := range c.Nodes() {
		if n.Map().IsMine(slots.OfString(key)) {
			owner = n
		} else {
			other = n
		}
	}
	return owner, other
}

// WriteKeys stores n keys, each at its owner, and returns them.
func WriteKeys(t *testing.T, c *clustertest.Cluster, n int) (keys []string) {
	t.Helper()
	for i := range n {
		key := fmt.Sprint("key:", i)
		owner, _ := OwnerOf(c, key)
		if err := owner.Local().Set(t.Context(), key, []byte(key), 0); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// WriteTagged writes long keys of the slot of tag, each with itself as its value.
func WriteTagged(t *testing.T, n *slotmesh.Node, tag string, count int) (keys []string) {
	t.Helper()
	for i := range count {
		key := fmt.Sprintf("{%s}%0*d", tag, 5000, i)
		if err := n.Local().Set(t.Context(), key, []byte(key), 0); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// WriteConfirmed writes a key of a node so that a replica is confirmed to hold it, and returns
// the slot.
func WriteConfirmed(t *testing.T, n *slotmesh.Node, key string) slots.Slot {
	t.Helper()
	if err := n.Local().Set(slotmesh.WithSync(t.Context(), 1), key, []byte(key), 0); err != nil {
		t.Fatal(err)
	}
	return slots.OfString(key)
}

// CountKeys reports how many of keys are at their owners with the right value.
func CountKeys(t *testing.T, c *clustertest.Cluster, keys []string) (n int) {
	t.Helper()
	for _, key := range keys {
		owner, _ := OwnerOf(c, key)
		if v, err := owner.Local().Get(t.Context(), key); err == nil && string(v) == key {
			n++
		}
	}
	return n
}
