package server

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// There are few keys, and few words of each kind, so that commands often meet what others
// have left. How many different parts a key may have depends on the key: some stay small,
// some grow past every limit of a compact form.
const (
	keyPrefix  = "{k}"
	smallKeys  = 6 // keys with fields out of parts
	mediumKeys = 4 // keys with so many fields that they pass the limit of 128 now and then
	largeKeys  = 2
	mediumSize = 200
	largeSize  = 6000
)

// wordKinds are the kinds of words in templates, beside key, field, value and numkeys.
var wordKinds = map[string][]string{
	"int": {"0", "1", "-1", "2", "3", "-2", "5", "10", "-10", "100", "-100", "1000000000000", "9223372036854775807",
		"-9223372036854775808", "9223372036854775806", "9223372036854775808", "01", "+1", "1.0", "abc", ""},
	"float": {"0", "1", "-1", "0.1", "1.5", "-2.25", "3.0e3", "1e-7", "1e17", "123456789.123456789", "-0", "0x10",
		"inf", "-inf", "nan", "1e400", "abc", ""},
	"index":   {"0", "0", "1", "2", "3", "-1", "-1", "-2", "-3", "5", "10", "50", "-50", "100", "1000", "-1000", "100000"},
	"count":   {"0", "1", "1", "2", "3", "5", "10", "200", "100000", "-1", "-3", "-20"},
	"limit":   {"0", "1", "1", "2", "3", "5", "10", "200", "100000", "-1"},
	"seconds": {"100000", "200000", "300000"}, // none that ends while the test runs
	"millis":  {"100000000", "200000000", "300000000"},
	"unix":    {"33000000000", "33000000001", "33000000002"}, // in the year 3015
	"unixms":  {"33000000000000", "33000000000001", "33000000000002"},
	"score": {"0", "1", "1", "2", "3", "-1", "1.5", "0.1", "-2.25", "3.0e3", "1e-7", "1e17", "123456789.123456789", "-0",
		"0x10", "inf", "-inf", "+Infinity", "nan", "1e400", "1e-400", "1e-320", "9007199254740993", "1e15", "1e21",
		"-9223372036854775808", "99999999999999999", "5e-324", "1.7976931348623157e308", "100", "10", "7", "5", " 1", "1 ",
		"abc", ""},
	"bound": {"-inf", "+inf", "inf", "0", "1", "2", "3", "-1", "(0", "(1", "(2", "(-1", "(-inf", "(inf", "1.5", "(1.5",
		"0.1", "100", "-100", "1e400", "nan", "(nan", " 1", "( 1", "1 ", "(", "", "0x10", "abc", "(-0", "1\x002", "((1"},
	"lex": {"-", "+", "-", "+", "[a", "(a", "[b", "[c", "(c", "[1", "(1", "[2", "[f1", "(f3", "[f", "(g", "[", "(",
		"[-5", "[9", "[100", "(150", "a", "", "++", "-\x00", "+a"},
	"past":      {"-1", "0", "-100", "-9223372036854775808"},
	"bit":       {"0", "1", "1", "2", "-1", "abc", ""},
	"bitoffset": {"0", "1", "5", "7", "8", "13", "63", "64", "100", "1000", "30000", "-1", "4294967296", "abc", "#1", ""},
	"fieldoffset": {"0", "1", "5", "7", "8", "13", "#0", "#1", "#3", "#20", "100", "1000", "30000", "-1", "4294967296",
		"#99999999999", "abc", "#", "#-1", ""},
	"width": {"u1", "u8", "i8", "i5", "u16", "i16", "u32", "i32", "u63", "i64", "i63", "u64", "i65", "u0", "x8", "u", "i",
		"u08", "i+8", "I8", ""},
	"lon": {"0", "13.361389", "15.087269", "15", "-180", "180", "179.9", "-179.9", "2.3522", "-73.9857", "151.2093",
		"-0.1276", "100.5", "-122.4194", "13.4050", "181", "abc", "1e-7", "45.000001", "45"},
	"lat": {"0", "38.115556", "37.502669", "37", "85.05112878", "-85.05112878", "85", "-84.9", "48.8566", "40.7484",
		"-33.8688", "51.5072", "13.7563", "37.7749", "52.5200", "85.06", "", "-1e-7", "67.5", "-81"},
	"radius": {"0", "1", "100", "200", "1000", "5000", "0.5", "20000", "40000", "1e6", "-1", "nan", "abc"},
	"unit":   {"m", "km", "km", "km", "mi", "ft", "KM", "cm", ""},
	"trimlen": {"0", "1", "2", "5", "20", "50", "100", "101", "150", "200", "1000",
		"9223372036854775807", "-1", "abc", ""},
	"trimlimit":  {"0", "1", "10", "99", "100", "150", "1000", "9223372036854775807", "-1", "abc"},
	"group":      {"g1", "g1", "g1", "g2", "g3", "", "g\x00x\r\n"},
	"consumer":   {"alice", "alice", "bob", "bob", "carol", "", "\x00\xff\r\n"},
	"newentries": {">"},
	"minidle":    {"0", "0", "0", "-1", "10000000", "10000000", "200000000", "9223372036854775807", ""}, // milliseconds
	"pattern":    {"*", "*1*", "?", "[a-c]", "[^a]*", "\\*", "f*", "", "a", "*\x00*"},
}

func isWordKind(word string) bool {
	switch word {
	case "key", "field", "value", "numkeys", "newid", "entryid", "intervalid", "recentid":
		return true
	}
	return wordKinds[word] != nil
}

// oddWords are seldom right. No number here is a time that ends while the test runs.
var oddWords = []string{"", "abc", "-1", "0", "1.5", "9223372036854775807", "9223372036854775808", " 1", "\x00\xff\r\n",
	"NX", "{k}s0", "otherslot"}

// parts are the fields and members of small keys; the first ones come most often.
var parts = append([]string{"a", "b", "c", "d", "1", "2", "3", "-5", "f1", "f2", "f3"}, "", "\x00\xff\r\n",
	"12345678901234567890", "-9223372036854775808", "9223372036854775807", "40000", "3000000000", "01", "1.0",
	strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 65))

// values are what is stored, beside parts and numbers.
var values = []string{"", "v", "hello", "10", "-7", "3.25", "9223372036854775807", "9223372036854775800", "1e3", "abc ",
	"\r\n\x00", strings.Repeat("v", 63), strings.Repeat("v", 64), strings.Repeat("v", 65), strings.Repeat("long", 300)}

// word returns a random word of a kind.
func (r *randomRun) word(kind string) string {
	switch kind {
	case "key":
		return r.key()
	case "field":
		return r.part()
	case "value":
		if r.oneIn(3) {
			return strconv.Itoa(r.rnd.IntN(20) - 5)
		}
		return pick(r.rnd, values)
	case "recentid":
		return r.recentID()
	case "numkeys":
		r.numkeys = 1 + r.rnd.IntN(3)
		return strconv.Itoa(r.numkeys)
	case "newid", "entryid", "intervalid":
		return r.streamWord(kind)
	}
	return pick(r.rnd, wordKinds[kind])
}

// key returns a key. The first one of a line decides how many different fields there are.
func (r *randomRun) key() string {
	name, size := "s"+strconv.Itoa(r.rnd.IntN(smallKeys)), len(parts)
	switch n := r.rnd.IntN(100); {
	case n < 10:
		name, size = "l"+strconv.Itoa(r.rnd.IntN(largeKeys)), largeSize
	case n < 40:
		name, size = "m"+strconv.Itoa(r.rnd.IntN(mediumKeys)), mediumSize
	}
	if r.size == 0 {
		r.size = size
	}
	return keyPrefix + name
}

func (r *randomRun) part() string {
	if r.size <= len(parts) || r.oneIn(20) {
		return parts[min(r.rnd.IntN(len(parts)), r.rnd.IntN(len(parts)))]
	}
	n := r.rnd.IntN(r.size)
	if r.size >= largeSize {
		return "f" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

// keyNames returns all keys.
func keyNames() (names []string) {
	for _, kind := range []struct {
		prefix string
		n      int
	}{{"s", smallKeys}, {"m", mediumKeys}, {"l", largeKeys}} {
		for i := range kind.n {
			names = append(names, keyPrefix+kind.prefix+strconv.Itoa(i))
		}
	}
	return names
}

func pick[T any](rnd *rand.Rand, list []T) T { return list[rnd.IntN(len(list))] }
