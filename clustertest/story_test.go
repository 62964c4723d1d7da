package clustertest

import (
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// A long story keeps its beginning and its end, and says what is missing; slots that come
// one by one are one line.
func TestStory(t *testing.T) {
	s := story{begin: time.Now()}
	for slot := range slots.Slot(1000) {
		var set slots.Set
		set.Add(slot)
		s.add(1, gossip.SlotsChanged{Acquired: &set})
		s.add(0, gossip.SlotsChanged{Lost: &set})
	}
	if text := s.String(); strings.Count(text, "\n") != 3 || !strings.Contains(text, "Acquired:0-999 ") ||
		!strings.Contains(text, "(1000 times)") {
		t.Errorf("%s", text)
	}
	s.did("Kill %d", 2)
	if text := s.String(); !strings.HasSuffix(text, " the test: Kill 2\n") {
		t.Errorf("%s", text)
	}
	for range 100_000 {
		s.add(2, gossip.RoleChanged{})
	}
	s.add(3, gossip.SlotsChanged{})
	lines := strings.Split(strings.TrimSpace(s.String()), "\n")
	if len(lines) > 2*storyPart+2 || !strings.Contains(lines[1], "node 1") ||
		!strings.Contains(lines[len(lines)-1], "node 3") {
		t.Errorf("%d lines, from %s to %s", len(lines), lines[1], lines[len(lines)-1])
	}
	if got := len(lines) - 2 + s.left; got != 100_004 || !strings.Contains(strings.Join(lines, "\n"), "more …") {
		t.Errorf("%d events are told or counted", got)
	}
}
