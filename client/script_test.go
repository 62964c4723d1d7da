package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// TestEvalSendsTheSourceOnce: EVALSHA goes first, EVAL with the source after NOSCRIPT and
// after no other error. Nobody runs a script twice of which nobody knows whether it ran.
func TestEvalSendsTheSourceOnce(t *testing.T) {
	const source = "return KEYS[1]"
	s := client.NewScript(source)
	if s.Hash() != "4a2267357833227dd98abdedb8cf24b15a986445" || s.Source() != source {
		t.Errorf("%s of %q", s.Hash(), s.Source())
	}
	bySHA := []string{"EVALSHA", s.Hash(), "1", "key", "7"}
	bySource := []string{"EVAL", source, "1", "key", "7"}
	lost := fmt.Errorf("%w: broken", client.ErrLost)
	other := client.ReplyError("ERR of the script")
	for _, c := range []struct {
		outcomes []error
		sent     [][]string
		err      error
	}{
		{nil, [][]string{bySHA}, nil},
		{[]error{client.ReplyError("NOSCRIPT No matching script. Please use EVAL.")}, [][]string{bySHA, bySource}, nil},
		{[]error{other}, [][]string{bySHA}, other},
		{[]error{lost}, [][]string{bySHA}, client.ErrAmbiguous},
	} {
		f := &fakeTransport{outcomes: c.outcomes}
		_, err := client.NewRouter(f, nil).Eval(t.Context(), s, []string{"key"}, 7)
		if !errors.Is(err, c.err) {
			t.Errorf("%v: %v", c.outcomes, err)
		}
		var sent [][]string
		for _, try := range f.tries {
			var line []string
			for _, word := range try.Args {
				line = append(line, string(word))
			}
			sent = append(sent, line)
		}
		if !slices.EqualFunc(sent, c.sent, slices.Equal[[]string]) {
			t.Errorf("%v: sent %q", c.outcomes, sent)
		}
	}
}

// TestClientKnowsCountedKeys: a Client sends commands that say how many keys they have, as
// scripts do, to the owner of their slot at once.
func TestClientKnowsCountedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		dialled, err := client.Dial(t.Context(), client.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork()})
		if err != nil {
			t.Fatal(err)
		}
		defer dialled.Close()
		s := client.NewScript("return redis.call('incrby', KEYS[2], ARGV[1])")
		for tag := range 20 {
			keys := []string{fmt.Sprintf("{%d}a", tag), fmt.Sprintf("{%d}b", tag)}
			for want := range int64(2) {
				if got, err := dialled.Eval(t.Context(), s, keys, 1); err != nil || got != want+1 {
					t.Errorf("%v: %v, %v", keys, got, err)
				}
			}
		}
		if _, err := dialled.Eval(t.Context(), s, []string{"{1}", "{2}"}, 1); !errors.Is(err, slots.ErrCrossSlot) {
			t.Errorf("keys of two slots: %v", err)
		}
		for _, addr := range c.Addrs() {
			conn, err := c.Dial(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			info, err := resp.NewConn(conn).Do("INFO", "errorstats")
			if err != nil || !strings.Contains(info.Text(), "# Errorstats") || strings.Contains(info.Text(), "MOVED") {
				t.Errorf("%s redirected: %s, %v", addr, info.Text(), err)
			}
		}
		var reply client.ReplyError
		if _, err := dialled.EvalRO(t.Context(), s, []string{"a", "{a}"}, 1); !errors.As(err, &reply) {
			t.Errorf("a write by EvalRO: %v", err)
		}
	})
}
