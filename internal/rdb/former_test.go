package rdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

// ziplistOf makes the ziplist of some strings, as Redis up to 6.2 wrote it.
func ziplistOf(list ...string) []byte {
	b := make([]byte, ziplistHead)
	last := 0
	at := len(b)
	for i, s := range list {
		start := len(b)
		switch before := start - at; {
		case i == 0:
			b = append(b, 0)
		case before < ziplistLong:
			b = append(b, byte(before))
		default:
			b = binary.LittleEndian.AppendUint32(append(b, ziplistLong), uint32(before))
		}
		b = appendZiplistEntry(b, s)
		last, at = start, start
	}
	if last == 0 {
		last = ziplistHead
	}
	b = append(b, ziplistEnd)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], uint32(last))
	binary.LittleEndian.PutUint16(b[8:], uint16(len(list)))
	return b
}

func appendZiplistEntry(b []byte, s string) []byte {
	n, ok := parseInt([]byte(s))
	switch {
	case ok && n >= 0 && n <= 12:
		return append(b, 0xf1+byte(n))
	case ok && n == int64(int8(n)):
		return append(b, 0xfe, byte(n))
	case ok && n == int64(int16(n)):
		return appendLittle(append(b, 0xc0), n, 2)
	case ok && n >= -1<<23 && n < 1<<23:
		return appendLittle(append(b, 0xf0), n, 3)
	case ok && n == int64(int32(n)):
		return appendLittle(append(b, 0xd0), n, 4)
	case ok:
		return appendLittle(append(b, 0xe0), n, 8)
	case len(s) < 1<<6:
		b = append(b, byte(len(s)))
	case len(s) < 1<<14:
		b = append(b, 0x40|byte(len(s)>>8), byte(len(s)))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0x80), uint32(len(s)))
	}
	return append(b, s...)
}

// zipmapOf makes a hash of Redis 2.4; each value is followed by two unused bytes.
func zipmapOf(list ...string) []byte {
	b := []byte{byte(min(len(list)/2, zipmapLong))}
	for i, s := range list {
		if len(s) < zipmapLong {
			b = append(b, byte(len(s)))
		} else {
			b = binary.LittleEndian.AppendUint32(append(b, zipmapLong), uint32(len(s)))
		}
		if i%2 == 0 {
			b = append(b, s...)
		} else {
			b = append(append(append(b, 2), s...), "??"...)
		}
	}
	return append(b, ziplistEnd)
}

// listpackOf makes a listpack.
func listpackOf(list ...string) []byte {
	var entries []byte
	for _, s := range list {
		e := packEntry([]byte(s))
		entries = appendEntry(entries, &e)
	}
	b := appendListpackHead(nil, len(entries), len(list))
	return append(append(b, entries...), listpackEnd)
}

// body makes what stands before the footer of strings, bytes (as they are) and lengths.
func body(f form, parts ...any) []byte {
	b := []byte{byte(f)}
	for _, part := range parts {
		switch part := part.(type) {
		case int:
			b = appendLength(b, part)
		case string:
			b = append(appendLength(b, len(part)), part...)
		case []byte:
			b = append(appendLength(b, len(part)), part...)
		case int64:
			b = appendLittle(b, part, 8)
		case float64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(part))
		case uint64:
			b = appendWide(b, part)
		case StreamID:
			b = part.appendRaw(b)
		case rune:
			b = append(b, byte(part))
		}
	}
	return b
}

var long = strings.Repeat("0123456789abcdef", 1100)

// former are values in forms that Redis 7.0 reads and no longer writes.
var former = []struct {
	name     string
	typ      Type
	elements []Element
	body     []byte
}{
	{"list of strings", List, names("a", "-1", long), body(formList, 3, "a", "-1", long)},
	{"list in a ziplist", List, names("12", "13", "-129", "40000", "-8388608", "8388608", "9223372036854775807", "", "a",
		long[:64], long[:300], long, "end"), body(formListZiplist, ziplistOf("12", "13", "-129", "40000", "-8388608",
		"8388608", "9223372036854775807", "", "a", long[:64], long[:300], long, "end"))},
	{"list of ziplists", List, names("1", "a", "2", "b"), body(formQuicklist, 3, ziplistOf("1", "a"), ziplistOf(),
		ziplistOf("2", "b"))},
	{"set of strings", Set, names("a", "5"), body(formSet, 2, "a", "5")},
	{"sorted set with scores as text", ZSet, []Element{scored(1.5, "a"), scored(math.Inf(1), "b"),
		scored(math.Inf(-1), "c"), scored(-2, "d")}, body(formZSet, 4, "a", '\x03', '1', '.', '5', "b", '\xfe', "c", '\xff',
		"d", '\x02', '-', '2')},
	{"sorted set in a ziplist", ZSet, []Element{scored(math.Inf(-1), "a"), scored(-3, "b"), scored(2.5, "7")},
		body(formZSetZiplist, ziplistOf("a", "-inf", "b", "-3", "7", "2.5"))},
	{"hash in a zipmap", Hash, fields("a", "1", "b", long[:300]), body(formZipmap, zipmapOf("a", "1", "b", long[:300]))},
	{"hash in a ziplist", Hash, fields("a", "1", "b", long[:300]), body(formHashZiplist, ziplistOf("a", "1", "b",
		long[:300]))},
}

// later are values in forms of Redis 7.2 and 7.4.
var later = []struct {
	name     string
	typ      Type
	elements []Element
	body     []byte
	version  uint16
}{
	{"set in a listpack", Set, names("a", "-5"), body(formSetListpack, listpackOf("a", "-5")), 11},
	{"fields that expire", Hash, until(fields("a", "1", "b", "2", "c", "3"), 1000, 0, 4e12),
		body(formHashTimes, int64(1000), 3, 1, "a", "1", 0, "b", "2", int('\x81'), "c", "3"), 12},
	{"fields that expire in a listpack", Hash, until(fields("a", "1", "b", "2"), 1000),
		body(formListpackTimes, int64(1000), listpackOf("a", "1", "1000", "b", "2", "0")), 12},
	{"fields that expire, release candidate", Hash, until(fields("a", "1", "b", "2"), 1000),
		body(formHashTimesEarly, 2, 1000, "a", "1", 0, "b", "2"), 12},
	{"fields that expire in a listpack, release candidate", Hash, until(fields("a", "1", "b", "2"), 1000),
		body(formListpackEarly, listpackOf("a", "1", "1000", "b", "2", "0")), 12},
	{"fields that expire, Valkey", Hash, until(fields("a", "1", "b", "2", "c", "3"), 1000, 0, 1),
		body(formHashTimesEarly, 3, "a", "1", int64(1000), "b", "2", int64(-1), "c", "3", int64(0)), valkeyVersion},
}

func init() { // a distance of 64 bits, which no length has
	b := later[1].body
	at := strings.LastIndex(string(b), "\x40\x81")
	wide := binary.BigEndian.AppendUint64([]byte{wide64}, 4e12-1000+1)
	later[1].body = append(append(append([]byte{}, b[:at]...), wide...), b[at+2:]...)
}

func TestEachReadsFormerAndLaterForms(t *testing.T) {
	check := func(name string, typ Type, want []Element, payload []byte) {
		v, elements, err := elementsOf(payload)
		if err != nil || v.Type != typ || !same(elements, want) {
			t.Errorf("%s: type %d, %.300s, %v", name, v.Type, fmt.Sprint(elements), err)
		}
	}
	for _, f := range former {
		check(f.name, f.typ, f.elements, seal(f.body, 9))
	}
	for _, l := range later {
		check(l.name, l.typ, l.elements, seal(l.body, l.version))
	}
}

func TestFieldsThatExpireSurviveTheWayBack(t *testing.T) {
	for _, compact := range []bool{false, true} {
		want := until(fields("a", "1", "b", "2", "c", "3"), 2000, 0, 1000)
		payload := encode(t, Hash, compact, want)
		if _, got, err := elementsOf(payload); err != nil || !same(got, want) {
			t.Errorf("%v, %v", got, err)
		}
		if version := binary.LittleEndian.Uint16(payload[len(payload)-footerSize:]); version != hashTimesVersion {
			t.Errorf("version %d: a Redis that knows nothing of such fields must refuse them", version)
		}
	}
}

// Whatever is cut off, changed or left over is found where it is read.
func TestDamagedCollections(t *testing.T) {
	bad := map[string][]byte{
		"a string that looks like a row":   body(formString, listpackOf("a")),
		"no elements":                      body(formList, 0),
		"no nodes":                         body(formQuicklist2, 0),
		"empty nodes":                      body(formQuicklist2, 1, 2, listpackOf()),
		"empty hash":                       body(formHashListpack, listpackOf()),
		"bytes left over":                  body(formList, 1, "a", "b"),
		"too few elements":                 body(formSet, 2, "a"),
		"a length that is an encoding":     body(formSet, '\xc0', '\x01', '\x61'),
		"score that is no number":          body(formZSet2, 1, "a", math.NaN()),
		"half a score":                     append(body(formZSet2, 1, "a"), 1, 2, 3),
		"text that is no number":           body(formZSet, 1, "a", '\xfd'),
		"text that is not a score":         body(formZSet, 1, "a", '\x02', 'x', 'y'),
		"text past the end":                body(formZSet, 1, "a", '\x05', '1'),
		"listpack score that is none":      body(formZSetListpack, listpackOf("a", "b")),
		"listpack without its last value":  body(formHashListpack, listpackOf("a", "1", "b")),
		"ziplist without its last value":   body(formHashZiplist, ziplistOf("a", "1", "b")),
		"zipmap without its last value":    body(formZipmap, zipmapOf("a", "1", "b")),
		"time that is none":                body(formListpackTimes, int64(1), listpackOf("a", "1", "x")),
		"time below 0":                     body(formListpackTimes, int64(1), listpackOf("a", "1", "-1")),
		"first time below 0":               body(formHashTimes, int64(-1), 1, 1, "a", "1"),
		"time out of range":                body(formHashTimes, int64(maxTime), 1, 9, "a", "1"),
		"unknown container":                body(formQuicklist2, 1, 3, listpackOf("a")),
		"empty element outside a listpack": body(formQuicklist2, 1, 1, ""),
		"intset of no width":               body(formIntset, "\x03\x00\x00\x00\x01\x00\x00\x00abc"),
		"intset too short":                 body(formIntset, "\x02\x00\x00\x00\x02\x00\x00\x00ab"),
		"intset out of order":              body(formIntset, "\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00"),
		"intset with a number twice":       body(formIntset, "\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x02\x00"),
	}
	for name, b := range bad {
		if _, _, err := elementsOf(seal(b, 10)); err != ErrFormat {
			t.Errorf("%s: %v", name, err)
		}
	}
	rows := map[form][]byte{
		formHashListpack: listpackOf("a", "-1", "300", "xyz", long[:100], long[:5000], "12345678", "1"),
		formHashZiplist:  ziplistOf("a", "-1", "300", "xyz", long[:100], long[:5000], "12345678", "1"),
	}
	for f, row := range rows {
		heads := listpackHead
		if f == formHashZiplist {
			heads = ziplistHead
		}
		for i := range row {
			if f == formHashListpack && (i == 4 || i == 5) || f == formHashZiplist && (i == 8 || i == 9) {
				continue // may become 65535: unknown
			}
			changed := append([]byte{}, row...)
			changed[i] ^= 0x80
			_, elements, err := elementsOf(seal(body(f, changed), 10))
			if err == nil && i < heads || err == nil && len(elements) != 4 {
				t.Errorf("form %d, byte %d changed: %d elements", f, i, len(elements))
			}
			if _, _, err := elementsOf(seal(body(f, row[:i]), 10)); err != ErrFormat {
				t.Errorf("form %d, cut at %d: %v", f, i, err)
			}
		}
	}
}
