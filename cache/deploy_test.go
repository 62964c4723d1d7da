package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// logs is what all nodes of a cluster log.
type logs struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// with returns the lines that have all parts.
func (l *logs) with(parts ...string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			lines = append(lines, line)
		}
	}
	return lines
}

func (l *logs) into(_ int, cfg *slotmesh.Config) {
	cfg.Logger = hclog.New(&hclog.LoggerOptions{Output: l})
}

// ownerOf returns the index of the node that owns a key of the keyspace, and of another
// one.
func ownerOf(c *clustertest.Cluster, key string) (owner, other int) {
	for i, n := range c.Nodes() {
		if n.Map().IsMine(slots.OfString(key)) {
			return i, (i + 1) % len(c.Nodes())
		}
	}
	panic("nobody owns " + key)
}

// While a new version of the program is rolled out, a key's owner may not have the cache
// yet: who asks loads the value, and the owner keeps it.
func TestCacheThatTheOwnerDoesNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logs
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Node: log.into})
		cause := errors.New("the database is on holiday")
		var loads atomic.Int64
		cfg := cache.Config[string]{Name: "new", TTL: time.Minute, Load: func(_ context.Context, key string) (string, error) {
			loads.Add(1)
			if key == "trouble" {
				return "", cause
			}
			return "value of " + key, nil
		}}
		first, err := cache.New(c.Node(0), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for i := range 20 {
				key := fmt.Sprint(i)
				if v, err := first.Get(t.Context(), key); err != nil || v != "value of "+key {
					t.Errorf("%s: %q, %v", key, v, err)
				}
			}
		}
		if n := loads.Load(); n != 20 {
			t.Errorf("%d loads of 20 values", n)
		}
		if _, err := first.Get(t.Context(), "trouble"); !errors.Is(err, cause) {
			t.Errorf("the loader's error: %v", err)
		}
		if lines := log.with("does not have a cache", "cache=new"); len(lines) != 1 {
			t.Errorf("logged %q", lines)
		}
		second, err := cache.New(c.Node(1), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := second.Get(t.Context(), "0"); err != nil || v != "value of 0" || second.Stats().Hits != 1 {
			t.Errorf("%q, %v, %+v", v, err, second.Stats())
		}
	})
}

// upper is a codec of another version: it reads nothing of the first one, and JSON reads
// nothing of it.
type upper struct{}

func (upper) Encode(v string) ([]byte, error) { return []byte("UPPER" + strings.ToUpper(v)), nil }

func (upper) Decode(data []byte) (string, error) {
	text, ok := strings.CutPrefix(string(data), "UPPER")
	if !ok {
		return "", errors.New("not upper case")
	}
	return strings.ToLower(text), nil
}

// Values of another codec are misses, at the owner and for who asks, and each side keeps
// its own.
func TestValueOfAnotherCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		var log logs
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Node: log.into})
		owner, other := ownerOf(c, "c:{k}")
		load := func(context.Context, string) (string, error) { return "v", nil }
		old, err := cache.New(c.Node(owner), cache.Config[string]{Name: "c", TTL: time.Hour, Load: load})
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := cache.New(c.Node(other), cache.Config[string]{Name: "c", TTL: time.Hour, Load: load, Codec: upper{}})
		if err != nil {
			t.Fatal(err)
		}
		// The owner keeps values of the old version: the new one loads for itself, and does not
		// write over them.
		for range 3 {
			for i, one := range []*cache.Cache[string]{old, fresh} {
				if v, err := one.Get(ctx, "{k}"); err != nil || v != "v" {
					t.Errorf("version %d: %q, %v", i, v, err)
				}
			}
		}
		if st := old.Stats(); st.Loads != 1 || st.Hits != 2 {
			t.Errorf("the old version: %+v", st)
		}
		if st := fresh.Stats(); st.Alone != 3 {
			t.Errorf("the new version: %+v", st)
		}
		// A value that the new version has set is a miss at the owner, which loads it anew.
		if err := fresh.Set(ctx, "{k}2", "set"); err != nil {
			t.Fatal(err)
		}
		if v, err := old.Get(ctx, "{k}2"); err != nil || v != "v" {
			t.Errorf("%q, %v", v, err)
		}
		if lines := log.with("cannot read", "cache=c", `key={k}`); len(lines) != 2 {
			t.Errorf("logged %q, want a line of each cache", lines)
		}
	})
}

// A codec that reads everything does not read what another has written.
func TestCodecThatReadsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		owner, other := ownerOf(c, "c:k")
		old, err := cache.New(c.Node(owner), cache.Config[string]{Name: "c", TTL: time.Hour,
			Load: func(context.Context, string) (string, error) { return "v", nil }})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := cache.New(c.Node(other), cache.Config[[]byte]{Name: "c", TTL: time.Hour,
			Load: func(context.Context, string) ([]byte, error) { return []byte("v"), nil }})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if v, err := old.Get(t.Context(), "k"); err != nil || v != "v" {
				t.Errorf("%q, %v", v, err)
			}
			if v, err := raw.Get(t.Context(), "k"); err != nil || string(v) != "v" {
				t.Errorf("%q, %v", v, err)
			}
		}
	})
}

// The second cache of a name would answer the first one's callers with its own values.
func TestTwoCachesOfOneName(t *testing.T) {
	n, err := slotmesh.New(slotmesh.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := cache.Config[string]{Name: "users", TTL: 1,
		Load: func(context.Context, string) (string, error) { return "", nil }}
	if _, err := cache.New(n, cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.New(n, cfg); !errors.Is(err, slotmesh.ErrRegistered) || !strings.Contains(err.Error(), `"users"`) {
		t.Errorf("%v", err)
	}
	cfg.Name = "orders"
	if _, err := cache.New(n, cfg); err != nil {
		t.Error(err)
	}
}
