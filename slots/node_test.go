package slots

import (
	"encoding/json"
	"strings"
	"testing"
)

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
