package rdb

import "encoding/binary"

// streamOutline is what the first pass over a stream finds out.
type streamOutline struct {
	self    StreamPart
	first   StreamID
	length  int
	nodes   int
	node    streamNode
	bytes   int   // of all nodes but the last, and of all groups but the last
	pending []int // of each group
	group   groupOutline
}

// groupOutline counts the last group.
type groupOutline struct {
	bytes     int            // of it and its consumers, but for what is pending with these
	consumers map[string]int // how much is pending with each
}

func (g *groupOutline) size(pending int) int {
	size := g.bytes + lengthSize(pending) + lengthSize(len(g.consumers))
	for _, n := range g.consumers {
		size += lengthSize(n)
	}
	return size
}

func (o *streamOutline) add(p *StreamPart) {
	switch p.Kind {
	case StreamSelf:
		o.self = *p
	case StreamEntry:
		if o.node.full(p.Strings) {
			o.bytes += o.node.fullSize()
			o.node.count = 0
		}
		if o.node.count == 0 {
			o.nodes++
		}
		if o.length++; o.length == 1 {
			o.first = p.ID
		}
		o.node.add(p.ID, p.Strings)
	case StreamGroup:
		o.endGroup()
		o.pending = append(o.pending, 0)
		o.group = groupOutline{consumers: make(map[string]int),
			bytes: stringSize(p.Group) + p.ID.wideSize() + wideSize(uint64(p.Read))}
	case StreamConsumer:
		o.group.consumer(p.Consumer)
	case StreamPending:
		o.pending[len(o.pending)-1]++
		o.group.consumer(p.Consumer)
		o.group.consumers[string(p.Consumer)]++
		o.group.bytes += streamIDSize + timeSize + wideSize(p.Deliveries) + streamIDSize
	}
}

func (g *groupOutline) consumer(name []byte) {
	if _, there := g.consumers[string(name)]; !there {
		g.consumers[string(name)] = 0
		g.bytes += stringSize(name) + timeSize
	}
}

func (o *streamOutline) endGroup() {
	if n := len(o.pending); n > 0 {
		o.bytes += o.group.size(o.pending[n-1])
	}
}

// size returns the bytes between the form and the footer.
func (o *streamOutline) size() int {
	size := lengthSize(o.nodes) + o.bytes + o.node.fullSize() + lengthSize(o.length) + o.self.ID.wideSize() +
		o.first.wideSize() + o.self.Deleted.wideSize() + wideSize(o.self.Added) + lengthSize(len(o.pending))
	if n := len(o.pending); n > 0 {
		size += o.group.size(o.pending[n-1])
	}
	return size
}

// streamWriter is what an Encoder gathers of a stream.
type streamWriter struct {
	node      streamNode
	headed    bool // all nodes and what follows them is written
	groups    int
	consumers []consumerWriter // of the last group
	index     map[string]int
}

// consumerWriter is a consumer that follows what is pending in its group.
type consumerWriter struct {
	name []byte
	seen int64
	ids  []byte // of what is pending with it
}

func (e *Encoder) addToStream(p *StreamPart) {
	s := &e.stream
	switch p.Kind {
	case StreamEntry:
		e.addEntry(p)
	case StreamGroup:
		e.endNodes()
		e.endGroup()
		e.str(p.Group)
		e.buf = appendWide(p.ID.appendWide(e.buf), uint64(p.Read))
		e.buf = appendLength(e.buf, e.o.stream.pending[s.groups])
		s.groups++
	case StreamConsumer:
		s.consumer(p.Consumer, p.Time)
	case StreamPending:
		e.buf = binary.LittleEndian.AppendUint64(p.ID.appendRaw(e.buf), uint64(p.Time))
		e.buf = appendWide(e.buf, p.Deliveries)
		c := s.consumer(p.Consumer, p.Time)
		c.ids = p.ID.appendRaw(c.ids)
	}
}

// consumer returns a consumer of the last group. One that has not been told of was seen
// when it was given what is pending.
func (s *streamWriter) consumer(name []byte, seen int64) *consumerWriter {
	i, there := s.index[string(name)]
	if !there {
		if s.index == nil {
			s.index = make(map[string]int)
		}
		i = len(s.consumers)
		s.consumers = append(s.consumers, consumerWriter{name: append([]byte(nil), name...), seen: seen})
		s.index[string(name)] = i
	}
	return &s.consumers[i]
}

// addEntry puts an entry into the node that is gathered, or writes that first.
func (e *Encoder) addEntry(p *StreamPart) {
	node := &e.stream.node
	if node.full(p.Strings) {
		e.endNode()
	}
	size := 0
	for _, s := range p.Strings {
		size += len(s)
	}
	items := node.add(p.ID, p.Strings)
	if size < encoderBuffer {
		for i := range items {
			e.entries = appendEntry(e.entries, &items[i])
		}
		return
	}
	e.streamNodeHead() // it is alone
	for i := range items {
		e.packed(&items[i])
	}
	e.buf = append(e.buf, listpackEnd)
	node.count = 0
}

// streamNodeHead writes the head of the node, with the first item of its listpack.
func (e *Encoder) streamNodeHead() {
	node := &e.stream.node
	e.buf = node.id.appendRaw(append(e.buf, streamIDSize))
	size := node.size()
	e.buf = appendLength(e.buf, size)
	e.buf = appendListpackHead(e.buf, size-listpackFrame, node.items)
	count := packInt(int64(node.count))
	e.buf = appendEntry(e.buf, &count)
}

func (e *Encoder) endNode() {
	if e.stream.node.count > 0 {
		e.streamNodeHead()
		e.buf = append(append(e.buf, e.entries...), listpackEnd)
	}
	e.stream.node.count = 0
	e.entries = e.entries[:0]
}

// endNodes writes the last node and what stands between nodes and groups.
func (e *Encoder) endNodes() {
	if e.stream.headed {
		return
	}
	e.stream.headed = true
	e.endNode()
	o := e.o.stream
	e.buf = o.self.ID.appendWide(appendLength(e.buf, o.length))
	e.buf = o.self.Deleted.appendWide(o.first.appendWide(e.buf))
	e.buf = appendWide(e.buf, o.self.Added)
	e.buf = appendLength(e.buf, len(o.pending))
}

// endGroup writes the consumers of the last group.
func (e *Encoder) endGroup() {
	s := &e.stream
	if s.groups == 0 {
		return
	}
	e.buf = appendLength(e.buf, len(s.consumers))
	for i := range s.consumers {
		c := &s.consumers[i]
		e.str(c.name)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(c.seen))
		e.buf = appendLength(e.buf, len(c.ids)/streamIDSize)
		if len(c.ids) < encoderBuffer {
			e.buf = append(e.buf, c.ids...)
		} else {
			e.long(c.ids)
		}
	}
	s.consumers = s.consumers[:0]
	clear(s.index)
}

func (e *Encoder) endStream() {
	e.endNodes()
	e.endGroup()
}
