package replication

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
)

// TestWireForm compares with the bytes of an earlier release: other releases send and
// have stored them. Line n of the file is message n; a commit and a note stand last.
func TestWireForm(t *testing.T) {
	golden, err := os.ReadFile("testdata/wire.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(golden))
	var encodings [][]byte
	for _, m := range messages {
		encodings = append(encodings, AppendMessage(nil, &m))
	}
	ops := []keyspace.Op{
		{Kind: keyspace.OpPut, Slot: 300, Key: []byte("k"), Value: []byte("v"), Version: 7},
		{Kind: keyspace.OpDelete, Slot: 300, Key: []byte("other"), Version: 8},
	}
	encodings = append(encodings, appendRecord(nil, ops), appendNotes(nil, []Note{{"name", []byte("data")}}))
	if len(lines) != len(encodings) {
		t.Fatalf("%d lines for %d samples", len(lines), len(encodings))
	}
	for i, b := range encodings {
		if got := hex.EncodeToString(b); got != lines[i] {
			t.Errorf("sample %d is\n%s, was\n%s", i, got, lines[i])
		}
	}
}
