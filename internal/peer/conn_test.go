package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// join connects a Conn with a handler.
func join(t testing.TB, handle Handler) (*Conn, *memnet.Network) {
	t.Helper()
	network := memnet.New()
	ln, err := network.Host("10.0.0.2").Listen(":1")
	if err != nil {
		t.Fatal(err)
	}
	near, err := network.Host("10.0.0.1").Dial(context.Background(), "10.0.0.2:1")
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { Serve(ctx, far, handle) })
	c := NewConn(near, 4*time.Second)
	t.Cleanup(func() { c.Close(); cancel(); wg.Wait() })
	return c, network
}

func req(words ...string) *Request {
	r := &Request{}
	for _, w := range words {
		r.Args = append(r.Args, []byte(w))
	}
	return r
}

// echo replies with the arguments; "wait" waits until the caller gives up, the others
// must not.
func echo(ctx context.Context, r *Request, inline bool, dst []byte) ([]byte, error) {
	switch string(r.Args[0]) {
	case "wait":
		if inline {
			return nil, ErrWait
		}
		<-ctx.Done()
		return nil, ctx.Err()
	case "moved":
		return nil, &slots.MovedError{Slot: 7, Node: slots.NodeID{1}, Addr: slots.Addr{Host: "::1", Port: 2, BusPort: 3}}
	case "ask":
		return nil, &slots.AskError{Slot: 7, Node: slots.NodeID{1}, Addr: slots.Addr{Host: "h", Port: 2, BusPort: 3}}
	case "fail":
		return nil, errors.New("ERR no")
	case "flags":
		return fmt.Append(dst, r.Asking, r.ReadOnly, r.Func), nil
	}
	for _, arg := range r.Args {
		dst = append(dst, arg...)
	}
	return dst, nil
}

func TestCallAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := join(t, echo)
		ctx := t.Context()
		if got, err := c.Call(ctx, req("a", "b")); err != nil || string(got) != "ab" {
			t.Errorf("%q, %v", got, err)
		}
		r := req("flags")
		r.Asking, r.ReadOnly, r.Func = true, true, "p"
		if got, err := c.Call(ctx, r); err != nil || string(got) != "true true p" && string(got) != "true truep" {
			t.Errorf("%q, %v", got, err)
		}
		var failure *Failure
		if _, err := c.Call(ctx, req("fail")); !errors.As(err, &failure) || failure.Text != "ERR no" || failure.Refused {
			t.Errorf("%v", err)
		}
		var moved *slots.MovedError
		if _, err := c.Call(ctx, req("moved")); !errors.As(err, &moved) || moved.Node != (slots.NodeID{1}) ||
			moved.Addr.Host != "::1" || moved.Slot != 7 {
			t.Errorf("%v", err)
		}
		var ask *slots.AskError
		if _, err := c.Call(ctx, req("ask")); !errors.As(err, &ask) || ask.Addr.BusPort != 3 {
			t.Errorf("%v", err)
		}
	})
}

// One that waits holds up nobody, and hears when its caller gives up.
func TestManyCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := join(t, echo)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := c.Call(ctx, req("wait")); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrLost) {
					t.Errorf("given up: %v", err)
				}
			})
		}
		synctest.Wait()
		var calls sync.WaitGroup
		for i := range 1000 {
			calls.Go(func() {
				want := fmt.Sprint("value", i)
				if got, err := c.Call(t.Context(), req(want)); err != nil || string(got) != want {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		calls.Wait()
		cancel()
		wg.Wait()
		synctest.Wait() // the waiting requests have heard of it, else the bubble would not end
	})
}

func TestDeadlineTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Duration, 1)
		begin := time.Now()
		c, network := join(t, func(ctx context.Context, r *Request, inline bool, dst []byte) ([]byte, error) {
			if inline {
				return nil, ErrWait
			}
			<-ctx.Done()
			ended <- time.Since(begin)
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			time.Sleep(time.Second / 2)
			network.Cut("10.0.0.1", "10.0.0.2") // no word of cancelling comes through
		}()
		if _, err := c.Call(ctx, req("x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := <-ended; took != time.Second {
			t.Errorf("the request ended after %v", took)
		}
	})
}

func TestSilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, network := join(t, echo)
		go func() {
			time.Sleep(time.Minute) // pings keep the call alive
			network.Cut("10.0.0.1", "10.0.0.2")
		}()
		begin := time.Now()
		_, err := c.Call(t.Context(), req("wait"))
		if took := time.Since(begin); !errors.Is(err, ErrLost) || took < time.Minute || took > time.Minute+6*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if _, err := c.Call(t.Context(), req("a")); !errors.Is(err, ErrNotSent) {
			t.Errorf("on an ended connection: %v", err)
		}
	})
}

func TestCloseEndsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := join(t, echo)
		go func() {
			time.Sleep(time.Second)
			c.Close()
		}()
		if _, err := c.Call(t.Context(), req("wait")); !errors.Is(err, ErrLost) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// A peer that takes nothing makes callers wait, no longer than they want to.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, network := join(t, echo)
		network.Cut("10.0.0.1", "10.0.0.2")
		big := string(make([]byte, maxPending))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := c.Call(ctx, req(big)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.out) > 3*maxPending {
			t.Errorf("%d bytes are queued", len(c.out))
		}
	})
}

func FuzzServe(f *testing.F) {
	f.Add(appendRequest(nil, &call{Request: *req("a")})[8:])
	f.Add(appendCancel(nil, 1)[8:])
	f.Add(appendSignal(nil, kindPing)[8:])
	f.Fuzz(func(t *testing.T, payload []byte) {
		msg := newReader(payload)
		if k, n := head(&msg); k == kindRequest {
			if r, err := decodeRequest(&msg, n, nil); err == nil {
				msg := newReader(appendRequest(nil, &r)[8:])
				k, n := head(&msg)
				again, err := decodeRequest(&msg, n, nil)
				if err != nil || k != kindRequest || fmt.Sprint(again) != fmt.Sprint(r) {
					t.Fatalf("%+v became %+v, %v", r, again, err)
				}
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, err := range []error{errors.New("x"), &slots.MovedError{Slot: 1}, &slots.AskError{Slot: 2}} {
		a := failed(3, err)
		f.Add(appendAnswer(nil, &a)[8:])
	}
	f.Add(appendAnswer(nil, &answer{kind: kindReply, id: 300, reply: []byte("r")})[8:])
	f.Fuzz(func(t *testing.T, payload []byte) {
		msg := newReader(payload)
		k, n := head(&msg)
		a, err := decodeAnswer(&msg, k, n)
		if err != nil {
			return
		}
		msg = newReader(appendAnswer(nil, &a)[8:])
		k, n = head(&msg)
		if again, err := decodeAnswer(&msg, k, n); err != nil || fmt.Sprint(again) != fmt.Sprint(a) {
			t.Fatalf("%+v became %+v, %v", a, again, err)
		}
	})
}

func BenchmarkCall(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprint(callers, "callers"), func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer ln.Close()
			value := make([]byte, 100)
			go func() {
				far, err := ln.Accept()
				if err != nil {
					return
				}
				Serve(context.Background(), far, func(_ context.Context, _ *Request, _ bool, dst []byte) ([]byte, error) {
					return append(dst, value...), nil
				})
			}()
			near, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			c := NewConn(near, time.Second)
			defer c.Close()
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				r := req("GET", "key:0123456789ab")
				for pb.Next() {
					if _, err := c.Call(context.Background(), r); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
