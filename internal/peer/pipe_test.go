package peer

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
)

// lineServer answers each "*1 $4 PING"-like command by reply(its first word).
func lineServer(t *testing.T, reply func(word string) string) *Pipe {
	t.Helper()
	near, far := net.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		in := bufio.NewReader(far)
		var out []string
		flush := func() bool {
			for _, s := range out {
				if _, err := io.WriteString(far, s); err != nil {
					return false
				}
			}
			out = nil
			return true
		}
		for {
			head, err := in.ReadString('\n')
			if err != nil {
				return
			}
			n := 0
			fmt.Sscanf(head, "*%d", &n)
			first := ""
			for i := range n {
				in.ReadString('\n')
				word, _ := in.ReadString('\n')
				if i == 0 {
					first = strings.TrimSpace(word)
				}
			}
			out = append(out, reply(first))
			if in.Buffered() == 0 && !flush() {
				return
			}
		}
	})
	p := NewPipe(near, 4*time.Second)
	t.Cleanup(func() { p.Close(); far.Close(); wg.Wait() })
	return p
}

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := lineServer(t, func(word string) string {
			switch word {
			case "ASKING":
				return "+asked\r\n"
			case "PUSHY":
				return ">1\r\n+x\r\n+mine\r\n"
			}
			return "+" + word + "\r\n"
		})
		var wg sync.WaitGroup
		for i := range 500 {
			wg.Go(func() {
				r := req(fmt.Sprint("c", i))
				r.Asking = i%3 == 0
				if i == 7 {
					r = req("PUSHY")
				}
				want := string(r.Args[0])
				if want == "PUSHY" {
					want = "mine"
				}
				if got, err := p.Call(t.Context(), r); err != nil || got.Text() != want {
					t.Errorf("%q, %v; want %q", got.Text(), err, want)
				}
			})
		}
		wg.Wait()
	})
}

// Who gives up does not spoil the replies of the others.
func TestPipeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := lineServer(t, func(word string) string {
			time.Sleep(time.Second)
			return "+" + word + "\r\n"
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.Call(ctx, req("a")); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrLost) {
				t.Errorf("%v", err)
			}
		})
		synctest.Wait()
		if got, err := p.Call(t.Context(), req("b")); err != nil || got.Text() != "b" {
			t.Errorf("%q, %v", got.Text(), err)
		}
		wg.Wait()
	})
}

func TestPipeSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		p := lineServer(t, func(string) string { <-block; return "+x\r\n" })
		begin := time.Now()
		_, err := p.Call(t.Context(), req("a"))
		if took := time.Since(begin); !errors.Is(err, ErrLost) || took > 8*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		if _, err := p.Call(t.Context(), req("a")); !errors.Is(err, ErrNotSent) {
			t.Errorf("on an ended connection: %v", err)
		}
		close(block)
	})
}
