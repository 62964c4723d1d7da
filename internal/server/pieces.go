package server

// pieces is a queue of what waits to be written. It shares the bytes that it is given.
type pieces struct {
	list  [][]byte
	first int // of list that is still in the queue
}

// keepPieces is how many places of an empty queue are kept.
const keepPieces = 64

func (q *pieces) len() int { return len(q.list) - q.first }

func (q *pieces) add(b []byte) {
	if len(q.list) == cap(q.list) && q.first > len(q.list)/2 {
		n := copy(q.list, q.list[q.first:])
		clear(q.list[n:])
		q.list, q.first = q.list[:n], 0
	}
	q.list = append(q.list, b)
}

// remove takes n pieces from the front.
func (q *pieces) remove(n int) {
	clear(q.list[q.first : q.first+n])
	if q.first += n; q.first < len(q.list) {
		return
	}
	if q.list, q.first = q.list[:0], 0; cap(q.list) > keepPieces {
		q.list = nil
	}
}

// putBack puts b before what is in the queue. It must follow a remove.
func (q *pieces) putBack(b []byte) {
	if q.first > 0 {
		q.first--
		q.list[q.first] = b
		return
	}
	q.list = append([][]byte{b}, q.list...)
}

// gather takes as many pieces from the front as one write sends: a large one as it is,
// small ones copied together into scratch, which is made when it is needed. n is how many
// those are.
func (q *pieces) gather(scratch *[]byte) (b []byte, n int) {
	list, size := q.list[q.first:], 0
	for n < len(list) && size+len(list[n]) <= gatherAt {
		size += len(list[n])
		n++
	}
	if n <= 1 {
		b, n = list[0], 1
	} else {
		if *scratch == nil {
			*scratch = make([]byte, 0, gatherAt)
		}
		b = (*scratch)[:0]
		for _, piece := range list[:n] {
			b = append(b, piece...)
		}
	}
	q.remove(n)
	return b, n
}
