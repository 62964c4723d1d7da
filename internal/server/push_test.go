package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pushed returns a session in push mode whose commands the test carries out itself, and its
// client's end.
func pushed(t *testing.T) (*session, net.Conn) {
	t.Helper()
	srv := startServer(t, Config{Limits: Limits{MaxOutput: 32 << 20}})
	client, conn := net.Pipe()
	s := newSession(srv, conn, srv.limits.Load())
	s.startPushing()
	s.flush()
	t.Cleanup(func() {
		conn.Close()
		s.output.end()
	})
	return s, client
}

// TestPushesFollowReplies: what is pushed while a batch of commands is carried out comes
// after its replies, and before those of the next.
func TestPushesFollowReplies(t *testing.T) {
	const want = "reply 1\nreply 2\npush 1\npush 2\npush 3\nown\nreply 3\n"
	s, client := pushed(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(client, got); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	}()
	s.cork()
	s.Out.B = append(s.Out.B, "reply 1\n"...)
	s.push([]byte("push 1\n"))
	s.Out.B = append(s.Out.B, "reply 2\n"...)
	s.push([]byte("push 2\n"))
	s.flush()
	s.push([]byte("push 3\n"))
	s.cork()
	s.pushSelf([]byte("own\n"))
	s.Out.B = append(s.Out.B, "reply 3\n"...)
	s.flush()
	s.stopPushing()
	s.push([]byte("lost\n"))
	<-done
}

// TestPushesFromManyGoroutines: each goroutine's pushes stay in their order.
func TestPushesFromManyGoroutines(t *testing.T) {
	const goroutines, each = 8, 500
	s, client := pushed(t)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				s.push(fmt.Appendf(nil, "%d %d\n", g, i))
			}
		})
	}
	var next [goroutines]int
	lines := bufio.NewScanner(client)
	for range goroutines * each {
		lines.Scan()
		var g, i int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &g, &i); err != nil || i != next[g] {
			t.Fatalf("got %q, want number %d (%v)", lines.Text(), next[g], err)
		}
		next[g]++
	}
	wg.Wait()
}

// TestPushedTooMuch: a client that does not read is closed, and nothing waits for it.
func TestPushedTooMuch(t *testing.T) {
	s, client := pushed(t)
	b := []byte(strings.Repeat("x", 1<<20))
	limit := s.srv.Limits().MaxOutput
	for range limit/len(b) + 1 {
		s.push(b)
	}
	s.output.drained()
	client.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := io.Copy(io.Discard, client); err != nil || n > int64(limit) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestCloseEndsPushMode: nothing of a session is left when the server has been closed.
func TestCloseEndsPushMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, Config{})
		client, conn := net.Pipe()
		s := srv.open(conn)
		s.startPushing()
		go s.run()
		s.push([]byte("a"))
		synctest.Wait()
		client.Close()
		srv.Close()
	})
}
