package client

import "github.com/slotmesh/slotmesh/keyspace"

// collectionOf is what a collection is of, for the keyspace events of its changes: they are
// those of the commands that do the same.
type collectionOf struct {
	tx    Tx
	key   string
	class keyspace.EventClass
}

// changed tells of a change unless err says that there was none, and returns err.
func (c collectionOf) changed(event string, err error) error {
	if err == nil {
		c.tx.tx.Notify(c.class, event, bytesOf(c.key))
	}
	return err
}

// tellTaken tells that something was taken out, if it was, and that the key is gone with the
// last. It returns was.
func tellTaken[C interface{ Len() int }](c collectionOf, event string, was bool, left C) bool {
	if was && c.tx.tx.Notifies(c.class|keyspace.GenericEvents) {
		c.tx.tx.Notify(c.class, event, bytesOf(c.key))
		if left.Len() == 0 {
			c.tx.tx.Notify(keyspace.GenericEvents, "del", bytesOf(c.key))
		}
	}
	return was
}
