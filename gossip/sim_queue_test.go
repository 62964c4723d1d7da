package gossip

// simEvent is something to come: a message that arrives, or anything else to do.
type simEvent struct {
	at  int64 // nanoseconds since simStart
	seq uint64
	do  func()
	to  *simEnd // where msg arrives, if do is nil
	msg *Message
}

// simQueue is a heap with four children a node: half of what a simulation costs is its
// queue, and container/heap would allocate twice for each event.
type simQueue []simEvent

func (e *simEvent) before(o *simEvent) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (q *simQueue) push(e simEvent) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	*q = h
}

func (q *simQueue) pop() simEvent {
	h := *q
	first, last := h[0], h[len(h)-1]
	h[len(h)-1] = simEvent{}
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return first
	}
	i := 0
	for {
		least := 4*i + 1
		if least >= len(h) {
			break
		}
		for child := least + 1; child < min(4*i+5, len(h)); child++ {
			if h[child].before(&h[least]) {
				least = child
			}
		}
		if !h[least].before(&last) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = last
	return first
}
