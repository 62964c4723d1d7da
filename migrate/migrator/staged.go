package migrator

import (
	"errors"

	"github.com/slotmesh/slotmesh/slots"
)

// dropStaged drops what a session has brought of keys that are not complete.
func (s *session) dropStaged() {
	s.mg.dropped(s.r.DropStaged(s.mg.cfg.Engine, s.mg.ctx.Done()))
}

// dropAbandoned drops what is staged in some slots and no session brings: it was there when
// this node took its master's place, or came back.
func (mg *Migrator) dropAbandoned(set *slots.Set) {
	mg.dropped(mg.staging.DropAbandoned(mg.cfg.Engine, set, mg.ctx.Done()))
}

// dropped logs what went wrong. A replica leaves the rest to its master; a node that stops
// drops it after the next start.
func (mg *Migrator) dropped(err error) {
	if err != nil && !errors.Is(err, slots.ErrReadOnly) && mg.ctx.Err() == nil {
		mg.log.Warn("dropping keys that came in part", "error", err)
	}
}
