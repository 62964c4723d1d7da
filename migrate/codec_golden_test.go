package migrate

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
)

// TestWireForm compares with the bytes of an earlier release: other releases send and
// have stored them. Line n of the file is example n; then come the journal and the head
// of a large op.
func TestWireForm(t *testing.T) {
	golden, err := os.ReadFile("testdata/wire.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(golden))
	var encodings [][]byte
	for _, m := range exampleMessages() {
		encodings = append(encodings, AppendMessage(nil, &m))
	}
	large := keyspace.Op{Kind: keyspace.OpPut, Slot: 9, Key: []byte("k"), Value: make([]byte, inlineValue+1),
		Version: 1 << 33}
	encodings = append(encodings, EncodeJournal(exampleJobs()), appendLarge(nil, large))
	if len(lines) != len(encodings) {
		t.Fatalf("%d lines for %d samples", len(lines), len(encodings))
	}
	for i, b := range encodings {
		if got := hex.EncodeToString(b); got != lines[i] {
			t.Errorf("sample %d is\n%s, was\n%s", i, got, lines[i])
		}
	}
}
