package rdb

import (
	"bytes"
	"math"
)

// Same reports whether two payloads hold the same value, however it is written: compressed
// or not, in a table or compact, a set or a hash in any order.
func Same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	ours, err := Parse(a)
	if err != nil {
		return false
	}
	theirs, err := Parse(b)
	if err != nil || ours.Type != theirs.Type {
		return false
	}
	if ours.Type == String {
		v, err := ours.Bytes()
		w, err2 := theirs.Bytes()
		return err == nil && err2 == nil && bytes.Equal(v, w)
	}
	left, ok := elementsByName(ours)
	if !ok {
		return false
	}
	n := 0
	err = theirs.Each(func(e *Element) error {
		name := nameAt(ours.Type, n, e)
		n++
		if other, there := left[name]; !there || other != besidesOf(ours.Type, e) {
			return ErrFormat
		}
		delete(left, name)
		return nil
	})
	return err == nil && len(left) == 0
}

// partOfStream returns what a part of a stream is found by, and what else it has.
func partOfStream(p *StreamPart) (name, value string) {
	b := appendString([]byte{byte(p.Kind)}, p.Group)
	switch p.Kind {
	case StreamEntry, StreamPending:
		b = p.ID.appendRaw(b)
	case StreamConsumer:
		b = append(b, p.Consumer...)
	}
	v := p.ID.appendRaw(nil)
	v = p.Deleted.appendRaw(v)
	for _, n := range []uint64{p.Added, uint64(p.Read), uint64(p.Time), p.Deliveries} {
		v = appendWide(v, n)
	}
	for _, s := range p.Strings {
		v = appendString(v, s)
	}
	return string(b), string(append(v, p.Consumer...))
}

// besides is what an element has beside its name.
type besides struct {
	value    string
	score    uint64
	expireAt int64
}

func besidesOf(typ Type, e *Element) besides {
	switch typ {
	case List:
		return besides{value: string(e.Name)}
	case Stream:
		_, value := partOfStream(e.Stream)
		return besides{value: value}
	}
	return besides{string(e.Value), math.Float64bits(e.Score), e.ExpireAt}
}

// nameAt returns what an element is found by: of a list that is its place.
func nameAt(typ Type, n int, e *Element) string {
	switch typ {
	case List:
		return string(appendLittle(nil, int64(n), 8))
	case Stream:
		name, _ := partOfStream(e.Stream)
		return name
	}
	return string(e.Name)
}

func elementsByName(v Value) (elements map[string]besides, ok bool) {
	elements = make(map[string]besides)
	n := 0
	err := v.Each(func(e *Element) error {
		elements[nameAt(v.Type, n, e)] = besidesOf(v.Type, e)
		n++
		return nil
	})
	return elements, err == nil
}
