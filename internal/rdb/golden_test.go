package rdb

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
)

// golden is a payload and what it holds.
type golden struct {
	name     string
	typ      Type
	compact  bool
	elements []Element
	payload  string
}

// names makes elements of a list or a set.
func names(list ...string) (elements []Element) {
	for _, name := range list {
		elements = append(elements, Element{Name: []byte(name)})
	}
	return elements
}

// fields makes elements of a hash.
func fields(pairs ...string) (elements []Element) {
	for i := 0; i < len(pairs); i += 2 {
		elements = append(elements, Element{Name: []byte(pairs[i]), Value: []byte(pairs[i+1])})
	}
	return elements
}

// until sets when a field expires.
func until(elements []Element, at ...int64) []Element {
	for i := range at {
		elements[i].ExpireAt = at[i]
	}
	return elements
}

func scored(score float64, name string) Element { return Element{Name: []byte(name), Score: score} }

// written are payloads of redis-server 7.0.15 with rdbcompression no: what an Encoder writes
// too.
var written = []golden{
	{"list of numbers of all widths and strings", List, true,
		names("0", "127", "128", "-1", "4095", "-4096", "4096", "32767", "-32768", "8388607", "-8388608", "2147483647",
			"-2147483648", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "", "a",
			strings.Repeat("x", 63), strings.Repeat("y", 64)),
		"\x12\x01\x02@\xf0\xf0\x00\x00\x00\x15\x00\x00\x01\x7f\x01\xc0\x80\x02\xdf\xff\x02\xcf\xff\x02\xd0\x00\x02" +
			"\xf1\x00\x10\x03\xf1\xff\x7f\x03\xf1\x00\x80\x03\xf2\xff\xff\x7f\x04\xf2\x00\x00\x80\x04\xf3\xff\xff\xff\x7f\x05" +
			"\xf3\x00\x00\x00\x80\x05\xf4\xff\xff\xff\xff\xff\xff\xff\x7f\x09\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09" +
			"\x939223372036854775808\x14\x83007\x04\x80\x01\x81a\x02\xbf" + strings.Repeat("x", 63) + "@" +
			"\xe0@" + strings.Repeat("y", 64) + "B\xff\x0a\x00)\xae\xb6* \xee\xd2\x9b"},
	{"set of numbers", Set, true, names("-5", "3", "100"),
		"\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\xfb\xff\x03\x00d\x00\x0a\x00t@\xd4\xe0\xee\x19\xbf\xa8"},
	{"set of wide numbers", Set, true, names("-2147483648", "1", "70000"),
		"\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x80\x01\x00\x00\x00p\x11\x01\x00" +
			"\x0a\x00\xe5\x9b\xfa\x8b>\xa5c\x82"},
	{"set of the widest numbers", Set, true, names("1", "9223372036854775807"),
		"\x0b\x18\x08\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f" +
			"\x0a\x00\x94 \xa5\xa36=\x85\xab"},
	{"set", Set, true, names("one"), "\x02\x01\x03one\x0a\x00|4k\x05\x91\xe5\xd2\x0c"},
	{"sorted set", ZSet, true, []Element{scored(math.Inf(-1), "low"), scored(-1.5, "a"), scored(0, "zero"), scored(1, "b"),
		scored(1, "c"), scored(3.25, "d"), scored(1e17, "f"), scored(1e300, "e"), scored(math.Inf(1), "top")},
		"\x11@ii\x00\x00\x00\x12\x00\x83low\x04\x84-inf\x05\x81a\x02\x84-1.5\x05\x84zero\x05\x00\x01\x81b\x02\x01\x01" +
			"\x81c\x02\x01\x01\x81d\x02\x843.25\x05\x81f\x02\xf4\x00\x00\x8a]xEc\x01\x09\x81e\x02" +
			"\x971.0000000000000001e+300\x18\x83top\x04\x83inf\x04\xff\x0a\x00\xeb_\x0a\xa0qPP\x12"},
	{"large sorted set", ZSet, false, []Element{scored(1.5, "one")},
		"\x05\x01\x03one\x00\x00\x00\x00\x00\x00\xf8?\x0a\x00\x1d\xcd\x05u\x9bM\xfd\xb9"},
	{"hash", Hash, true, fields("f", "v", "n", "12", "12", strings.Repeat("x", 40)),
		"\x10>>\x00\x00\x00\x06\x00\x81f\x02\x81v\x02\x81n\x02\x0c\x01\x0c\x01\xa8" + strings.Repeat("x", 40) + ")\xff" +
			"\x0a\x00}]uu\xc7\xb1\x85\xe5"},
	{"large hash", Hash, false, fields("f", "-7"), "\x04\x01\x01f\xc0\xf9\x0a\x00b\xdc\\\xd4\x7f\x1c\xc6\x99"},
}

// readOnly are payloads that redis-server 7.0.15 writes and an Encoder does not: compressed
// ones, and elements outside listpacks (DEBUG QUICKLIST-PACKED-THRESHOLD).
var readOnly = []golden{
	{"compressed hash", Hash, true, fields("f", strings.Repeat("a", 60)),
		"\x10\xc3\x12@H\x0aH\x00\x00\x00\x02\x00\x81f\x02\xbca\xe02\x00\x01=\xff\x0a\x00V\xdf\xd9W]\xc8\x82\xab"},
	{"compressed list", List, true, names(strings.Repeat("a", 60), "b", strings.Repeat("a", 60), "b",
		strings.Repeat("a", 60), "b"),
		"\x12\x01\x02\xc3\x17@\xca\x07\xca\x00\x00\x00\x06\x00\xbca\xe02\x00\x03=\x81b\x02\xe0x@\x01\x02\xff" +
			"\x0a\x00\xf0\x83\x0f\xd6\xecb\x14}"},
	{"list with an element of its own", List, true, names("short", "longer than that", "s"),
		"\x12\x03\x02\x0e\x0e\x00\x00\x00\x01\x00\x85short\x06\xff" +
			"\x01\x10longer than that\x02\x0a\x0a\x00\x00\x00\x01\x00\x81s\x02\xff\x0a\x00\xab\xf1\x9b\xe1\xad\x8f\xbe\xfc"},
}

// elementsOf reads the elements of a payload.
func elementsOf(payload []byte) (v Value, elements []Element, err error) {
	if v, err = Parse(payload); err != nil {
		return v, nil, err
	}
	err = v.Each(func(e *Element) error {
		elements = append(elements, Element{bytes.Clone(e.Name), bytes.Clone(e.Value), e.Score, e.ExpireAt,
			clonePart(e.Stream)})
		return nil
	})
	return v, elements, err
}

func clonePart(p *StreamPart) *StreamPart {
	if p == nil {
		return nil
	}
	c := *p
	c.Strings = nil
	for _, s := range p.Strings {
		c.Strings = append(c.Strings, bytes.Clone(s))
	}
	c.Group, c.Consumer = bytes.Clone(p.Group), bytes.Clone(p.Consumer)
	return &c
}

func same(a, b []Element) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].Name, b[i].Name) || !bytes.Equal(a[i].Value, b[i].Value) || a[i].ExpireAt != b[i].ExpireAt ||
			math.Float64bits(a[i].Score) != math.Float64bits(b[i].Score) || !reflect.DeepEqual(a[i].Stream, b[i].Stream) {
			return false
		}
	}
	return true
}

// encode writes a collection and checks that it takes up what was said.
func encode(t testing.TB, typ Type, compact bool, elements []Element) []byte {
	t.Helper()
	outline := &Outline{Type: typ, Compact: compact}
	for i := range elements {
		outline.Add(&elements[i])
	}
	var b bytes.Buffer
	encoder := NewEncoder(&b, outline)
	for i := range elements {
		if err := encoder.Add(&elements[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := encoder.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() != outline.Size() {
		t.Fatalf("the payload of %d elements has %d bytes, Size said %d", len(elements), b.Len(), outline.Size())
	}
	return b.Bytes()
}

func TestEachReadsRedis(t *testing.T) {
	for _, g := range append(written, readOnly...) {
		v, elements, err := elementsOf([]byte(g.payload))
		if err != nil || v.Type != g.typ || !same(elements, g.elements) {
			t.Errorf("%s: type %d, %v, %v", g.name, v.Type, elements, err)
		}
	}
}

func TestEncoderWritesWhatRedisWrites(t *testing.T) {
	for _, g := range written {
		if got := encode(t, g.typ, g.compact, g.elements); string(got) != g.payload {
			t.Errorf("%s:\n%q, Redis writes\n%q", g.name, got, g.payload)
		}
	}
}
