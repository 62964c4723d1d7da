package admin

import (
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

func bulk(s string) resp.Reply { return resp.Reply{Kind: resp.Bulk, Str: []byte(s)} }

const (
	idA = "07c37dfeb235213a872192d90877d0cd55635b91"
	idB = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"
)

func TestParseJobs(t *testing.T) {
	entry := func(kind resp.Kind, pairs ...string) resp.Reply {
		r := resp.Reply{Kind: kind}
		for _, p := range pairs {
			r.Elems = append(r.Elems, bulk(p))
		}
		return r
	}
	good := []string{"name", "n1", "operation", "EXPORT", "slot_ranges", "0-10 12", "target_node", idA, "source_node",
		idB, "state", "Success", "message", "", "keys", "7", "cow_size", "0"}
	for _, kind := range []resp.Kind{resp.Array, resp.Map} {
		list := parseJobs(resp.Reply{Kind: resp.Array, Elems: []resp.Reply{
			entry(kind, good...), entry(kind, "name", "n2", "slot_ranges", "x"), entry(kind, "odd"), {},
		}})
		if len(list) != 1 {
			t.Fatalf("read %d jobs, want 1", len(list))
		}
		j := list[0]
		if j.Name != "n1" || !j.Export || j.Slots.String() != "0-10 12" || j.Target.String() != idA ||
			j.Source.String() != idB || !j.Succeeded() || !j.Ended() || j.Failed() || j.Keys != 7 {
			t.Errorf("read %+v", j)
		}
	}
}
