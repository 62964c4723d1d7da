package member

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// lines is a log that remembers.
type lines []string

func (l *lines) Info(msg string, args ...any)  { *l = append(*l, fmt.Sprint("INFO ", msg, " ", args)) }
func (l *lines) Warn(msg string, args ...any)  { *l = append(*l, fmt.Sprint("WARN ", msg, " ", args)) }
func (l *lines) Error(msg string, args ...any) { *l = append(*l, fmt.Sprint("ERROR ", msg, " ", args)) }

// TestSlotLog: slots that move by plan are one line a second, at INFO; those lost
// otherwise are told at once, at WARN.
func TestSlotLog(t *testing.T) {
	var got lines
	var s slotLog
	now := time.Unix(1, 0)
	for slot := range slots.Slot(1000) {
		one := slots.NewSet(slot)
		s.add(&got, now, gossip.SlotsChanged{Lost: &one, Planned: true})
		s.flush(&got, now)
		now = now.Add(2 * time.Millisecond)
	}
	one, other := slots.NewSet(5000), slots.NewSet(6000)
	s.add(&got, now, gossip.SlotsChanged{Lost: &one})
	s.add(&got, now, gossip.SlotsChanged{Acquired: &other})
	now = now.Add(slotLogEvery)
	s.flush(&got, now)
	s.flush(&got, now.Add(slotLogEvery))
	want := []string{"INFO slots given away [count 501", "WARN slots lost [slots 5000]",
		"INFO slots acquired [count 1 slots 6000]", "INFO slots given away [count 499"}
	if len(got) != len(want) {
		t.Fatalf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s\nwant %s…", got[i], want[i])
		}
	}
}
