package replication_test

import (
	"bytes"
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// A master and a replica by hand: no connection, no goroutine, no clock. Bytes go from the
// Sender to the Applier.
func Example() {
	master := replication.NewStream(replication.StreamConfig{NewID: func() replication.ID { return replication.ID{1} }})
	from := keyspace.New(keyspace.Config{Sink: master})
	replica := replication.NewStream(replication.StreamConfig{})
	to := keyspace.New(keyspace.Config{Sink: replica})
	replica.Follow()
	set := func(key, value string) {
		from.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
			return tx.Put([]byte(key), keyspace.String, []byte(value), 0)
		})
	}
	set("before", "1")

	// The replica says where it stands, the master decides how to bring it up to date.
	cursor, answer, why, err := master.Join(replica.Positions(), from.Len())
	fmt.Println("full sync:", why, err)
	sender := replication.NewSender(replication.SenderConfig{
		Store: from, Source: cursor, Offset: cursor.Offset(), Full: why != "", Covered: master.Offset,
	})
	applier := replication.NewApplier(to, replica)
	carryOut := func(b []byte) {
		var m replication.Message
		for in := replication.NewMessageReader(bytes.NewReader(b), replication.MaxMessage); in.Next(&m) == nil; {
			if err := applier.Step(&m); err != nil {
				fmt.Println(err)
			}
		}
	}
	carryOut(answer)
	set("meanwhile", "2")
	for applier.Held() < master.Offset() {
		b, err := sender.Next(nil, 0)
		if err != nil {
			fmt.Println(err)
			return
		}
		carryOut(b)
	}
	fmt.Println("keys:", to.Len(), "same history:", replica.History().ID == master.History().ID)
	// Output:
	// full sync: the replica has no history <nil>
	// keys: 2 same history: true
}
