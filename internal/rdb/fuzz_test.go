package rdb

import (
	"bytes"
	"io"
	"math"
	"slices"
	"testing"
)

// readRow reads all entries of a row.
func readRow(row entries) (list [][]byte, err error) {
	for {
		var scratch [32]byte
		entry, err := row.next(scratch[:])
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, bytes.Clone(entry))
	}
}

func FuzzListpack(f *testing.F) {
	f.Add(listpackOf())
	f.Add(listpackOf("a", "1", "-1", "300", "-40000", "12345678901", "-9223372036854775808", long[:100], long[:5000]))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, ok := newListpack(b)
		if !ok {
			return
		}
		list, err := readRow(row)
		if err != nil {
			return
		}
		var bytes []byte
		for _, s := range list {
			e := packEntry(s)
			bytes = appendEntry(bytes, &e)
		}
		again, ok := newListpack(append(append(appendListpackHead(nil, len(bytes), len(list)), bytes...), listpackEnd))
		if got, err := readRow(again); !ok || err != nil || !slices.EqualFunc(got, list, equalBytes) {
			t.Fatalf("%q comes back as %q, %v", list, got, err)
		}
	})
}

func equalBytes(a, b []byte) bool { return bytes.Equal(a, b) }

func FuzzZiplist(f *testing.F) {
	f.Add(ziplistOf())
	f.Add(ziplistOf("a", "1", "-1", "300", "-40000", "12345678901", "-9223372036854775808", long[:100], long[:5000]))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, ok := newZiplist(b)
		if !ok {
			return
		}
		list, err := readRow(row)
		size := 0
		for _, s := range list {
			size += min(len(s), 1)
		}
		if err == nil && size > len(b) {
			t.Fatalf("%d bytes give %d entries", len(b), size)
		}
	})
}

func FuzzZipmap(f *testing.F) {
	f.Add(zipmapOf())
	f.Add(zipmapOf("a", "1", "b", long[:300], "", ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, ok := newZipmap(b)
		if !ok {
			return
		}
		if list, err := readRow(row); err == nil && len(list)%2 != 0 {
			t.Fatalf("%d entries are no pairs", len(list))
		}
	})
}

func FuzzIntset(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00"))
	f.Add([]byte("\x08\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		last := int64(math.MinInt64)
		n := 0
		eachInt(b, func(text []byte) error {
			number, ok := parseInt(text)
			if !ok || n > 0 && number <= last {
				t.Fatalf("%q after %d", text, last)
			}
			last, n = number, n+1
			return nil
		})
	})
}

// FuzzEach reads a collection in any form, and writes and reads it again.
func FuzzEach(f *testing.F) {
	for _, g := range append(written, readOnly...) {
		f.Add([]byte(g.payload[:len(g.payload)-footerSize]), false)
	}
	for _, payload := range []string{streamEmpty, streamGroups, streamDeletedEntry} {
		f.Add([]byte(payload[:len(payload)-footerSize]), false)
	}
	for _, form := range []form{formStreamEarly, formStream, formStreamActive} {
		f.Add(oneEntry(form, func(*streamTestBody) {}), false)
	}
	for _, old := range former {
		f.Add(old.body, false)
	}
	for _, l := range later {
		f.Add(l.body, l.version == valkeyVersion)
	}
	f.Fuzz(func(t *testing.T, body []byte, valkey bool) {
		version := uint16(12)
		if valkey {
			version = valkeyVersion
		}
		v, elements, err := elementsOf(seal(body, version))
		if err != nil {
			return
		}
		if v.Type == Stream && consumerTwice(elements) {
			return
		}
		for _, compact := range []bool{false, true} {
			want := slices.Clone(elements)
			payload := encode(t, v.Type, compact, want)
			_, got, err := elementsOf(payload)
			if compact && v.Type == Set { // an intset is in order, and has no number twice
				if form(payload[0]) == formIntset && (err == ErrFormat || len(got) == len(want)) {
					continue
				}
			}
			if err != nil || !same(got, want) {
				t.Fatalf("%v comes back as %v, %v", want, got, err)
			}
		}
	})
}

// consumerTwice reports whether a group has two consumers of one name, which an Encoder
// would make one of: the caller refuses the payload.
func consumerTwice(elements []Element) bool {
	seen := make(map[string]bool)
	for _, e := range elements {
		name := string(e.Stream.Consumer)
		switch {
		case e.Stream.Kind == StreamGroup:
			clear(seen)
		case e.Stream.Kind == StreamConsumer && seen[name]:
			return true
		case e.Stream.Kind == StreamConsumer:
			seen[name] = true
		}
	}
	return false
}

// FuzzEncoder writes a hash and a list of any strings and reads them again.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte("a\x00b\x001\x00-1"), 0)
	f.Add([]byte("12345678901\x00-9223372036854775808\x00007\x00"), 1000)
	f.Fuzz(func(t *testing.T, data []byte, repeat int) {
		pieces := bytes.Split(data, []byte{0})
		pieces[0] = bytes.Repeat(pieces[0], 1+int(uint(repeat)%2000))
		var list, pairs []Element
		for i, piece := range pieces {
			list = append(list, Element{Name: piece})
			pairs = append(pairs, Element{Name: piece, Value: pieces[len(pieces)-1-i]})
		}
		for _, compact := range []bool{false, true} {
			if _, got, err := elementsOf(encode(t, List, compact, list)); err != nil || !same(got, list) {
				t.Fatalf("%v comes back as %v, %v", list, got, err)
			}
			if _, got, err := elementsOf(encode(t, Hash, compact, pairs)); err != nil || !same(got, pairs) {
				t.Fatalf("%v comes back as %v, %v", pairs, got, err)
			}
		}
	})
}
