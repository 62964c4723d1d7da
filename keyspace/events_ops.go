package keyspace

import (
	"github.com/slotmesh/slotmesh/internal/sequence"
	"github.com/slotmesh/slotmesh/slots"
)

// Ops that another node has made are told as events, too: of a replica, of a slot that
// comes here, of a transaction of the Go API. Which commands made them they do not say, so
// the events are those of the plainest command with that effect: "set" for INCR, one "hset"
// for several. Messages are not data, so the names of events do not travel with the ops.

// typeEvents are, by type, the class of events and the names of a part that has come and of
// one that has gone.
var typeEvents = [...]struct {
	class     EventClass
	put, gone string
}{
	String: {StringEvents, "setrange", ""}, List: {ListEvents, "lset", "lrem"}, Set: {SetEvents, "sadd", "srem"},
	ZSet: {ZSetEvents, "zadd", "zrem"}, Hash: {HashEvents, "hset", "hdel"}, Stream: {StreamEvents, "", ""},
}

// events calls notify for what the op is about to do to its key, whose record is rec if it
// is there.
func (op *Op) events(rec *record, there bool, notify func(class EventClass, event string, key []byte)) {
	switch op.Kind {
	case OpPut:
		if op.Type == String {
			notify(StringEvents, "set", op.Key)
		} else {
			notify(GenericEvents, "restore", op.Key)
		}
		return
	case OpReveal:
		notify(GenericEvents, "restore", op.Key)
		return
	case OpPart:
		op.notifyPart(op.Type, rec, there, notify)
		return
	}
	if !there {
		return
	}
	switch op.Kind {
	case OpExpire:
		if op.ExpireAt == 0 {
			notify(GenericEvents, "persist", op.Key)
		} else {
			notify(GenericEvents, "expire", op.Key)
		}
	case OpDelete:
		notify(GenericEvents, "del", op.Key)
	case OpCut:
		op.notifyPart(rec.typ, rec, there, notify)
	case OpCopy:
		notify(GenericEvents, "copy_to", op.Part)
	case OpMove:
		notify(GenericEvents, "rename_from", op.Key)
		notify(GenericEvents, "rename_to", op.Part)
	}
}

// notifyPart is events for an OpPart or OpCut.
func (op *Op) notifyPart(typ Type, rec *record, there bool, notify func(EventClass, string, []byte)) {
	if int(typ) >= len(typeEvents) {
		return
	}
	if event := op.partEvent(rec, there); event != "" {
		notify(typeEvents[typ].class, event, op.Key)
	}
}

// partEvent names what an OpPart or OpCut does, "" if no command tells of it. At the ends of
// a list it is a push or a pop.
func (op *Op) partEvent(rec *record, there bool) string {
	switch {
	case op.Kind == OpPart && op.Type == Stream, op.Kind == OpCut && rec.typ == Stream:
		return op.streamEvent(rec)
	case op.Kind == OpPart && op.Type != List:
		return typeEvents[op.Type].put
	case op.Kind == OpPart && (!there || rec.typ != List):
		return "rpush"
	case rec.typ != List:
		return typeEvents[rec.typ].gone
	case op.Kind == OpCut && len(op.Value) > 0:
		return "ltrim"
	}
	first, last := rec.listEnds()
	part := string(op.Part)
	switch {
	case op.Kind == OpPart && part < first:
		return "lpush"
	case op.Kind == OpPart && part > last:
		return "rpush"
	case op.Kind == OpCut && part == first:
		return "lpop"
	case op.Kind == OpCut && part == last:
		return "rpop"
	case op.Kind == OpCut:
		return "lrem"
	}
	return "lset"
}

// listEnds returns the names of the first and the last part of a list.
func (r *record) listEnds() (first, last string) {
	packed := sequence.Packed(r.value)
	list, n := elements(packed), packed.Len()
	if r.coll != nil {
		large := r.coll.object.(*listObject).elements
		list, n = large, large.Len()
	}
	if n == 0 {
		return "", ""
	}
	return string(appendPosition(nil, list.Position(0))), string(appendPosition(nil, list.Position(n-1)))
}

// toldOps gathers the events of ops that are applied or imported; nil if nobody wants them.
type toldOps struct {
	store   *Store
	classes EventClass
	events  []Event
	ofParts bool // the last event is about a part
}

func (s *Store) newToldOps() *toldOps {
	if classes := s.Events(); classes != 0 {
		return &toldOps{store: s, classes: classes}
	}
	return nil
}

// applied notes what op is about to do. It does nothing if the op is of before what is here.
func (o *toldOps) applied(t *table, op *Op) {
	if o == nil || op.Kind == OpDrop || op.Kind.staged() && op.Kind != OpReveal {
		return
	}
	var rec record
	seg, at := t.find(o.store.hash(op.Key), op.Key)
	if at >= 0 {
		if rec = seg.record(cellRef(seg.index.cells[at])); rec.floor() > op.Version {
			return
		}
	}
	if at < 0 && op.readyKey() != nil || at < 0 && op.Kind == OpReveal {
		o.note(NewEvents, "new", op.Key)
	}
	of := op.Kind == OpPart || op.Kind == OpCut
	op.events(&rec, at >= 0, func(class EventClass, event string, key []byte) {
		if n := len(o.events) - 1; of && o.ofParts && n >= 0 && o.events[n].Name == event &&
			string(o.events[n].Key) == string(key) {
			return // several parts of one command
		}
		o.note(class, event, key)
	})
	o.ofParts = of
}

// imported notes that a key has come, as RESTORE tells it.
func (o *toldOps) imported(op *Op, isNew bool) {
	if o == nil || op.Kind.staged() && op.Kind != OpReveal {
		return
	}
	if isNew {
		o.note(NewEvents, "new", op.Key)
	}
	o.note(GenericEvents, "restore", op.Key)
}

func (o *toldOps) note(class EventClass, event string, key []byte) {
	if o.classes&class != 0 {
		o.events = append(o.events, Event{Class: class, Name: event, Key: key})
	}
}

// tell hands over the events. The slot's lock is held.
func (o *toldOps) tell(slot slots.Slot) {
	if o == nil || len(o.events) == 0 {
		return
	}
	if tell := o.store.tellEvents.Load(); tell != nil {
		(*tell)(slot, o.events)
	}
}
