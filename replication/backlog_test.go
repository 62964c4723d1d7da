package replication

import (
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
)

// TestAppendsStayInTheBacklog appends to a large value while a replica is away: it comes
// back by a partial resync.
func TestAppendsStayInTheBacklog(t *testing.T) {
	log := NewStream(StreamConfig{NewID: func() ID { return ID{1} }})
	store := keyspace.New(keyspace.Config{Sink: log})
	log.Hold(0)
	key := []byte("k")
	update := func(fn func(tx *keyspace.Tx) error) {
		t.Helper()
		if err := store.Update(0, fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *keyspace.Tx) error { return tx.PutOwned(key, keyspace.String, make([]byte, 8<<20), 0) })
	away, at := log.Positions(), log.Offset()
	for range 1000 {
		update(func(tx *keyspace.Tx) error {
			s, err := tx.String(key)
			if err != nil {
				return err
			}
			return tx.SetRange(key, s.Len(), []byte("x"))
		})
	}
	if n := log.Offset() - at; n > 100_000 {
		t.Errorf("1000 appends of a byte are %d bytes of the stream", n)
	}
	cur, _, why, err := log.Join(away, 0)
	if err != nil || why != "" {
		t.Fatalf("the replica needs a full sync: %q, %v", why, err)
	}
	cur.Close()
}
