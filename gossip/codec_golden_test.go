package gossip

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestWireForm compares with the bytes of an earlier release: other releases send and
// have stored them. Line n of the file is sample n; the state stands last.
func TestWireForm(t *testing.T) {
	golden, err := os.ReadFile("testdata/wire.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(golden))
	var encodings [][]byte
	for _, m := range sampleMessages() {
		encodings = append(encodings, AppendMessage(nil, m))
	}
	encodings = append(encodings, EncodeState(sampleState()))
	if len(lines) != len(encodings) {
		t.Fatalf("%d lines for %d samples", len(lines), len(encodings))
	}
	for i, b := range encodings {
		if got := hex.EncodeToString(b); got != lines[i] {
			t.Errorf("sample %d is\n%s, was\n%s", i, got, lines[i])
		}
	}
}
