package replicator

import (
	"context"
	"errors"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
)

// A log that does not keep up makes writers wait until it has caught up to the half.
func TestLogFull(t *testing.T) {
	log := NewBacklog(0)
	r, h := log.OpenLog(0)
	if b, _, renamed, err := r.Next(1, true); len(b) > 0 || renamed || err != nil {
		t.Fatalf("at the start: %d bytes, %v, %v", len(b), renamed, err)
	}
	op := keyspace.Op{Kind: keyspace.OpPut, Key: []byte("k"), Value: make([]byte, 1<<20), Version: 1}
	for log.Offset() <= h.Offset+logHigh {
		if err := log.AwaitLog(t.Context()); err != nil {
			t.Fatal(err)
		}
		log.Commit(op.Slot, []keyspace.Op{op})
	}
	<-r.Wake()
	<-log.LogFull()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.AwaitLog(ended); !errors.Is(err, context.Canceled) {
		t.Fatalf("64 MiB behind: %v", err)
	}
	for read := h.Offset; log.Offset()-read >= logLow; {
		if log.AwaitLog(ended) == nil {
			t.Fatalf("writers go on while the log is %d bytes behind", log.Offset()-read)
		}
		b, _, _, err := r.Next(1<<20, true)
		if err != nil {
			t.Fatal(err)
		}
		read += int64(len(b))
	}
	if err := log.AwaitLog(ended); err != nil {
		t.Error("writers still wait:", err)
	}
	log.change(func(s *replication.Stream) { s.Follow(); s.Promote(3) })
	for {
		b, name, renamed, err := r.Next(1<<20, true)
		if err != nil || len(b) == 0 && !renamed {
			t.Fatalf("no new name came: %v", err)
		}
		if renamed {
			if name != log.History() {
				t.Errorf("the name is %+v, want %+v", name, log.History())
			}
			break
		}
	}
	r.Close()
	if len(log.readers) != 0 || log.asleep != 0 {
		t.Error("something is left of the reader")
	}
}
