package dump

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// Payload is a collection on its way into the form of DUMP. It is made of a snapshot, so
// without the slot's lock.
type Payload struct {
	Outline  rdb.Outline
	snapshot keyspace.Snapshot
	options  Options
	expiring bool
}

// Options say what of a collection is written. The zero value is all.
type Options struct {
	Now   int64 // fields of hashes that have expired by now, Unix milliseconds, are left out
	Plain bool  // fields of hashes are written without their expiry
}

// New returns the payload of a collection; encoding is the name that Redis would use for its
// own.
func New(snapshot keyspace.Snapshot, encoding string, o Options) *Payload {
	p := &Payload{snapshot: snapshot, options: o}
	p.Outline.Type = rdb.Type(snapshot.Entry().Type)
	p.Outline.Compact = encoding == "listpack" || encoding == "intset"
	p.Each(func(e *rdb.Element) error {
		p.expiring = p.expiring || e.ExpireAt != 0
		p.Outline.Add(e)
		return nil
	})
	return p
}

// Expiring reports whether it has fields that expire and are written with their expiry.
func (p *Payload) Expiring() bool { return p.expiring }

// Encode writes the payload, Outline.Size() bytes.
func (p *Payload) Encode(w io.Writer) error {
	encoder := rdb.NewEncoder(w, &p.Outline)
	if err := p.Each(encoder.Add); err != nil {
		return err
	}
	return encoder.Close()
}

// Each calls fn with the elements until it returns an error.
func (p *Payload) Each(fn func(*rdb.Element) error) (err error) {
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
		if expireAt != 0 && expireAt <= p.options.Now {
			return true
		}
		if p.options.Plain {
			expireAt = 0
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

// FirstPosition is where a list that is built begins: 0, in the form of keyspace.Op.
const FirstPosition = uint64(1) << 63

// Collect builds the collection that a payload holds; nodes says where those of a stream
// end. Its error is rdb.ErrFormat also if a
// name is there twice.
func Collect(v rdb.Value, nodes stream.Limits) (*keyspace.Collection, error) {
	if v.Type == rdb.Stream {
		return collectStream(v, nodes)
	}
	c, err := keyspace.NewCollection(keyspace.Type(v.Type))
	if err != nil {
		return nil, err
	}
	position := FirstPosition
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
