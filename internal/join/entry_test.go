package join

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestParseEntry(t *testing.T) {
	for text, want := range map[string]Entry{
		"10.0.0.1:7001":              {Host: "10.0.0.1", Port: 7001},
		"node-1.example.org:7001":    {Host: "node-1.example.org", Port: 7001},
		"[::1]:7001":                 {Host: "::1", Port: 7001},
		"dns:nodes.example.org:7001": {Host: "nodes.example.org", Port: 7001, DNS: true},
	} {
		if got, err := ParseEntry(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "host", ":7001", "host:0", "host:70000", "host:x", "dns:host", "dns::1", "a b:1",
		"a:1,b:2"} {
		if got, err := ParseEntry(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestParseEntries(t *testing.T) {
	got, err := ParseEntries([]string{"b:1", "dns:a:1", "a:1", "b:1"})
	want := []Entry{{Host: "a", Port: 1}, {Host: "b", Port: 1}, {Host: "a", Port: 1, DNS: true}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseEntries([]string{"a:1", "b"}); err == nil {
		t.Error("a list with half an entry")
	}
}

// A name is all of its addresses; one that cannot be resolved hides none of the others.
func TestResolve(t *testing.T) {
	unknown := errors.New("no such host")
	lookup := func(_ context.Context, name string) ([]string, error) {
		if name == "nodes" {
			return []string{"10.0.0.2", "10.0.0.1"}, nil
		}
		return nil, unknown
	}
	entries, err := ParseEntries([]string{"dns:nodes:7001", "dns:none:7001", "10.0.0.1:7001", "host:7001"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Resolve(t.Context(), entries, lookup)
	if want := []string{"10.0.0.1:7001", "10.0.0.2:7001", "host:7001"}; !slices.Equal(got, want) ||
		!errors.Is(err, unknown) {
		t.Errorf("%q, %v", got, err)
	}
}
