package overview

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// full has every field.
func full() Member {
	m := Member{Version: "v1.2.3", Uptime: time.Hour, Clients: 3, Commands: 4, Keys: 5, Memory: 6, MaxMemory: 7,
		Expired: 8, Evicted: 9, Offset: 10, Link: "connected", Lag: 11, Silence: time.Second}
	for i := range m.Ops {
		m.Ops[i] = uint64(i * i)
	}
	m.Moves = []Move{{ID: "4f", Source: slots.NodeID{1}, Target: slots.NodeID{2}, Slots: slots.NewSet(7, 8),
		State: "running", Doing: "moves slot 7", Waiting: "for the target", Done: 1, Total: 2, Keys: 3, Bytes: 4,
		Elapsed: time.Second, ETA: time.Minute}}
	return m
}

func TestCodec(t *testing.T) {
	for _, want := range []Member{{}, full()} {
		got, err := Decode(want.Append(nil))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
}

// A later release may add fields, and a node with many jobs tells of some.
func TestCodecBounds(t *testing.T) {
	w := msgp.NewMap(nil)
	w.Uint(keyClients, 1)
	w.B = msgp.AppendArrayHeader(w.Key(200), 1)
	w.B = msgp.AppendString(w.B, "later")
	if m, err := Decode(w.Done()); err != nil || m.Clients != 1 {
		t.Errorf("an unknown field: %+v, %v", m, err)
	}
	many := Member{Moves: make([]Move, MaxMoves+1), Version: string(make([]byte, maxText+1))}
	if m, err := Decode(many.Append(nil)); err != nil || len(m.Moves) != MaxMoves || len(m.Version) != maxText {
		t.Errorf("%d moves, %v", len(m.Moves), err)
	}
}

func FuzzDecode(f *testing.F) {
	m := full()
	f.Add(m.Append(nil))
	f.Add((&Member{}).Append(nil))
	f.Add([]byte{0x81, keyMoves, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x81, keyOps, 0xdc, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("an error of another class: %v", err)
			}
			return
		}
		again, err := Decode(m.Append(nil))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%+v becomes %+v, %v", m, again, err)
		}
	})
}

// Gather waits for no node longer than the limit, and asks no more than so many at a time.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := slots.Topology{Self: slots.NodeID{1}}
		for i := range 200 {
			id := slots.NodeID{byte(i + 1)}
			top.Nodes = append(top.Nodes, slots.Node{ID: id, Addr: slots.Addr{Host: "h", Port: 1, BusPort: 2}})
		}
		m, err := slots.NewMap(top)
		if err != nil {
			t.Fatal(err)
		}
		var now, most atomic.Int32
		a := Asking{Limit: time.Second, Self: func() Member { return Member{Clients: 1} },
			Call: func(ctx context.Context, to *slots.Node) ([]byte, error) {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				switch to.ID[0] {
				case 2:
					<-ctx.Done()
					return nil, ctx.Err()
				case 3:
					return []byte{0xc1}, nil
				}
				return (&Member{Clients: 2}).Append(nil), nil
			}}
		start := time.Now()
		list := a.Gather(t.Context(), m)
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if len(list) != 200 || list[0].Clients != 1 || list[3].Clients != 2 || list[3].ID != (slots.NodeID{4}) {
			t.Errorf("%d nodes, the first %+v", len(list), list[:4])
		}
		if !errors.Is(list[1].Err, context.DeadlineExceeded) || !errors.Is(list[2].Err, ErrMalformed) {
			t.Errorf("errors %v and %v", list[1].Err, list[2].Err)
		}
		if most.Load() > parallel {
			t.Errorf("%d at a time", most.Load())
		}
	})
}
