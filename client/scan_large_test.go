package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// scriptedTransport is two nodes, of which the first owns slot 5 only; it is leaving for
// the second while leaving says so.
type scriptedTransport struct {
	Transport
	keys    [2][]string
	leaving func() bool
	before  func(node int) // before a node's keys are told
	longest int            // keys in one answer
}

func (r *scriptedTransport) endpoint(i int) Endpoint {
	return Endpoint{Addr: slots.Addr{Host: "h", Port: uint16(i + 1)}}
}

func (r *scriptedTransport) Owner(slot slots.Slot) (Endpoint, bool) { return r.endpoint(0), slot == 5 }
func (r *scriptedTransport) Refresh(context.Context) error          { return nil }
func (r *scriptedTransport) Done() <-chan struct{}                  { return nil }
func (r *scriptedTransport) Changed() <-chan struct{}               { return nil }

func (r *scriptedTransport) Send(_ context.Context, to Endpoint, req *Request) (Reply, error) {
	reply, err := r.answer(to, req)
	return Reply{reply}, err
}

func (r *scriptedTransport) answer(to Endpoint, req *Request) (resp.Reply, error) {
	node := int(to.Addr.Port) - 1
	text := func(s string) resp.Reply { return resp.Reply{Kind: resp.Bulk, Str: []byte(s)} }
	array := func(keys []string) resp.Reply {
		reply := resp.Reply{Kind: resp.Array}
		for _, key := range keys {
			reply.Elems = append(reply.Elems, text(key))
		}
		r.longest = max(r.longest, len(keys))
		return reply
	}
	switch command := string(req.Args[0]); {
	case command == "SCAN":
		from, _ := strconv.Atoi(string(req.Args[1]))
		if from == 0 {
			r.before(node)
		}
		to := min(from+512, len(r.keys[node]))
		next := to
		if to == len(r.keys[node]) {
			next = 0
		}
		return resp.Reply{Kind: resp.Array, Elems: []resp.Reply{text(strconv.Itoa(next)), array(r.keys[node][from:to])}}, nil
	case string(req.Args[1]) == "NODES":
		a, b, open := strings.Repeat("a", 40), strings.Repeat("b", 40), ""
		if r.leaving() {
			open = " [5->-" + b + "]"
		}
		return text(a + " h:1@1 myself,master - 0 0 1 connected 5" + open + "\n" + b + " h:2@2 master - 0 0 2 connected\n"),
			nil
	default:
		r.before(node)
		most, _ := strconv.Atoi(string(req.Args[3]))
		return array(r.keys[node][:min(most, len(r.keys[node]))]), nil
	}
}

// keysOfSlot returns n keys of slot 5.
func keysOfSlot(n int) (keys []string) {
	tag := 0
	for slots.OfString(fmt.Sprintf("{%d}", tag)) != 5 {
		tag++
	}
	for i := range n {
		keys = append(keys, fmt.Sprintf("{%d}%d", tag, i))
	}
	return keys
}

func (r *scriptedTransport) scan(t *testing.T) map[string]int {
	seen := make(map[string]int)
	for key, err := range NewRouter(r, nil).Scan(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		seen[key]++
	}
	return seen
}

// A slot with very many keys comes in many answers, each key once.
func TestScanOfALargeSlot(t *testing.T) {
	for _, n := range []int{maxInSlot, 100_000} {
		all := keysOfSlot(n)
		r := &scriptedTransport{keys: [2][]string{all[:n/3], all[n/3:]}, leaving: func() bool { return true },
			before: func(int) {}}
		for key, times := range r.scan(t) {
			if times != 1 {
				t.Errorf("%s came %d times", key, times)
			}
			n--
		}
		if n != 0 {
			t.Errorf("%d keys are missing", n)
		}
		if r.longest > maxInSlot+1 {
			t.Errorf("an answer had %d keys", r.longest)
		}
	}
}

// A move that is called off while its target is asked takes keys home behind the scan's
// back.
func TestScanWhenAMoveIsCalledOff(t *testing.T) {
	all := keysOfSlot(2)
	called := false
	r := &scriptedTransport{keys: [2][]string{all[:1], all[1:]}, leaving: func() bool { return !called }}
	r.before = func(node int) {
		if node == 1 && !called {
			called = true
			r.keys = [2][]string{all, nil}
		}
	}
	if seen := r.scan(t); seen[all[1]] == 0 {
		t.Errorf("only %v", seen)
	}
}
