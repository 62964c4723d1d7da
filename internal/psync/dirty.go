package psync

// Interval is how long changes of a dirty key are gathered, in milliseconds.
const Interval = 100

// restoreRate is how many bytes of one key are sent in a millisecond, on average: a large one
// that is written all the time is sent less often.
const restoreRate = 16 << 10

// keyOverhead is what a dirty key takes beside its name, about.
const keyOverhead = 80

// dirtyKeys are the keys that are to be sent as a whole.
type dirtyKeys struct {
	due    map[string]dirtyKey
	paced  map[string]int64 // keys that are not due before then, however soon they are dirty again
	bytes  int              // of what is in due
	floors map[string]int64
	queue  []floor // in the order of the floors
}

type dirtyKey struct {
	due   int64 // when it is to be sent
	since int64 // the end of the record that made it dirty
}

type floor struct {
	at  int64
	key string
}

func newDirtyKeys() dirtyKeys {
	return dirtyKeys{due: make(map[string]dirtyKey), paced: make(map[string]int64), floors: make(map[string]int64)}
}

// mark makes a key dirty by the record that ends at end.
func (d *dirtyKeys) mark(key []byte, end, now int64) {
	if _, ok := d.due[string(key)]; ok {
		return
	}
	d.due[string(key)] = dirtyKey{max(now+Interval, d.paced[string(key)]), end}
	d.bytes += len(key) + keyOverhead
}

// removeDue appends the keys that are due, and which are dirty no more, to list; at most n.
func (d *dirtyKeys) removeDue(list []string, now int64, n int) []string {
	for key, k := range d.due {
		if n == 0 {
			break
		}
		if k.due <= now {
			list = append(list, key)
			n--
			delete(d.due, key)
			d.bytes -= len(key) + keyOverhead
		}
	}
	return list
}

// oldest returns the end of the first record of which something is still to be sent, or end.
func (d *dirtyKeys) oldest(end int64) int64 {
	for _, k := range d.due {
		end = min(end, k.since-1)
	}
	return end
}

// sent notes that a key was sent as it was at an offset of the stream, in so many bytes.
func (d *dirtyKeys) sent(key string, at, now int64, size int) {
	d.floors[key] = at
	d.queue = append(d.queue, floor{at, key})
	if wait := int64(size) / restoreRate; wait > Interval {
		d.paced[key] = now + wait
	}
}

// reached forgets the floors up to an offset that the translation is about to leave.
func (d *dirtyKeys) reached(offset int64) {
	n := 0
	for n < len(d.queue) && d.queue[n].at < offset {
		f := &d.queue[n]
		if d.floors[f.key] == f.at {
			delete(d.floors, f.key)
		}
		*f = floor{}
		n++
	}
	if d.queue = d.queue[n:]; len(d.queue) == 0 {
		d.queue = nil
	}
}

// forgetPaces forgets what has no effect any more.
func (d *dirtyKeys) forgetPaces(now int64) {
	for key, until := range d.paced {
		if until <= now {
			delete(d.paced, key)
		}
	}
}
