package slotmesh_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// eventTypes are all types of events.
var eventTypes = []slotmesh.Event{
	slotmesh.MapChanged{}, slotmesh.EventsMissed{}, slotmesh.Forming{}, slotmesh.Founded{},
	gossip.NodeAdded{}, gossip.NodeRemoved{}, gossip.HealthChanged{}, gossip.AddrChanged{}, gossip.Met{},
	gossip.MeetFailed{}, gossip.Expelled{}, gossip.StateChanged{}, gossip.SlotsChanged{}, gossip.RoleChanged{},
	gossip.EpochChanged{}, gossip.ElectionStarted{}, gossip.ElectionLost{}, gossip.HandOverAsked{},
	gossip.WritesPaused{}, gossip.WritesResumed{}, gossip.FailoverAborted{}, gossip.Fenced{}, gossip.Warning{},
	gossip.ElectorateChanged{},
	replication.SyncStarted{}, replication.SyncProgress{}, replication.Synced{}, replication.LinkLost{},
	replication.ReplicaJoined{}, replication.ReplicaLeft{}, replication.Saved{},
	replication.LogRewritten{}, replication.LogFailed{}, replication.LogRecovered{},
	migrate.Status{}, slotmesh.Leaving{}, slotmesh.BalancePlanned{}, slotmesh.BalanceOrdered{},
	slotmesh.BalancePauseChanged{},
}

// The types that have a name of an event, those of the list, and those that the
// documentation of Event names are the same; each has a name of its own.
func TestEventTypes(t *testing.T) {
	listed := make(map[string]bool)
	names := make(map[string]string)
	valid := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, e := range eventTypes {
		typ, name := fmt.Sprintf("%T", e), e.EventName()
		if names[name] != "" || !valid.MatchString(name) {
			t.Errorf("%s has the name %q, and so has %q", typ, name, names[name])
		}
		listed[typ], names[name] = true, typ
	}
	same := func(what string, got map[string]bool) {
		t.Helper()
		for _, typ := range slices.Sorted(maps.Keys(listed)) {
			if !got[typ] {
				t.Errorf("%s is not %s", typ, what)
			}
		}
		for _, typ := range slices.Sorted(maps.Keys(got)) {
			if !listed[typ] {
				t.Errorf("%s is %s, but this test does not list it", typ, what)
			}
		}
	}
	same("a type with a method EventName", typesWith(t, "EventName"))
	source, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, _ := strings.Cut(string(source), "// Event is something that happened")
	doc, _, _ = strings.Cut(doc, "\ntype Event ")
	documented := make(map[string]bool)
	for _, m := range regexp.MustCompile(`\[(\w+\.)?(\w+)\]`).FindAllStringSubmatch(doc, -1) {
		if m[1] == "" {
			m[1] = "slotmesh."
		}
		documented[m[1]+m[2]] = true
	}
	same("named by the documentation of Event", documented)
}

// typesWith returns the types of this module that have a method of that name, as %T
// writes them.
func typesWith(t *testing.T, method string) map[string]bool {
	types := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." {
				return fs.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv != nil && fn.Name.Name == method {
				types[fmt.Sprint(file.Name, ".", fn.Recv.List[0].Type)] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

// lone returns a node that is not started, alone on a network in memory.
func lone(t *testing.T, cfg slotmesh.Config) *slotmesh.Node {
	t.Helper()
	cfg.Network = memnet.New().Host("10.0.0.1")
	n, err := slotmesh.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// told is what a loop has seen, as text.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (l *told) add(e slotmesh.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := e.EventName()
	switch e := e.(type) {
	case slotmesh.MapChanged:
		line += fmt.Sprintf(" %d %v %v", e.Map.Version(), e.Map.State(), e.Map.Self().Slots)
	case slotmesh.EventsMissed:
		line += fmt.Sprintf(" %d", e.Count)
	case gossip.StateChanged:
		line += fmt.Sprintf(" %v", e.Now)
	}
	l.lines = append(l.lines, line)
}

func (l *told) want(t *testing.T, what string, lines ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.lines, lines) {
		t.Errorf("%s: %q, want %q", what, l.lines, lines)
	}
}

// A loop that is asked for before Start sees everything in order, from the first map to
// what happens before Close; maps that it has not come to are passed over for the latest.
func TestEventsFromStartToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, slow, late, old told
		n := lone(t, slotmesh.Config{OnEvent: old.add})
		var loops sync.WaitGroup
		watch := func(to *told, pause time.Duration) {
			events := n.Events(t.Context())
			loops.Go(func() {
				for e := range events {
					to.add(e)
					time.Sleep(pause)
				}
			})
		}
		watch(&first, 0)
		watch(&slow, time.Hour)
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := n.AddSlots(t.Context(), slots.Full()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		watch(&late, 0)
		synctest.Wait()
		if err := n.FlushSlots(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v: it waited for a loop", took)
		}
		loops.Wait()
		if took := time.Since(began); took < 5*time.Hour {
			t.Errorf("the slow loop ended %v after Close", took)
		}
		const map1, map2, map3 = "map-changed 1 fail <nil>", "map-changed 2 ok 0-16383", "map-changed 3 fail <nil>"
		all := []string{map1, map2, "slots-changed", "state-changed ok", map3, "slots-changed", "state-changed fail"}
		first.want(t, "begun before Start", all...)
		old.want(t, "OnEvent", all...)
		slow.want(t, "slow", map1, map3, "slots-changed", "state-changed ok", "slots-changed", "state-changed fail")
		late.want(t, "begun late", map2, map3, "slots-changed", "state-changed fail")
	})
}

// A loop that hangs misses what is beyond its queue, and is told how much; another one
// misses nothing.
func TestEventsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := lone(t, slotmesh.Config{})
		var quick, slow told
		release := make(chan struct{})
		var loops sync.WaitGroup
		for _, l := range []*told{&quick, &slow} {
			events := n.Events(t.Context())
			loops.Go(func() {
				for e := range events {
					if l.add(e); l == &slow {
						<-release
					}
				}
			})
		}
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		const rounds = 400 // of four events: twice, the slots and the state change
		for range rounds {
			if err := n.AddSlots(t.Context(), slots.Full()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := n.FlushSlots(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		close(release)
		n.Close()
		loops.Wait()
		if len(quick.lines) != 1+2*rounds+4*rounds {
			t.Errorf("the quick loop has seen %d events", len(quick.lines))
		}
		if len(slow.lines) != 1+1024+1 {
			t.Errorf("the slow loop has seen %d events", len(slow.lines))
		}
		last := fmt.Sprint("map-changed ", 1+2*rounds, " fail <nil>")
		if slow.lines[0] != "map-changed 1 fail <nil>" || slow.lines[1] != last {
			t.Errorf("the slow loop begins with %q", slow.lines[:2])
		}
		if got, want := slow.lines[1+1024], fmt.Sprint("events-missed ", 4*rounds-1023); got != want {
			t.Errorf("the slow loop ends with %q, want %q", got, want)
		}
	})
}

// The end of ctx, break, and Close in a loop's body end a loop.
func TestEventsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := lone(t, slotmesh.Config{})
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.AddSlots(t.Context(), slots.Full()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var inside, left, idle, closing told
		for e := range n.Events(t.Context()) {
			left.add(e)
			break
		}
		var loops sync.WaitGroup
		loops.Go(func() {
			for e := range n.Events(ctx) {
				idle.add(e)
			}
		})
		synctest.Wait()
		for e := range n.Events(ctx) {
			inside.add(e)
			cancel()
		}
		loops.Wait()
		for e := range n.Events(t.Context()) {
			if closing.add(e); len(closing.lines) == 1 {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		for what, l := range map[string]*told{"inside": &inside, "left": &left, "idle": &idle, "closing": &closing} {
			l.want(t, what, "map-changed 2 ok 0-16383")
		}
	})
}
