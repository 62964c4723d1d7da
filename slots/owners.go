package slots

import (
	"iter"
	"math/bits"
)

// owners says of each slot which node owns it: as an index into the nodes of a Map,
// noOwner for none. The slots lie in blocks, which a Map shares with the Map that it
// follows as far as nothing changed in them: as slots move one after another each node
// makes a Map for each of them.
type owners [Count / blockSlots]*ownerBlock

type ownerBlock [blockSlots]int16

const (
	blockSlots = 256
	noOwner    = -1
)

const _ = int16(MaxNodes) // does not compile if the index of a node does not fit

// unowned is the block of slots that nobody owns.
var unowned = func() *ownerBlock {
	b := new(ownerBlock)
	for i := range b {
		b[i] = noOwner
	}
	return b
}()

func (o *owners) of(slot Slot) int16 { return o[slot/blockSlots][slot%blockSlots] }

// ownersBuilder changes owners without writing to a block that another Map may have.
type ownersBuilder struct {
	owners
	private [len(owners{})]bool // the blocks that no other Map has yet
}

func (b *ownersBuilder) block(slot Slot) *ownerBlock {
	i := slot / blockSlots
	if !b.private[i] {
		own := *b.owners[i]
		b.owners[i], b.private[i] = &own, true
	}
	return b.owners[i]
}

// release makes the slots that are in was and not in is nobody's.
func (b *ownersBuilder) release(was, is *Set) {
	for w, word := range was.words {
		if word &^= is.words[w]; word == 0 {
			continue
		}
		for slot := range slotsOfWord(w, word) {
			b.block(slot)[slot%blockSlots] = noOwner
		}
	}
}

// assign makes the slots that are in is and not in was node i's. It returns the slot that
// has another owner already, if there is one.
func (b *ownersBuilder) assign(i int, was, is *Set) (taken Slot, ok bool) {
	for w, word := range is.words {
		if word &^= was.words[w]; word == 0 {
			continue
		}
		for slot := range slotsOfWord(w, word) {
			owner := &b.block(slot)[slot%blockSlots]
			if *owner != noOwner {
				return slot, false
			}
			*owner = int16(i)
		}
	}
	return 0, true
}

// slotsOfWord yields the slots of word number w of a Set.
func slotsOfWord(w int, word uint64) iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		for ; word != 0; word &= word - 1 {
			if !yield(Slot(w*64 + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}
