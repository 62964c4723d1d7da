package engine

import "github.com/slotmesh/slotmesh/slots"

// masterTime is when commands of a master that is followed are carried out, in Unix
// milliseconds: long before any key expires. A replica does not judge whether a key lives
// still. Its master deletes it, and may have prolonged its life before.
const masterTime = 1

// SetFollowing says whether a node outside of clusters follows a master. While it does,
// only writes with Access.Follows are carried out, others get slots.ErrReadOnly; the former
// are asked no veto. When it returns, no write acts on what held before.
func (e *Engine) SetFollowing(on bool) {
	e.following.Store(on)
	var set slots.Set
	set.Add(0)
	e.store.Barrier(&set)
	e.awaitChange()
}
