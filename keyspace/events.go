package keyspace

import (
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// EventClass is a set of classes of keyspace events: of what happens to keys, as Redis'
// keyspace notifications tell it. The letters are those of notify-keyspace-events.
type EventClass uint32

// The classes. The first two are none: they say in which of two forms events are told.
const (
	KeyspaceForm  EventClass = 1 << iota // K: by key
	KeyeventForm                         // E: by event
	GenericEvents                        // g: of keys of any type, as del and expire
	StringEvents                         // $
	ListEvents                           // l
	SetEvents                            // s
	HashEvents                           // h
	ZSetEvents                           // z
	ExpiredEvents                        // x: a key has expired and is gone
	EvictedEvents                        // e: a key has made room for others
	StreamEvents                         // t
	MissEvents                           // m: a key was to be read and is not there
	ModuleEvents                         // d
	NewEvents                            // n: a key has come into being

	// AllEvents is what the letter A stands for: all but misses and new keys.
	AllEvents = GenericEvents | StringEvents | ListEvents | SetEvents | HashEvents | ZSetEvents | ExpiredEvents |
		EvictedEvents | StreamEvents | ModuleEvents
)

// eventLetters are the letters of the classes, in the order in which Redis shows them.
var eventLetters = []struct {
	letter byte
	class  EventClass
}{
	{'g', GenericEvents}, {'$', StringEvents}, {'l', ListEvents}, {'s', SetEvents}, {'h', HashEvents},
	{'z', ZSetEvents}, {'x', ExpiredEvents}, {'e', EvictedEvents}, {'t', StreamEvents}, {'d', ModuleEvents},
	{'n', NewEvents}, {'K', KeyspaceForm}, {'E', KeyeventForm}, {'m', MissEvents},
}

// ParseEventClass reads letters, in any order. The error says which one is none.
func ParseEventClass(letters string) (classes EventClass, err error) {
	for _, letter := range []byte(letters) {
		class := EventClass(0)
		if letter == 'A' {
			class = AllEvents
		}
		for _, l := range eventLetters {
			if l.letter == letter {
				class = l.class
			}
		}
		if class == 0 {
			return 0, fmt.Errorf("keyspace: %q is no class of events: use the letters Ag$lshzxeKEtmdn", string(letter))
		}
		classes |= class
	}
	return classes, nil
}

// String returns the letters in the order in which Redis shows them, with A for all that
// it stands for.
func (c EventClass) String() string {
	var b strings.Builder
	if c&AllEvents == AllEvents {
		b.WriteByte('A')
		c &^= AllEvents
	}
	for _, l := range eventLetters {
		if c&l.class != 0 {
			b.WriteByte(l.letter)
		}
	}
	return b.String()
}

// Event is something that has happened to a key.
type Event struct {
	Class EventClass
	Name  string // of the event, as Redis calls it: "set", "expired"
	Key   []byte // valid until the function that got it returns
}

// SetEvents says which classes of events are told. Without one of the two forms there is
// nobody to tell them to, so none is. A new store tells none.
func (s *Store) SetEvents(classes EventClass) {
	if classes&(KeyspaceForm|KeyeventForm) == 0 {
		classes = 0
	}
	s.setMode(eventMask, uint32(classes)<<eventShift)
}

// Events returns the classes of events that are told, and the forms.
func (s *Store) Events() EventClass { return EventClass(s.mode.Load() & eventMask >> eventShift) }

// OnEvents makes tell take the events of all slots, in place of an earlier function. Those
// of a transaction come in their order, after its commit and under the slot's lock: what
// another client learns from the transaction it learns later. A transaction that fails has
// none. tell must not wait, must not call the store, and must not keep events.
func (s *Store) OnEvents(tell func(slot slots.Slot, events []Event)) { s.tellEvents.Store(&tell) }

// Where the mode has the classes of events.
const (
	eventShift = 9
	eventMask  = uint32(NewEvents<<1-1) << eventShift
)

// Notifies reports whether events of one of some classes are told. A caller that has to
// find out what has happened asks first.
func (tx *Tx) Notifies(classes EventClass) bool { return tx.mode&(uint32(classes)<<eventShift) != 0 }

// Notify tells, once the transaction is committed, that something has happened to key,
// which is copied. The store itself tells that a key has expired, was evicted, or is new.
func (tx *Tx) Notify(class EventClass, event string, key []byte) {
	if tx.Notifies(class) {
		tx.stageEvent(class, event, key)
	}
}

func (tx *Tx) stageEvent(class EventClass, event string, key []byte) {
	tx.events = append(tx.events, Event{Class: class, Name: event, Key: tx.copy(key)})
}

// noteNew tells that a key is about to come into being, unless it is there. If it has
// expired it goes first, with an event of its own.
func (tx *Tx) noteNew(hash uint64, key []byte) {
	if _, ok := tx.find(hash, key); !ok {
		tx.Notify(NewEvents, "new", key)
	}
}

// tell hands over the events so far. The slot's lock is held.
func (tx *Tx) tell() {
	if tell := tx.store.tellEvents.Load(); tell != nil {
		(*tell)(tx.slot, tx.events)
	}
	tx.forgetEvents()
}

// tellMisses is tell for a transaction that has failed: what it has read was missing all
// the same.
func (tx *Tx) tellMisses() {
	missed := tx.events[:0]
	for _, e := range tx.events {
		if e.Class == MissEvents {
			missed = append(missed, e)
		}
	}
	if tx.events = missed; len(missed) > 0 {
		tx.tell()
	}
}

func (tx *Tx) forgetEvents() {
	clear(tx.events)
	if cap(tx.events) > keepOps {
		tx.events = nil
	}
	tx.events = tx.events[:0]
}
