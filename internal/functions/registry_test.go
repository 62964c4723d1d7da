package functions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/scripting"
)

// words is an engine whose libraries register the words of their text.
type words struct{ loads atomic.Int64 }

func (e *words) Name() string { return "LUA" }

func (e *words) Compile([]byte) (scripting.Program, error) { return nil, errors.New("no scripts") }

func (e *words) Load(code []byte, host scripting.Host) (scripting.Library, error) {
	e.loads.Add(1)
	var l library
	for _, word := range strings.Fields(string(code)) {
		switch word {
		case "fail":
			return nil, errors.New("Error registering functions: failed")
		case "hang":
			for host.Stop() == nil {
				time.Sleep(time.Millisecond)
			}
			return nil, host.Stop()
		}
		l = append(l, scripting.Function{Name: word})
	}
	return l, nil
}

type library []scripting.Function

func (l library) Functions() []scripting.Function       { return l }
func (l library) Run(function string, r *scripting.Run) { r.Reply = append(r.Reply, function...) }
func (l library) Bytes() int                            { return len(l) }

func newRegistry(t *testing.T, store Store) (*Registry, *words) {
	t.Helper()
	e := new(words)
	return New(Config{Engine: e, Store: store, Life: t.Context(), Logger: hclog.NewNullLogger()}), e
}

func at(change func() error) error { return change() }

// show tells what a registry has: "a: f g, b: h".
func show(r *Registry) string {
	var list []string
	for _, l := range r.Set().Libraries() {
		text := l.Name + ":"
		for _, f := range l.Functions() {
			text += " " + f.Name
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func code(name, functions string) []byte { return []byte("#!lua name=" + name + "\n" + functions) }

func payload(sources ...[]byte) []byte {
	libraries := make(map[string]*Library)
	for i, source := range sources {
		name := fmt.Sprint(i) // in this order
		libraries[name] = &Library{Name: name, Source: source}
	}
	return newSet(0, libraries).Dump(nil)
}

// Each step is an error reply of redis-server 7.0.15, or what there is afterwards.
func TestChanges(t *testing.T) {
	r, _ := newRegistry(t, nil)
	type step = func() error
	load := func(source []byte, replace bool) step {
		return func() error {
			_, err := r.Load(source, replace, at)
			return err
		}
	}
	restore := func(policy Policy, sources ...[]byte) step {
		return func() error { return r.Restore(payload(sources...), policy, at) }
	}
	remove := func(name string) step { return func() error { return r.Delete(name, at) } }
	flush := func() error { return r.Flush(at) }
	for _, step := range []struct {
		do   step
		want string
	}{
		{load([]byte("return 1"), false), "ERR Missing library metadata"},
		{load([]byte("#!lua name=a"), false), "ERR Invalid library metadata"},
		{load([]byte("#!lua name=\"a\nf"), false), "ERR Invalid library metadata"},
		{load([]byte("#!lua na\x00me=a\nf"), false), "ERR Invalid library metadata"},
		{load([]byte("#!lua\nf"), false), "ERR Library name was not given"},
		{load([]byte("#!lua name=a NAME=b\nf"), false), "ERR Invalid metadata value, name argument was given multiple times"},
		{load([]byte("#!lua foo=1\nf"), false), "ERR Invalid metadata value given: foo=1"},
		{load([]byte("#!lua n\nf"), false), "ERR Invalid metadata value given: n"},
		{load(code("", "f"), false), string(errBadName)},
		{load(code("a-b", "f"), false), string(errBadName)},
		{load(code("ä", "f"), false), string(errBadName)},
		{load([]byte("#! name=a\nf"), false), "ERR Engine '' not found"},
		{load([]byte("#!js name=a\nf"), false), "ERR Engine 'js' not found"},
		{load(code("a", ""), false), "ERR No functions registered"},
		{load(code("a", "fail"), false), "ERR Error registering functions: failed"},
		{load([]byte("#!LUA \"name=a\"\nf g"), false), "a: f g"},
		{load(code("a", "h"), false), "ERR Library 'a' already exists"},
		{load([]byte("#!js name=a\nh"), false), "ERR Engine 'js' not found"},
		{load(code("b", "F"), false), "ERR Function F already exists"},
		{load(code("b", "h"), true), "a: f g, b: h"},
		{load(code("a", "h"), true), "ERR Function h already exists"},
		{load(code("a", "g k"), true), "a: g k, b: h"},
		{remove("c"), "ERR Library not found"},
		{func() error { return r.Restore(nil, Append, at) }, "ERR DUMP payload version or checksum are wrong"},
		{restore(Append), "a: g k, b: h"},
		{restore(Append, code("c", "x"), code("b", "y")), "ERR Library b already exists"},
		{restore(Append, code("c", "x"), code("c", "y")), "ERR Library 'c' already exists"},
		{restore(Append, code("c", "x"), code("d", "X")), "ERR Function X already exists"},
		{restore(Replace, code("c", "h")), "ERR Function h already exists"},
		{restore(Flush, []byte("foo")), "ERR Missing library metadata"},
		{restore(Replace, code("c", "h"), code("b", "y")), "a: g k, b: y, c: h"},
		{remove("a"), "b: y, c: h"},
		{restore(Flush, code("d", "y")), "d: y"},
		{restore(Append, code("e", "e")), "d: y, e: e"},
		{flush, ""},
		{flush, ""},
	} {
		got := ""
		if err := step.do(); err != nil {
			got = err.Error()
		} else {
			got = show(r)
		}
		if got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
}

// A refused change changes nothing, and a payload comes as a whole.
func TestChangesOneByOne(t *testing.T) {
	r, _ := newRegistry(t, nil)
	if name, err := r.Load(code("a", "f g"), false, at); name != "a" || err != nil {
		t.Fatal(name, err)
	}
	refused := errors.New("READONLY")
	if err := r.Flush(func(func() error) error { return refused }); err != refused || show(r) != "a: f g" {
		t.Errorf("%v, %s", err, show(r))
	}
	if err := r.Restore(payload(code("b", "h"), code("a", "i")), Append, at); err == nil || show(r) != "a: f g" {
		t.Errorf("%v, %s", err, show(r))
	}
	if err := r.Restore(payload(code("b", "f"), code("a", "i")), Replace, at); err != nil || show(r) != "a: i, b: f" {
		t.Errorf("%v, %s", err, show(r))
	}
	other, _ := newRegistry(t, nil)
	if err := other.Restore(r.Set().Dump(nil), Append, at); err != nil || show(other) != show(r) {
		t.Errorf("%v, %s", err, show(other))
	}
	var run scripting.Run
	f := r.Set().Find([]byte("F"))
	if f == nil || f.Name != "f" {
		t.Fatalf("%+v", f)
	}
	if f.Run(&run); string(run.Reply) != "f" {
		t.Errorf("%q", run.Reply)
	}
}

// What comes with the stream of a master is loaded once, when it is asked for; what cannot
// be loaded stays in the store.
func TestSourcesFromElsewhere(t *testing.T) {
	store := new(memory)
	r, engine := newRegistry(t, store)
	put := func(changes map[string][]byte) {
		if ok, err := store.Update(store.Version(), changes); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	put(map[string][]byte{"a": code("a", "f"), "b": code("b", "fail"), "c": []byte("nonsense")})
	if got := show(r); got != "a: f, b:, c:" {
		t.Errorf("%s", got)
	}
	put(map[string][]byte{"d": code("d", "g")})
	loads := engine.loads.Load()
	if got := show(r); got != "a: f, b:, c:, d: g" || engine.loads.Load() != loads+1 {
		t.Errorf("%s after %d loads", got, engine.loads.Load()-loads)
	}
	if _, err := r.Load(code("e", "h"), false, at); err != nil {
		t.Fatal(err)
	}
	if got := show(r); got != "a: f, b:, c:, d: g, e: h" || engine.loads.Load() != loads+2 {
		t.Errorf("%s after %d loads", got, engine.loads.Load()-loads)
	}
	none := New(Config{Store: store, Life: t.Context(), Logger: hclog.NewNullLogger()})
	if got := show(none); got != "a:, b:, c:, d:, e:" {
		t.Errorf("without an engine: %s", got)
	}
	if !bytes.Equal(none.Set().Dump(nil), r.Set().Dump(nil)) {
		t.Error("a node without an engine dumps something else")
	}
	if _, err := none.Load(code("f", "x"), false, at); err != ErrNoEngine {
		t.Errorf("without an engine: %v", err)
	}
	if err := none.Restore(payload(code("f", "x")), Append, at); err != ErrNoEngine {
		t.Errorf("without an engine: %v", err)
	}
	if err := none.Delete("b", at); err != nil || show(r) != "a: f, c:, d: g, e: h" {
		t.Errorf("%v, %s", err, show(r))
	}
}

// A change that meets another one is worked out again.
func TestChangesAtTheSameTime(t *testing.T) {
	r, _ := newRegistry(t, nil)
	const each, clients = 10, 8
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for j := range each {
				name := fmt.Sprintf("l%d_%d", i, j)
				if _, err := r.Load(code(name, "f"+name), false, at); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if libraries, functions := r.Set().Count(); libraries != each*clients || functions != each*clients {
		t.Errorf("%d libraries with %d functions", libraries, functions)
	}
	interrupted := false
	_, err := r.Load(code("mine", "shared"), false, func(change func() error) error {
		if !interrupted {
			interrupted = true
			if _, err := r.Load(code("other", "shared"), false, at); err != nil {
				t.Error(err)
			}
		}
		return change()
	})
	if err == nil || err.Error() != "ERR Function shared already exists" {
		t.Errorf("%v", err)
	}
}

func TestLoadingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(memory)
		r, _ := newRegistry(t, store)
		began := time.Now()
		_, err := r.Load(code("a", "hang"), false, at)
		took := time.Since(began).Round(10 * time.Millisecond)
		if err == nil || err.Error() != "ERR FUNCTION LOAD timeout" || took != loadLimit {
			t.Errorf("%v after %v", err, took)
		}
		stored := map[string][]byte{"a": code("a", "hang"), "b": code("b", "f")}
		if _, err := store.Update(store.Version(), stored); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if got := show(r); got != "a:, b: f" || time.Since(began).Round(10*time.Millisecond) != storedLimit {
			t.Errorf("%s after %v", got, time.Since(began))
		}
		began = time.Now()
		if got := show(r); got != "a:, b: f" || time.Since(began) != 0 {
			t.Errorf("the second time %s after %v", got, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.cfg.Life = ctx
		time.AfterFunc(time.Millisecond, cancel)
		began = time.Now()
		if _, err := r.Load(code("c", "hang"), false, at); err == nil || time.Since(began) > 2*time.Millisecond {
			t.Errorf("%v %v after the node's end", err, time.Since(began))
		}
	})
}

func TestCounts(t *testing.T) {
	r, _ := newRegistry(t, nil)
	if _, err := r.Load(code("a", "f g"), false, at); err != nil {
		t.Fatal(err)
	}
	libraries, functions := r.Set().Count()
	if bytes := r.Set().Bytes(); libraries != 1 || functions != 2 || bytes < int64(len(code("a", "f g"))) {
		t.Errorf("%d libraries, %d functions, %d bytes", libraries, functions, bytes)
	}
	names := []string{}
	for _, f := range r.Set().Libraries()[0].Functions() {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, []string{"f", "g"}) || r.Set().Libraries()[0].Engine != "LUA" {
		t.Errorf("%v of %s", names, r.Set().Libraries()[0].Engine)
	}
}

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"#!lua name=a\n", "#!lua name=\"a\\x41\" \nx", "#!\n", "#!'a'\nb", "#!lua na\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		h, err := parseHeader(source)
		if err == nil && (!validName(h.name) || h.body[0] != '\n' || !bytes.HasSuffix(source, h.body)) {
			t.Fatalf("%q: %+v", source, h)
		}
	})
}
