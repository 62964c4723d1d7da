package follower

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/memnet"
)

const (
	masterAddr = "10.0.0.1:6379"
	testID     = "0123456789abcdef0123456789abcdef01234567"
)

// script is a master that answers each link with the next text, and closes it behind that
// if the text says so.
type script struct {
	t     *testing.T
	links []string
	mu    sync.Mutex // guards heard
	heard []string   // words that replicas sent
}

const hangsUp = "\x00"

func (s *script) serve(n *memnet.Network) {
	ln, err := n.Host("10.0.0.1").Listen(masterAddr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { ln.Close() })
	go func() {
		for _, text := range s.links {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.t.Cleanup(func() { conn.Close() })
			go s.listen(conn)
			text, closes := strings.CutSuffix(text, hangsUp)
			io.WriteString(conn, "+PONG\r\n+OK\r\n"+text)
			if closes {
				<-time.After(time.Second / 2)
				conn.Close()
			}
		}
	}()
}

func (s *script) listen(conn net.Conn) {
	for in := bufio.NewScanner(conn); in.Scan(); {
		if word := in.Text(); word != "" && !strings.ContainsAny(word[:1], "*$") {
			s.mu.Lock()
			s.heard = append(s.heard, word)
			s.mu.Unlock()
		}
	}
}

func (s *script) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.heard, " ")
}

// record is a Target that notes what it gets.
type record struct {
	lines []string
	fail  error
}

func (r *record) Load(_ context.Context, file io.Reader, size int64, at follow.Position) error {
	b, err := io.ReadAll(file)
	r.lines = append(r.lines, fmt.Sprintf("load %q %d at %d: %v", b, size, at.Offset, err))
	return err
}

func (r *record) Apply(_ context.Context, groups []follow.Group) error {
	for _, g := range groups {
		for _, c := range g.Commands {
			r.lines = append(r.lines, fmt.Sprintf("%d %s", g.End, c.Args[0]))
		}
	}
	return r.fail
}

// run follows a script until fake time d has passed, or Run ends.
func run(t *testing.T, s *script, d time.Duration, target *record, cfg Config) (Status, error) {
	network := memnet.New()
	s.serve(network)
	cfg.Dial = func(ctx context.Context) (net.Conn, error) { return network.Host("10.0.0.9").Dial(ctx, masterAddr) }
	cfg.Target = target
	cfg.Link = func() follow.Config { return follow.Config{} }
	f := New(cfg, follow.Position{})
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	err := f.Run(ctx)
	return f.Status(), err
}

const (
	ping = "*1\r\n$4\r\nPING\r\n"
	incr = "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"
)

// The first link is lost in the middle of the snapshot, the second in the stream, the third
// goes on where that ended.
func TestFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, links: []string{
			"+FULLRESYNC " + testID + " 50\r\n$9\r\nREDIS" + hangsUp,
			"+FULLRESYNC " + testID + " 100\r\n$9\r\nREDIS0010" + ping + incr + incr[:9] + hangsUp,
			"+CONTINUE\r\n" + incr + "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n" + ping,
		}}
		target := &record{}
		status, err := run(t, s, 10*time.Second, target, Config{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		want := `load "REDIS" 9 at 50: the link was lost in the middle of a snapshot; load "REDIS0010" 9 at 100: <nil>; ` +
			`135 INCR; 156 INCR`
		if got := strings.Join(target.lines, "; "); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		if status.Full != 2 || status.Partial != 1 || status.Applied != 156+37+14 || status.State != Connected {
			t.Errorf("%+v", status)
		}
		said := s.said()
		for _, want := range []string{"PSYNC ? -1", "REPLCONF ACK 100", "PSYNC " + testID + " 136", "REPLCONF ACK 156",
			"REPLCONF ACK 207"} {
			if !strings.Contains(said, want) {
				t.Errorf("the master has not heard %q in\n%s", want, said)
			}
		}
	})
}

func TestFollowerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("full")
		links := []string{"+FULLRESYNC " + testID + " 100\r\n$0\r\n" + incr}
		if _, err := run(t, &script{t: t, links: links}, time.Minute, &record{fail: failure}, Config{}); err != failure {
			t.Errorf("a target that fails: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// What may be granted later is asked for again, what will not be ends it.
		links := []string{"-LOADING\r\n", "-ERR no\r\n", "-ERR no\r\n", "-ERR no\r\n"}
		_, err := run(t, &script{t: t, links: links}, time.Minute, &record{}, Config{})
		var refused *follow.RefusedError
		if !errors.As(err, &refused) || refused.Text != "ERR no" {
			t.Errorf("a master that refuses: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		status, err := run(t, &script{t: t, links: []string{"", ""}}, 90*time.Second, &record{}, Config{})
		if !errors.Is(err, context.DeadlineExceeded) || status.State != Connecting || status.Err == nil {
			t.Errorf("a master that is silent: %v, %+v", err, status)
		}
	})
}
