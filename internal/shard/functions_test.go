package shard

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
)

func TestLibraries(t *testing.T) {
	log := replicator.NewBacklog(0)
	l := Libraries{log}
	if _, err := log.PutMetadata("jobs", []byte("1")); err != nil { // of others
		t.Fatal(err)
	}
	sources, version := l.Sources()
	if len(sources) != 0 || version != l.Version() {
		t.Fatalf("%q, version %d of %d", sources, version, l.Version())
	}
	unsaved := log.Changes()
	done, err := l.Update(version, map[string][]byte{"a": []byte("A"), "b": []byte("B")})
	if !done || err != nil || l.Version() == version || log.Changes() == unsaved {
		t.Errorf("%t, %v, version %d after %d, %d changes", done, err, l.Version(), version, log.Changes())
	}
	if done, err := l.Update(version, map[string][]byte{"a": nil}); done || err != nil {
		t.Errorf("with an old version: %t, %v", done, err)
	}
	if done, err := l.Update(l.Version(), map[string][]byte{"a": nil, "c": []byte("C")}); !done || err != nil {
		t.Errorf("%t, %v", done, err)
	}
	if sources, _ := l.Sources(); len(sources) != 2 || string(sources["b"])+string(sources["c"]) != "BC" {
		t.Errorf("%q", sources)
	}
	long := map[string][]byte{"long": []byte(strings.Repeat("x", replication.MaxNote))}
	if done, err := l.Update(l.Version(), long); done || err == nil {
		t.Errorf("a library of 16 MiB: %t, %v", done, err)
	}
	unsaved = log.Changes()
	if l.MarkUnsaved(); log.Changes() == unsaved {
		t.Error("nothing is marked as unsaved")
	}
	if err := l.Clear(); err != nil {
		t.Fatal(err)
	}
	unsaved = log.Changes()
	l.MarkUnsaved()
	if sources, _ := l.Sources(); len(sources) != 0 || len(log.Metadata()) != 1 || log.Changes() != unsaved {
		t.Errorf("after Clear: %q, %d notes", sources, len(log.Metadata()))
	}
}
