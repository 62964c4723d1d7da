package keyspace

import "time"

// The 24 access bits of an entry are, under an LFU policy, 16 bits of minutes (when the
// counter was last brought up to date) and 8 bits of a logarithmic counter; under all
// others the second of the last use. After a change of policy the old bits mean little
// until keys are used again, as in Redis.
const (
	accessMask   = 1<<24 - 1
	lfuStart     = 5  // counter of a new key, so that it is not evicted at once
	lfuLogFactor = 10 // a million uses saturate the counter
	lfuMax       = 255
)

func lruAccess(now int64) uint32 { return uint32(now/1000) & accessMask }

func lfuAccess(now int64, counter uint32) uint32 {
	return uint32(now/60_000)&0xffff<<8 | counter
}

// lfuCounter returns the counter, less one for each minute since it was brought up to
// date.
func lfuCounter(access uint32, now int64) uint32 {
	idle := (uint32(now/60_000) - access>>8) & 0xffff
	counter := access & 0xff
	return counter - min(counter, idle)
}

// idleSeconds returns the time since the last use.
func idleSeconds(access uint32, now int64) uint32 {
	idle := (uint32(now/1000) - access) & accessMask
	if idle > accessMask-60 { // the use was a moment ahead of a coarser clock
		return 0
	}
	return idle
}

// newAccess returns the access bits of a key that is written now.
func newAccess(policy Policy, now int64) uint32 {
	if policy.lfu() {
		return lfuAccess(now, lfuStart)
	}
	return lruAccess(now)
}

// used returns the access bits after one more use. dice is a random number: the higher the
// LFU counter is, the less often it is raised.
func used(policy Policy, access uint32, now int64, dice uint64) uint32 {
	if !policy.lfu() {
		return lruAccess(now)
	}
	counter := lfuCounter(access, now)
	above := max(counter, lfuStart) - lfuStart
	if counter < lfuMax && dice%uint64(above*lfuLogFactor+1) == 0 {
		counter++
	}
	return lfuAccess(now, counter)
}

// NoTouch says whether what the transaction reads from now on counts as used, for the
// choice of keys to evict: it does not if on is set.
func (tx *Tx) NoTouch(on bool) {
	if on {
		tx.mode |= noTouchMode
	} else {
		tx.mode &^= noTouchMode
	}
}

// use marks the entry at the beginning of b as used now.
func (tx *Tx) use(b []byte, version uint64) {
	if tx.mode&noTouchMode != 0 {
		return
	}
	old := accessOf(b)
	access := used(tx.policy(), old, tx.store.clock.Load(), version^uint64(tx.lock.hits)*0x9e3779b97f4a7c15>>20)
	if access != old {
		putAccess(b, access)
	}
}

// Idle returns how long ago key was used, in whole seconds, 0 if it is not there or the
// policy counts uses instead (OBJECT IDLETIME).
func (tx *Tx) Idle(key []byte) time.Duration {
	access, ok := tx.access(key)
	if !ok || tx.policy().lfu() {
		return 0
	}
	return time.Duration(idleSeconds(access, tx.Now())) * time.Second
}

// Freq returns the logarithmic counter of uses of key, 0 if it is not there or the
// policy is not an LFU one (OBJECT FREQ).
func (tx *Tx) Freq(key []byte) uint8 {
	access, ok := tx.access(key)
	if !ok || !tx.policy().lfu() {
		return 0
	}
	return uint8(lfuCounter(access, tx.Now()))
}

// SetAccess sets what Idle (or, under an LFU policy, Freq) returns for key, as
// RESTORE does. It is not undone if the transaction fails.
func (tx *Tx) SetAccess(key []byte, idle time.Duration, freq uint8) {
	tx.mustWrite()
	access := lruAccess(tx.Now() - idle.Milliseconds())
	if tx.policy().lfu() {
		access = lfuAccess(tx.Now(), uint32(freq))
	}
	hash := tx.store.hash(key)
	if i := tx.staged(hash, key); i >= 0 {
		tx.plans[i].access, tx.plans[i].hasAccess = access, true
		return
	}
	if s, at := tx.table.find(hash, key); at >= 0 {
		putAccess(s.arena.at(cellRef(s.index.cells[at])), access)
	}
}

func (tx *Tx) access(key []byte) (access uint32, ok bool) {
	v, ok := tx.find(tx.store.hash(key), key)
	if !ok {
		return 0, false
	}
	return v.access, true
}
