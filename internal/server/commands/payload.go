package commands

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// payload is a collection on its way into the form of DUMP. It is made of a snapshot, so
// without the slot's lock.
type payload struct {
	snapshot keyspace.Snapshot
	now      int64 // fields that have expired by now are left out
	outline  rdb.Outline
}

// newPayload returns the payload of a collection; encoding is the name that Redis would use
// for its own.
func newPayload(snapshot keyspace.Snapshot, encoding string, now int64) *payload {
	p := &payload{snapshot: snapshot, now: now}
	p.outline.Type = rdb.Type(snapshot.Entry().Type)
	p.outline.Compact = encoding == "listpack" || encoding == "intset"
	p.each(func(e *rdb.Element) error {
		p.outline.Add(e)
		return nil
	})
	return p
}

// writeTo writes the payload, outline.Size() bytes.
func (p *payload) writeTo(w io.Writer) error {
	encoder := rdb.NewEncoder(w, &p.outline)
	if err := p.each(encoder.Add); err != nil {
		return err
	}
	return encoder.Close()
}

// each calls fn with the elements until it returns an error.
func (p *payload) each(fn func(*rdb.Element) error) (err error) {
	var e rdb.Element
	typ := p.snapshot.Entry().Type
	if typ == keyspace.Stream {
		s, err := p.snapshot.Stream()
		if err != nil {
			return err
		}
		return eachStreamPart(s, fn)
	}
	p.snapshot.Parts(func(part, value []byte, expireAt int64) bool {
		if expireAt != 0 && expireAt <= p.now {
			return true
		}
		e = rdb.Element{Name: part, ExpireAt: expireAt}
		switch typ {
		case keyspace.List:
			e.Name = value
		case keyspace.ZSet:
			e.Score = math.Float64frombits(binary.BigEndian.Uint64(value))
		case keyspace.Hash:
			e.Value = value
		}
		err = fn(&e)
		return err == nil
	})
	return err
}

// firstPosition is where a list that is built begins: 0, in the form of keyspace.Op.
const firstPosition = uint64(1) << 63

// collect builds the collection that a payload holds; nodes says where those of a stream
// end. Its error is rdb.ErrFormat also if a
// name is there twice.
func collect(v rdb.Value, nodes stream.Limits) (*keyspace.Collection, error) {
	if v.Type == rdb.Stream {
		return collectStream(v, nodes)
	}
	c, err := keyspace.NewCollection(keyspace.Type(v.Type))
	if err != nil {
		return nil, err
	}
	position := firstPosition
	var number [8]byte
	err = v.Each(func(e *rdb.Element) error {
		part, value := e.Name, e.Value
		switch v.Type {
		case rdb.List:
			part, value = binary.BigEndian.AppendUint64(number[:0], position), e.Name
			position++
		case rdb.ZSet:
			value = binary.BigEndian.AppendUint64(number[:0], math.Float64bits(e.Score))
		}
		added, err := c.Set(part, value, e.ExpireAt)
		if err == nil && !added {
			err = rdb.ErrFormat
		}
		return err
	})
	return c, err
}
