package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
)

// recorder writes keys of one type, all of one slot, and records what was acknowledged: each
// acknowledged command is carried out a second time, on keys of the same names in a slot
// of a shard whose master never dies. No one else writes the keys, so both slots hold the same
// whenever no command is under way.
type recorder struct {
	t            *testing.T
	r            *slotmesh.Router
	rnd          *rand.Rand
	tag, copyTag string
	keys         []string // the first is large
	form         writes
	unique       int
	acked, open  int  // writes acknowledged, and those of which nobody knew
	failed       bool // the keys are not the same any more: what follows says nothing new
}

// fail fails the test, once.
func (w *recorder) fail(format string, args ...any) {
	if !w.failed {
		w.failed = true
		w.t.Errorf(format, args...)
	}
}

// writes are the commands on keys of one type. In them K stands for a key, L for a small
// one, P for a part of about 300, V for a value that was not there before, N for a number
// from 0 to 99, T for a time to come.
type writes struct {
	kind     string
	fill     string // a command that adds a part
	commands string // several, by "; "
}

// writesByType are the writes to each type.
var writesByType = []writes{
	{"string", "APPEND K V", "SET L V; APPEND K V; APPEND K V; APPEND K V; SETRANGE K N V; GETEX K PXAT T"},
	{"hash", "HSET K P V", "HSET K P V; HSET K P V P V; HDEL K P; HINCRBY K n:P N; HPEXPIREAT K T FIELDS 1 P; " +
		"HPERSIST K FIELDS 1 P"},
	{"list", "RPUSH K V", "RPUSH K V V; LPUSH K V; LPOP K; RPOP K; LSET K N V; LINSERT K BEFORE P V; " +
		"LMOVE K L LEFT RIGHT"},
	{"set", "SADD K P", "SADD K P P; SADD K V; SREM K P; SMOVE K L P"},
	{"zset", "ZADD K N P", "ZADD K N P N V; ZADD K GT N P; ZINCRBY K N P; ZREM K P; ZPOPMIN K"},
}

// anyType are writes to keys of any type; they are rare.
const anyType = "DEL L; COPY K L REPLACE; RENAME L L; PEXPIREAT K T; PERSIST K"

// command makes a command of one of the templates.
func (w *recorder) command(templates string) []string {
	all := strings.Split(templates, "; ")
	words := strings.Fields(all[w.rnd.IntN(len(all))])
	key := w.keys[0]
	if w.rnd.IntN(4) > 0 {
		key = w.keys[w.rnd.IntN(len(w.keys))]
	}
	for i, word := range words {
		switch word {
		case "K":
			words[i] = "{tag}" + key
		case "L":
			words[i] = "{tag}" + w.keys[1+w.rnd.IntN(len(w.keys)-1)]
		case "P", "n:P":
			words[i] = strings.Replace(word, "P", fmt.Sprintf("part-%03d-of-all", w.rnd.IntN(300)), 1)
		case "V":
			w.unique++
			words[i] = fmt.Sprintf("value-%06d,", w.unique)
		case "N":
			words[i] = fmt.Sprint(w.rnd.IntN(100))
		case "T":
			words[i] = fmt.Sprint(time.Now().Add(time.Hour + time.Duration(w.rnd.IntN(1e6))*time.Second).UnixMilli())
		}
	}
	return words
}

// do runs a command on the keys of a tag until it has an outcome other than that the
// cluster does not serve. The reply is a text; of an error it is that.
func (w *recorder) do(ctx context.Context, tag string, words ...string) (reply string, err error) {
	args := make([]any, len(words))
	for i, word := range words {
		args[i] = strings.Replace(word, "{tag}", "{"+tag+"}", 1)
	}
	for {
		reply, err := w.r.Do(ctx, words[0], args[1:]...)
		var refused slotmesh.ReplyError
		switch {
		case errors.As(err, &refused):
			return err.Error(), nil
		case err == nil || ctx.Err() != nil || errors.Is(err, slotmesh.ErrAmbiguous):
			return text(reply), err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// record carries a command out that was acknowledged with reply.
func (w *recorder) record(reply string, words []string) {
	w.acked++
	if got, err := w.do(w.t.Context(), w.copyTag, words...); err != nil || got != reply {
		w.fail("%q was answered %q; after the commands acknowledged before it that is %q, %v", words, reply, got, err)
	}
}

// write sends a command to the master that may die.
func (w *recorder) write(words []string) {
	reply, err := w.do(slotmesh.WithSync(w.t.Context(), 1), w.tag, words...)
	if err == nil {
		w.record(reply, words)
		return
	}
	w.open++
	if w.difference() == "" {
		return // it has not been carried out
	}
	if _, err := w.do(w.t.Context(), w.copyTag, words...); err != nil {
		w.fail("%q: %v", words, err)
	}
	if diff := w.difference(); diff != "" {
		w.fail("after %q, which may have been carried out or not: %s", words, diff)
	}
}

// difference returns in which way the keys are not what acknowledged writes have made
// them, or "".
func (w *recorder) difference() string {
	for _, key := range w.keys {
		got, want := w.read(w.tag, key), w.read(w.copyTag, key)
		if got == want {
			continue
		}
		same := 0
		for same < min(len(got), len(want)) && got[same] == want[same] {
			same++
		}
		same = max(0, same-50)
		return fmt.Sprintf("key %s is\n…%.200s\nand not\n…%.200s", key, got[same:], want[same:])
	}
	return ""
}

// read returns all that a key holds.
func (w *recorder) read(tag, key string) string {
	key = "{" + tag + "}" + key
	do := func(command string, args ...any) any {
		for {
			reply, err := w.r.Do(w.t.Context(), command, append([]any{key}, args...)...)
			if err == nil || w.t.Context().Err() != nil {
				return reply
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	sorted := func(reply any) (all []any) {
		for _, v := range reply.([]any) {
			all = append(all, text(v))
		}
		slices.SortFunc(all, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		return all
	}
	var parts []any
	kind := text(do("TYPE"))
	switch kind {
	case "string":
		parts = []any{do("GET")}
	case "hash":
		fields := sorted(do("HKEYS"))
		expiry := append([]any{"FIELDS", len(fields)}, fields...)
		parts = []any{fields, do("HMGET", fields...), do("HPEXPIRETIME", expiry...)}
	case "list":
		parts = []any{do("LRANGE", 0, -1)}
	case "set":
		parts = sorted(do("SMEMBERS"))
	case "zset":
		parts = []any{do("ZRANGE", 0, -1, "WITHSCORES")}
	}
	return fmt.Sprintf("%s until %d: %s", kind, do("PEXPIRETIME"), text(parts))
}

// text returns a reply for a reader.
func text(reply any) string {
	switch reply := reply.(type) {
	case []byte:
		return string(reply)
	case []any:
		all := make([]string, len(reply))
		for i, v := range reply {
			all[i] = text(v)
		}
		return "[" + strings.Join(all, " ") + "]"
	}
	return fmt.Sprint(reply)
}

// fill makes the first key large.
func (w *recorder) fill() {
	keys := w.keys
	w.keys = keys[:1]
	for range 300 {
		w.write(w.command(w.form.fill))
	}
	w.keys = keys
}

// run writes until ctx ends.
func (w *recorder) run(ctx context.Context) {
	for ctx.Err() == nil && !w.failed {
		templates := w.form.commands
		if w.rnd.IntN(20) == 0 {
			templates = anyType
		}
		w.write(w.command(templates))
		time.Sleep(5 * time.Millisecond)
	}
}

// TestKilledMasterLosesNothingOfAnyType: masters die as in a power cut while keys of all
// types, small and large, are written with WithSync 1. What was acknowledged is there: at a
// replica that got it as Ops, and at one that got most of it in a sync before.
func TestKilledMasterLosesNothingOfAnyType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		c.Delay(time.Millisecond)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var wg sync.WaitGroup
		var all []*recorder
		each := 3 // recorders of each type
		if raceDetector {
			each = 1
		}
		for i, form := range writesByType {
			for j := range each {
				w := &recorder{t: t, r: c.Node(2).Router(), rnd: rand.New(rand.NewPCG(uint64(i), uint64(j))),
					tag: e2e.KeyOf(c.Node(0)), copyTag: e2e.KeyOf(c.Node(1)), form: form}
				for n := range 10 {
					w.keys = append(w.keys, fmt.Sprintf("%s:%d:%d", form.kind, j, n))
				}
				all = append(all, w)
				wg.Go(w.fill)
			}
		}
		wg.Wait()
		for _, w := range all {
			wg.Go(func() { w.run(ctx) })
		}
		for _, kill := range []struct{ master, successor int }{{0, 3}, {3, 0}} {
			time.Sleep(2 * time.Second)
			c.Drop(kill.master, kill.successor) // what is acknowledged without the replica is lost
			time.Sleep(100 * time.Millisecond)
			c.Kill(kill.master)
			e2e.Await(t, c, kill.successor, e2e.Leads)
			c.Heal()
			c.Restart(kill.master)
			c.WaitStable()
			e2e.WaitSynced(t, c)
		}
		stop()
		wg.Wait()
		acked, open := 0, 0
		for _, w := range all {
			if diff := w.difference(); diff != "" {
				w.fail("in the end %s", diff)
			}
			if large := w.read(w.tag, w.keys[0]); len(large) < 3000 {
				w.fail("key %s is too small for this test: %s", w.keys[0], large)
			}
			acked, open = acked+w.acked, open+w.open
		}
		t.Logf("%d writes acknowledged, %d unknown", acked, open)
		if acked < 500*len(all) || open < len(all) {
			t.Errorf("only %d writes were acknowledged, and %d interrupted", acked, open)
		}
	})
}
