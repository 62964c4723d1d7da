package slots

// Request is what Route has to know about a command.
type Request struct {
	Slot      Slot // of its keys
	Keys      int  // how many keys it names, 0 if none. While the slot is open, one named repeatedly counts once
	CrossSlot bool // its keys lie in several slots; Slot is the first key's
	Missing   int  // how many of its keys are not here. Only looked at while the slot is open
	Write     bool // it may change data
	Asking    bool // the client said ASKING just before
	ReadOnly  bool // the client said READONLY on this connection

	// Channels says that what it names are channels of shards instead of keys. They are no
	// data: nothing of them can be missing here.
	Channels bool
}

// Route decides where a request runs, by the rows of docs/spec.md §7 in their order. It
// returns nil for "here", otherwise the error to give to the caller. It is pure:
// call it under the slot's lock, with the map loaded under that lock, so that
// the answer still holds when the command touches data.
func Route(m *Map, r Request) error {
	if r.Keys > 0 && m.owner.of(r.Slot) == noOwner {
		return ErrSlotNotServed
	}
	if r.CrossSlot {
		return ErrCrossSlot
	}
	if r.Keys == 0 {
		return nil
	}
	if r.Channels {
		return m.routeChannels(r)
	}
	if m.top.State != OK {
		if !m.top.ReadsIfDown {
			return ErrClusterDown
		}
		if r.Write {
			return ErrDownReadOnly
		}
	}
	mine := m.IsMine(r.Slot)
	if m.open.Has(r.Slot) {
		if done, err := m.routeOpen(r, mine); done {
			return err
		}
	}
	if mine {
		return nil
	}
	owner := m.Owner(r.Slot)
	if r.ReadOnly && !r.Write && m.Self().Master == owner.ID {
		return nil
	}
	if m.top.Ceded.Has(r.Slot) {
		return &AskError{Slot: r.Slot, Node: owner.ID, Addr: owner.Addr}
	}
	return &MovedError{Slot: r.Slot, Node: owner.ID, Addr: owner.Addr}
}

// routeChannels decides for a command about channels of shards. All nodes of the shard serve
// them, also while the cluster is down.
func (m *Map) routeChannels(r Request) error {
	owner := m.Owner(r.Slot)
	if m.IsMine(r.Slot) || m.top.Ceded.Has(r.Slot) || m.Self().Master == owner.ID {
		return nil
	}
	if _, ok := m.top.Importing[r.Slot]; ok && r.Asking {
		return nil
	}
	return &MovedError{Slot: r.Slot, Node: owner.ID, Addr: owner.Addr}
}

// routeOpen decides for a slot that is being moved; done is false if the move
// does not concern this request.
func (m *Map) routeOpen(r Request, mine bool) (done bool, err error) {
	if to, ok := m.top.Migrating[r.Slot]; ok && mine && r.Missing > 0 {
		if r.Missing < r.Keys {
			return true, ErrTryAgain
		}
		target := m.Node(to)
		if target == nil {
			// The target was forgotten: keys that are not here exist nowhere.
			return true, nil
		}
		return true, &AskError{Slot: r.Slot, Node: to, Addr: target.Addr}
	}
	if _, ok := m.top.Importing[r.Slot]; ok && r.Asking {
		if r.Keys > 1 && r.Missing > 0 {
			return true, ErrTryAgain
		}
		return true, nil
	}
	return false, nil
}
