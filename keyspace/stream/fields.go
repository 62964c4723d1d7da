package stream

import (
	"encoding/binary"
	"errors"
	"iter"
)

// An entry's value is a list of strings, field, value, field, value and so on: the number of
// strings, and before each string its length, all as uvarints.

// AppendCount appends the beginning of an entry's value of so many strings.
func AppendCount(b []byte, strings int) []byte { return binary.AppendUvarint(b, uint64(strings)) }

// AppendString appends one of its strings.
func AppendString(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// ErrValue refuses what is no entry's value.
var ErrValue = errors.New("the value of a stream's entry is not a list of fields with values")

// CheckValue returns an error if value, which came from outside, is no entry's value.
func CheckValue(value []byte) error {
	count, size := binary.Uvarint(value)
	if size <= 0 || count%2 != 0 {
		return ErrValue
	}
	for value = value[size:]; count > 0; count-- {
		n, size := binary.Uvarint(value)
		if size <= 0 || n > uint64(len(value)-size) {
			return ErrValue
		}
		value = value[size+int(n):]
	}
	if len(value) > 0 {
		return ErrValue
	}
	return nil
}

// Fields reads the strings of an entry: its fields and their values in turn. It is valid
// until the stream changes.
type Fields struct {
	left   int
	value  []byte
	names  []byte   // of fields, if they are shared
	text   *numeral // where integers are made; it may be shared with other entries
	packed bool     // value is what a node has
	shared bool
}

// FieldsOf reads an entry's value.
func FieldsOf(value []byte) Fields {
	count, size := binary.Uvarint(value)
	return Fields{left: int(count), value: value[size:]}
}

// Len returns how many strings are still to come.
func (f *Fields) Len() int { return f.left }

// Next returns the next string, which is valid until the following call, and false at the end.
func (f *Fields) Next() (s []byte, ok bool) {
	if f.left == 0 {
		return nil, false
	}
	f.left--
	switch {
	case !f.packed:
		s, f.value = cutString(f.value)
	case f.shared && f.left%2 != 0:
		s, f.names = cutString(f.names)
	default:
		if f.text == nil {
			f.text = new(numeral)
		}
		s, f.value = readPacked(f.value, f.text)
	}
	return s, true
}

// All yields the fields that are still to come with their values, each of which is valid until the
// next one.
func (f Fields) All() iter.Seq2[string, []byte] {
	return func(yield func(field string, value []byte) bool) {
		for f.left > 0 {
			field, _ := f.Next()
			name := string(field)
			if value, _ := f.Next(); !yield(name, value) {
				return
			}
		}
	}
}

// cutString returns the string at the beginning of b, which is behind its length, and what
// follows it.
func cutString(b []byte) (s, rest []byte) {
	n, size := uvarint(b)
	end := size + int(n)
	return b[size:end], b[end:]
}

// AppendValue appends what is still to come as an entry's value.
func (f Fields) AppendValue(b []byte) []byte {
	b = AppendCount(b, f.left)
	for s, ok := f.Next(); ok; s, ok = f.Next() {
		b = AppendString(b, s)
	}
	return b
}
