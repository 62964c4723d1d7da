package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/slots"
)

// fakeTransport is two nodes, of which the first owns all slots. A test says what each
// attempt comes to.
type fakeTransport struct {
	outcomes []error // of the attempts, in their order; then all succeed
	state    error   // of the cluster, as Refresh returns it
	explain  string
	changed  chan struct{}
	done     chan struct{}

	tries   []client.Request
	at      []client.Endpoint // of tries
	learned []slots.MovedError
}

func node(i int) client.Endpoint {
	return client.Endpoint{ID: slots.NodeID{byte(i)}, Addr: slots.Addr{Host: "10.0.0.1", Port: uint16(7000 + i)}}
}

func (f *fakeTransport) Owner(slots.Slot) (client.Endpoint, bool) { return node(0), true }
func (f *fakeTransport) Replicas(slots.Slot) []client.Endpoint    { return []client.Endpoint{node(1)} }
func (f *fakeTransport) Masters() []client.Endpoint               { return []client.Endpoint{node(0)} }
func (f *fakeTransport) Learn(e *slots.MovedError)                { f.learned = append(f.learned, *e) }
func (f *fakeTransport) Refresh(context.Context) error            { return f.state }
func (f *fakeTransport) Changed() <-chan struct{}                 { return f.changed }
func (f *fakeTransport) Explain(slots.Slot) string                { return f.explain }
func (f *fakeTransport) Done() <-chan struct{}                    { return f.done }
func (f *fakeTransport) Inspect(context.Context, [][]byte) ([]int, bool, error) {
	return []int{1}, true, nil
}

func (f *fakeTransport) Send(_ context.Context, to client.Endpoint, r *client.Request) (client.Reply, error) {
	f.tries, f.at = append(f.tries, *r), append(f.at, to)
	if n := len(f.tries); n <= len(f.outcomes) && f.outcomes[n-1] != nil {
		return client.Reply{}, f.outcomes[n-1]
	}
	return client.DecodeReply([]byte("$2\r\nok\r\n"))
}

func (f *fakeTransport) get(ctx context.Context) error {
	_, err := client.NewRouter(f, nil).Get(ctx, "key")
	return err
}

func (f *fakeTransport) set(ctx context.Context) error {
	return client.NewRouter(f, nil).Set(ctx, "key", nil, 0)
}

// TestAttempts is the truth table of what an attempt's error means for the next one.
func TestAttempts(t *testing.T) {
	notSent := fmt.Errorf("%w: broken", client.ErrNotSent)
	lost := fmt.Errorf("%w: broken", client.ErrLost)
	other := errors.New("other")
	for _, c := range []struct {
		err       error
		get, set  error // what the caller gets; nil: it was tried again
		immediate bool  // without a pause
	}{
		{err: slots.ErrTryAgain},
		{err: slots.ErrClusterDown},
		{err: notSent},
		{err: client.ReplyError("LOADING the keys")},
		{err: client.ReplyError("MASTERDOWN no link")},
		{err: client.ReplyError("READONLY a replica")},
		{err: &slots.MovedError{Addr: node(1).Addr}, immediate: true},
		{err: &slots.AskError{Addr: node(1).Addr}, immediate: true},
		{err: lost, set: client.ErrAmbiguous},
		{err: other, get: other, set: other},
		{err: client.ReplyError("WRONGTYPE no string"), get: client.ReplyError("WRONGTYPE no string"),
			set: client.ReplyError("WRONGTYPE no string")},
	} {
		for name, want := range map[string]error{"get": c.get, "set": c.set} {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeTransport{outcomes: []error{c.err}}
				call := f.get
				if name == "set" {
					call = f.set
				}
				began := time.Now()
				if err := call(t.Context()); !errors.Is(err, want) {
					t.Errorf("%v, %s: %v, want %v", c.err, name, err, want)
				}
				tries := 1
				if want == nil {
					tries = 2
				}
				if len(f.tries) != tries {
					t.Errorf("%v, %s: tried %d times", c.err, name, len(f.tries))
				}
				if paused := time.Since(began) > 0; paused != (want == nil && !c.immediate) {
					t.Errorf("%v, %s: %v after the beginning", c.err, name, time.Since(began))
				}
			})
		}
	}
}

// TestRedirects: MOVED is learned and followed, ASK is followed with ASKING for one
// attempt.
func TestRedirects(t *testing.T) {
	slot := slots.OfString("key")
	f := &fakeTransport{outcomes: []error{
		&slots.AskError{Slot: slot, Node: node(1).ID, Addr: node(1).Addr},
		&slots.MovedError{Slot: slot, Node: node(2).ID, Addr: node(2).Addr},
	}}
	if err := f.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, asking := range []bool{false, true, false} {
		if f.at[i] != node(i) || f.tries[i].Asking != asking {
			t.Errorf("attempt %d went to %v, asking %v", i, f.at[i], f.tries[i].Asking)
		}
	}
	if len(f.learned) != 1 || f.learned[0].Slot != slot {
		t.Errorf("learned %v", f.learned)
	}
}

// always returns a transport of a cluster that serves nothing.
func always(err error) *fakeTransport {
	f := &fakeTransport{explain: "node 1 failed"}
	for range 1000 {
		f.outcomes = append(f.outcomes, err)
	}
	return f
}

// TestGivingUp: without a deadline a call tries for 30 s, with one as long as that; the
// error says what stood in the way.
func TestGivingUp(t *testing.T) {
	for _, deadline := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := always(slots.ErrTryAgain)
			f.state = slots.ErrClusterDown
			ctx, want := t.Context(), 30*time.Second
			if deadline > 0 {
				bounded, cancel := context.WithTimeout(ctx, deadline)
				defer cancel()
				ctx, want = bounded, deadline
			}
			began := time.Now()
			err := f.get(ctx)
			if took := time.Since(began); took < want || took > want+250*time.Millisecond {
				t.Errorf("gave up after %v, want %v", took, want)
			}
			var why *client.UnavailableError
			if !errors.As(err, &why) || why.Reason != "node 1 failed" {
				t.Errorf("%v", err)
			}
			if !errors.Is(err, slots.ErrTryAgain) || !errors.Is(err, slots.ErrClusterDown) ||
				errors.Is(err, context.DeadlineExceeded) != (deadline > 0) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestPauseEnds: a change of the map and the end of the transport end a pause.
func TestPauseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := always(slots.ErrTryAgain)
		f.done = make(chan struct{})
		got := make(chan error)
		go func() { got <- f.get(t.Context()) }()
		time.Sleep(10 * time.Second)
		close(f.done)
		synctest.Wait()
		select {
		case err := <-got:
			if err != client.ErrClosed {
				t.Error(err)
			}
		default:
			t.Error("the call goes on after its transport has ended")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{changed: make(chan struct{})}
		for range 12 { // from the tenth pause on, each takes about 250 ms
			f.outcomes = append(f.outcomes, slots.ErrTryAgain)
		}
		close(f.changed)
		began := time.Now()
		if err := f.get(t.Context()); err != nil || time.Since(began) > 10*time.Millisecond {
			t.Errorf("%v after %v although the map changes all the time", err, time.Since(began))
		}
	})
}

// TestReadsFallBackToTheMaster: a replica that gives no answer is not asked twice in a row.
func TestReadsFallBackToTheMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTransport{outcomes: []error{fmt.Errorf("%w: broken", client.ErrLost)}}
		r := client.NewRouter(f, nil).WithReadPreference(client.ReadReplica).WithMaxStaleness(time.Second)
		if _, err := r.Get(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
		if f.at[0] != node(1) || !f.tries[0].ReadOnly || f.tries[0].MaxStaleness != time.Second {
			t.Errorf("first %v, %+v", f.at[0], f.tries[0])
		}
		if f.at[1] != node(0) || f.tries[1].ReadOnly || f.tries[1].MaxStaleness != 0 {
			t.Errorf("then %v, %+v", f.at[1], f.tries[1])
		}
	})
}
