package ownership

import (
	"context"
	"fmt"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// Set changes the state of slots, durably, and returns when it is in force here and the
// replicas know. Of slots that are opened they know before: from the moment that it is in
// force, clients are sent to the other end, and may create a key there that a replica,
// were it promoted now, would not look for.
//
// Every state is on the disk before it is answered, costly as that is for tools that
// change one slot at a time. The caller goes on to move keys, and after a crash nothing
// but the marks tells where these are. A source that lost its mark would take a key that
// has left for one that never was, and create it anew; a target that lost its own would
// take the keys that have come for leftovers of another node's slot, and drop them. A
// claim is a promise to all.
func (s *Slots) Set(ctx context.Context, set slots.Set, state gossip.SlotState, peer slots.NodeID) error {
	change := gossip.SetSlots{Slots: set, State: state, Node: peer}
	if state == gossip.SlotMigrating || state == gossip.SlotImporting {
		done := s.publishOpen(&set, state, peer)
		defer done()
		least := 0
		if state == gossip.SlotMigrating {
			least = s.cfg.Replicas.MostPromised(&set)
			s.openDepartures(&set)
		}
		if err := s.cfg.Replicas.Know(ctx, least); err != nil {
			return fmt.Errorf("slots %s have not been opened: %w", set, err)
		}
		return s.cfg.Do(ctx, change)
	}
	if err := s.cfg.Do(ctx, change); err != nil {
		return err
	}
	err := s.cfg.Replicas.Know(ctx, 0)
	if err != nil && !s.cfg.Map().Self().IsMaster() {
		return nil // that was its last slot: it is a replica now, and its replicas follow another
	}
	if err != nil {
		return fmt.Errorf("the change of slots %s is in force, but: %w", set, err)
	}
	return nil
}

// openDepartures forgets what is known of earlier departures from slots that are about to
// be opened.
func (s *Slots) openDepartures(set *slots.Set) {
	closed := *set
	closed.Subtract(s.cfg.Map().Open())
	s.cfg.Replicas.OpenDepartures(&closed)
}
