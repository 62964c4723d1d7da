package replicator

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// Promises remember, for each slot, the greatest number of replicas that ever confirmed a
// write in it. The shard to which a slot moves must keep to that number. Promises are
// notes of the stream, so that full syncs and snapshots contain them and a promoted
// replica has them.
//
// A node whose writers never wait for replicas has no table. A read takes no lock.
type Promises struct {
	log   *Backlog
	table atomic.Pointer[promiseTable] // nil: nothing was promised
	end   atomic.Int64                 // of the stream, behind the latest note that was written here

	mu sync.Mutex // held while a promise is entered
}

// promiseTable has the number of replicas for each slot.
type promiseTable [slots.Count]atomic.Uint32

const (
	// promisesEach is how many slots share a note. The first promise of one slot costs a
	// note of that many bytes; a full sync contains at most slots.Count/promisesEach notes.
	promisesEach = 64
	// maxPromise is the greatest number that is remembered: a byte of a note. No master has
	// more replicas.
	maxPromise = 255
)

// NewPromises returns what the notes in log say.
func NewPromises(log *Backlog) *Promises {
	p := &Promises{log: log}
	p.Reload()
	return p
}

func promiseNote(group int) string { return fmt.Sprintf("promises-%d", group) }

// Reload reads the promises from the notes. Call it after a snapshot was loaded, and when
// a replica is promoted.
func (p *Promises) Reload() {
	p.mu.Lock()
	defer p.mu.Unlock()
	metadata := p.log.Metadata()
	var table *promiseTable
	for group := range slots.Count / promisesEach {
		data := metadata[promiseNote(group)]
		for i, k := range data[:min(len(data), promisesEach)] {
			if table == nil {
				table = new(promiseTable)
			}
			table[group*promisesEach+i].Store(uint32(k))
		}
	}
	p.end.Store(0)
	p.table.Store(table)
}

// Of returns how many replicas were promised to hold what is in slot.
func (p *Promises) Of(slot slots.Slot) int {
	if table := p.table.Load(); table != nil {
		return int(table[slot].Load())
	}
	return 0
}

// Raise promises that k replicas hold what is in each slot of set, unless as many are
// promised already. Replicas know of the promise when they hold the stream up to end: a
// writer must not be answered before. Only a master can promise more than was promised
// before; a replica gets an error.
func (p *Promises) Raise(set *slots.Set, k int) (end int64, err error) {
	k = min(k, maxPromise)
	if !p.promised(set, k) {
		err = p.raise(set, k)
	}
	return p.end.Load(), err
}

func (p *Promises) promised(set *slots.Set, k int) bool {
	for slot := range set.All() {
		if p.Of(slot) < k {
			return false
		}
	}
	return true
}

// raise writes the notes before it publishes the numbers, so that a reader that sees a
// number finds end behind its note.
func (p *Promises) raise(set *slots.Set, k int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	table := p.table.Load()
	if table == nil {
		table = new(promiseTable)
	}
	for group := range slots.Count / promisesEach {
		var note [promisesEach]byte
		used, changed := 0, false
		for i := range note {
			slot := slots.Slot(group*promisesEach + i)
			note[i] = byte(table[slot].Load())
			if set.Has(slot) && int(note[i]) < k {
				note[i], changed = byte(k), true
			}
			if note[i] > 0 {
				used = i + 1
			}
		}
		if !changed {
			continue
		}
		end, err := p.log.PutMetadata(promiseNote(group), note[:used])
		if err != nil {
			return err
		}
		p.end.Store(max(p.end.Load(), end))
		for i := range note {
			table[group*promisesEach+i].Store(uint32(note[i]))
		}
	}
	p.table.Store(table)
	return nil
}

// Clear forgets all promises, for a node that leaves its shard.
func (p *Promises) Clear() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.table.Load() == nil {
		return nil
	}
	for group := range slots.Count / promisesEach {
		if _, err := p.log.PutMetadata(promiseNote(group), nil); err != nil {
			return err
		}
	}
	p.table.Store(nil)
	return nil
}
