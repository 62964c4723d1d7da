package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs test in fake time with two connected hosts.
func inBubble(t *testing.T, test func(t *testing.T, n *Network, a, b net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := New()
		a, b := pair(t, n.Host("10.0.0.2"), n.Host("10.0.0.1"), ":7001")
		test(t, n, a, b)
	})
}

func TestDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, a, b net.Conn) {
		n.SetDelay("10.0.0.1", "10.0.0.2", 30*time.Millisecond)
		start := time.Now()
		send(t, a, "slow")
		time.Sleep(10 * time.Millisecond)
		n.SetDelay("10.0.0.1", "10.0.0.2", 0)
		send(t, a, "not faster")
		a.Close()
		receive(t, b, "slow")
		if d := time.Since(start); d != 30*time.Millisecond {
			t.Errorf("arrived after %v", d)
		}
		receive(t, b, "not faster")
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if d := time.Since(start); d != 30*time.Millisecond {
			t.Errorf("all arrived after %v", d)
		}
	})
}

func TestDialDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		n.SetDelay("10.0.0.1", "10.0.0.2", 30*time.Millisecond)
		start := time.Now()
		pair(t, n.Host("10.0.0.1"), n.Host("10.0.0.2"), ":0")
		if d := time.Since(start); d != 60*time.Millisecond {
			t.Errorf("a connection took %v, want one round trip of 60ms", d)
		}
	})
}

func TestCutHoldsUntilHealed(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, a, b net.Conn) {
		n.Partition([]string{"10.0.0.1"}, []string{"10.0.0.1", "10.0.0.2"})
		send(t, a, "stalled")
		b.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("through a cut link: %v", err)
		}
		b.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Minute, n.Heal)
		start := time.Now()
		receive(t, b, "stalled")
		if d := time.Since(start); d != time.Minute {
			t.Errorf("arrived after %v, want when healed", d)
		}
		send(t, a, "again")
		receive(t, b, "again")
	})
}

func TestDropIsOneWay(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, a, b net.Conn) {
		n.Drop("10.0.0.1", "10.0.0.2")
		send(t, b, "this way works")
		receive(t, a, "this way works")
		send(t, a, "this one does not")
		a.Close() // nor does the news of it pass
		b.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("through a dropped link: %v", err)
		}
		send(t, b, "into the void")
		b.SetReadDeadline(time.Time{})
		n.Join("10.0.0.1", "10.0.0.2")
		receive(t, b, "this one does not")
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestWriterWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, a, b net.Conn) {
		n.Cut("10.0.0.1", "10.0.0.2")
		a.SetWriteDeadline(time.Now().Add(time.Second))
		sent, err := a.Write(make([]byte, bufferSize+1))
		if sent != bufferSize || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %d, %v; want %d bytes and a timeout", sent, err, bufferSize)
		}
		n.Heal()
		if _, err := io.ReadFull(b, make([]byte, bufferSize)); err != nil {
			t.Fatal(err)
		}
		a.SetWriteDeadline(time.Time{})
		send(t, a, "room again")
		receive(t, b, "room again")
	})
}

func TestDialThroughCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		l, err := n.Host("10.0.0.1").Listen(":7001")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		n.Cut("10.0.0.1", "10.0.0.2")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = n.Host("10.0.0.2").Dial(ctx, "10.0.0.1:7001")
		var netErr net.Error
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &netErr) || !netErr.Timeout() {
			t.Fatalf("dial through a cut link: %v", err)
		}
		time.AfterFunc(time.Minute, n.Heal)
		start := time.Now()
		c, err := n.Host("10.0.0.2").Dial(t.Context(), "10.0.0.1:7001")
		if err != nil || time.Since(start) != time.Minute {
			t.Fatalf("dial: %v after %v, want success when healed", err, time.Since(start))
		}
		c.Close()
	})
}

func TestReset(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, a, b net.Conn) {
		send(t, a, "lost")
		n.Reset("10.0.0.2", "10.0.0.1")
		for _, c := range []net.Conn{a, b} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read: %v", err)
			}
			if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("write: %v", err)
			}
		}
	})
}

func TestKill(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, a, b net.Conn) {
		old, peer := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		l, err := old.Listen(":7001")
		if err != nil {
			t.Fatal(err)
		}
		pending, err := peer.Dial(t.Context(), "10.0.0.1:7001")
		if err != nil {
			t.Fatal(err)
		}
		send(t, a, "last words")
		n.Kill("10.0.0.1")

		receive(t, b, "last words")
		for _, c := range []net.Conn{b, pending} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the peer of a killed host reads %v", err)
			}
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a killed host writes: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a killed host accepts: %v", err)
		}
		if _, err := old.Listen(":7001"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a killed host listens: %v", err)
		}
		if _, err := old.Dial(t.Context(), "10.0.0.2:1"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a killed host dials: %v", err)
		}
		if _, err := peer.Dial(t.Context(), "10.0.0.1:7001"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling a killed host: %v", err)
		}
		pair(t, n.Host("10.0.0.1"), peer, ":7001") // restarted
	})
}

func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		l, err := n.Host("10.0.0.1").Listen(":7001")
		if err != nil {
			t.Fatal(err)
		}
		h := n.Host("10.0.0.2")
		for range backlog {
			c, err := h.Dial(t.Context(), "10.0.0.1:7001")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		time.AfterFunc(time.Second, func() { l.Accept() })
		start := time.Now()
		c, err := h.Dial(t.Context(), "10.0.0.1:7001")
		if err != nil || time.Since(start) != time.Second {
			t.Fatalf("dial: %v after %v, want success once one is accepted", err, time.Since(start))
		}
		l.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection nobody accepted reads %v", err)
		}
	})
}

func TestListenAddresses(t *testing.T) {
	n := New()
	h, other := n.Host("10.0.0.1"), n.Host("10.0.0.2")
	local, err := h.Listen("127.0.0.1:7001")
	if err != nil {
		t.Fatal(err)
	}
	own, err := h.Listen("10.0.0.1:7001")
	if err != nil {
		t.Fatalf("a second address with the same port: %v", err)
	}
	if _, err := h.Listen(":7001"); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("all addresses, one of them in use: %v", err)
	}
	dial := func(from *Host, to string, want net.Listener) {
		t.Helper()
		c, err := from.Dial(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := want.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	dial(h, "localhost:7001", local)
	dial(h, "10.0.0.1:7001", own)
	dial(other, "10.0.0.1:7001", own)
	if _, err := other.Dial(t.Context(), "127.0.0.1:7001"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("another host's loopback address: %v", err)
	}
	own.Close()
	local.Close()
	all, err := h.Listen("0.0.0.0:7001")
	if err != nil {
		t.Fatal(err)
	}
	dial(h, "127.0.0.1:7001", all)
	dial(h, "0.0.0.0:7001", all)
	dial(other, "10.0.0.1:7001", all)
}

func TestBadAddresses(t *testing.T) {
	h := New().Host("10.0.0.1")
	for addr, want := range map[string]string{
		"10.0.0.1":        "missing port",
		"10.0.0.1:redis":  "not a port",
		"10.0.0.1:65536":  "not a port",
		"example.com:123": "not an IP address",
	} {
		if _, err := h.Dial(t.Context(), addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Dial(%q): %v, want %q", addr, err, want)
		}
		if _, err := h.Listen(addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%q): %v, want %q", addr, err, want)
		}
	}
}

// TestNothingIsKept checks that closed connections leave nothing behind.
func TestNothingIsKept(t *testing.T) {
	n := New()
	for range 10 {
		a, b := pair(t, n.Host("10.0.0.1"), n.Host("10.0.0.2"), ":0")
		a.Close()
		b.Close()
	}
	a, b := pair(t, n.Host("10.0.0.1"), n.Host("10.0.0.2"), ":0")
	n.Kill("10.0.0.1")
	n.Kill("10.0.0.2")
	a.Close()
	b.Close()
	for w, l := range n.links {
		if len(l.streams) > 0 {
			t.Errorf("%d streams are left on %v", len(l.streams), w)
		}
	}
}

func BenchmarkEcho(b *testing.B) {
	n := New()
	x, y := pair(b, n.Host("10.0.0.1"), n.Host("10.0.0.2"), ":0")
	go io.Copy(y, y)
	msg := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		x.Write(msg)
		io.ReadFull(x, msg)
	}
}
