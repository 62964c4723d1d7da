package e2e_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// TestCreateAgain: a program that calls Create at each start finds out that it need not.
func TestCreateAgain(t *testing.T) {
	dir := t.TempDir()
	for start := range 2 {
		n, err := slotmesh.New(slotmesh.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		err = slotmesh.Create(t.Context(), n)
		if (start == 0) != (err == nil) || start > 0 && !errors.Is(err, slotmesh.ErrAlreadyInCluster) {
			t.Errorf("start %d: %v", start, err)
		}
		if err != nil && (strings.Contains(err.Error(), "Reset") || !strings.Contains(err.Error(), "16384 slots")) {
			t.Errorf("the error says %q", err)
		}
		if err := n.Ready(t.Context()); err != nil {
			t.Errorf("start %d: %v", start, err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
