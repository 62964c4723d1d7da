package slots

import (
	"encoding/json"
	"strings"
	"testing"
)

// A node has a port for clients with TLS, one for the others, or both.
func TestClientPorts(t *testing.T) {
	for _, c := range []struct {
		addr                Addr
		plain, tls, display string
	}{
		{Addr{Host: "h", Port: 1, BusPort: 9}, "h:1", "h:1", "h:1@9"},
		{Addr{Host: "h", TLSPort: 2, BusPort: 9}, "h:2", "h:2", "h:2@9"},
		{Addr{Host: "h", Port: 1, TLSPort: 2, BusPort: 9}, "h:1", "h:2", "h:1@9"},
		{Addr{}, ":0", ":0", ":0@0"},
	} {
		if a := c.addr; a.Client() != c.plain || a.ClientTLS() != c.tls || a.String() != c.display {
			t.Errorf("%#v is %s, with TLS %s, shown as %s; want %s, %s, %s", a, a.Client(), a.ClientTLS(), a, c.plain, c.tls,
				c.display)
		}
	}
}

func TestNodeIDIsText(t *testing.T) {
	type doc struct {
		ID, None NodeID
		By       map[NodeID]int
	}
	id := NodeID{0xab, 19: 0x01}
	b, err := json.Marshal(doc{ID: id, By: map[NodeID]int{id: 1}})
	want := `{"ID":"` + id.String() + `","None":"","By":{"` + id.String() + `":1}}`
	if err != nil || string(b) != want {
		t.Errorf("JSON is %s, %v; want %s", b, err, want)
	}
	var back doc
	if err := json.Unmarshal(b, &back); err != nil || back.ID != id || !back.None.IsZero() || back.By[id] != 1 {
		t.Errorf("read back as %+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"ID":"xyz"}`), &back); err == nil ||
		!strings.Contains(err.Error(), "not a node id") {
		t.Errorf("an id that is none: %v", err)
	}
}
