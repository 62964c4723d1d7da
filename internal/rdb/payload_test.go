package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// vectors are payloads that redis-server 7.0.15 wrote.
var vectors = []struct{ name, value, payload string }{
	{"plain", "hello", "\x00\x05hello\n\x00cr\xdfve4 \n"},
	{"plain, 14-bit length",
		"dqa31dN7zsc3mSIncnUtkZTzgwREXFVh6ShsotJr2uOxjYc4TZyvMgXpsdRtjuL+p0NaolIxXhFOJU1vHUNOstBSianYBGQtLGm4",
		"\x00@ddqa31dN7zsc3mSIncnUtkZTzgwREXFVh6ShsotJr2uOxjYc4TZyvMgXpsdRtjuL+p0NaolIxXhFOJU1vHUNOstBSianYBGQtLGm4"},
	{"8-bit integer", "12", "\x00\xc0\x0c\n\x00<*\xf8Q\\\x04\xbc\xd5"},
	{"16-bit integer", "-30000", "\x00\xc1\xd0\x8a\n\x00\xd5|\xb0\x19\xa3\xf8]\x10"},
	{"32-bit integer", "2000000000", "\x00\xc2\x00\x945w\n\x00B\x12(\xd8\xe0s\xc0\x87"},
	{"integer too wide", "12345678901", "\x00\x0b12345678901\n\x000NR\xd7'\x17e\x10"},
	{"LZF", strings.Repeat("a", 300), "\x00\xc3\x0cA,\x01aa\xe0\xff\x00\xe0\x17\x00\x01aa\n\x00K\x1b\xc2bRF\xe7\x13"},
}

// parseString returns the string in a payload.
func parseString(payload []byte) ([]byte, error) {
	v, err := Parse(payload)
	if err != nil {
		return nil, err
	}
	return v.Bytes()
}

func TestParseStringReadsRedis(t *testing.T) {
	for _, v := range vectors {
		payload := []byte(v.payload)
		if v.name == "plain, 14-bit length" {
			payload = seal(payload, 10)
		}
		if got, err := parseString(payload); err != nil || string(got) != v.value {
			t.Errorf("%s: %q, %v; want %q", v.name, got, err, v.value)
		}
	}
}

func TestAppendStringIsWhatRedisWrites(t *testing.T) {
	if got := AppendString([]byte("x"), []byte("hello")); string(got) != "x"+vectors[0].payload {
		t.Fatalf("AppendString = %q", got)
	}
}

func TestRoundTripOfEveryLength(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 16383, 16384, 70_000} {
		value := bytes.Repeat([]byte{'v'}, n)
		payload := AppendString(nil, value)
		if len(payload) > n+Overhead {
			t.Errorf("%d bytes become %d, over the promised overhead", n, len(payload))
		}
		if got, err := parseString(payload); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%d bytes: %d back, %v", n, len(got), err)
		}
	}
}

// seal closes body with a footer that is right for it.
func seal(body []byte, version uint16) []byte {
	b := binary.LittleEndian.AppendUint16(bytes.Clone(body), version)
	return binary.LittleEndian.AppendUint64(b, crc64(b))
}

func TestVersions(t *testing.T) {
	for version, want := range map[uint16]error{1: nil, 9: nil, 10: nil, 11: nil, 12: nil, 13: ErrPayload,
		79: ErrPayload, 80: nil, 81: ErrPayload} {
		if _, err := parseString(seal([]byte("\x00\x05hello"), version)); err != want {
			t.Errorf("version %d: %v, want %v", version, err, want)
		}
	}
}

func TestDamagedPayloads(t *testing.T) {
	good := AppendString(nil, []byte("hello"))
	for cut := range good {
		if _, err := parseString(good[:cut]); err != ErrPayload {
			t.Errorf("cut at %d: %v", cut, err)
		}
		bad := bytes.Clone(good)
		bad[cut] ^= 4
		if _, err := parseString(bad); err != ErrPayload {
			t.Errorf("bit flipped in byte %d: %v", cut, err)
		}
	}
	for name, body := range map[string]string{
		"nothing after the type":      "\x00",
		"length past the end":         "\x00\x06hello",
		"bytes left over":             "\x00\x04hello",
		"half a 14-bit length":        "\x00\x40",
		"half a 32-bit length":        "\x00\x80\x00\x00",
		"length over 512 MiB":         "\x00\x80\xff\xff\xff\xff",
		"64-bit length over an int":   "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff",
		"unknown kind of length":      "\x00\x82\x00\x00\x00\x00",
		"unknown encoding":            "\x00\xc4\x00",
		"half an integer":             "\x00\xc2\x00\x00",
		"LZF without lengths":         "\x00\xc3",
		"LZF past the end":            "\x00\xc3\x05\x05\x00a",
		"LZF of the wrong size":       "\x00\xc3\x02\x05\x00a",
		"LZF back before the start":   "\x00\xc3\x04\x04\x00a\x20\x05",
		"LZF literal over its size":   "\x00\xc3\x03\x01\x01ab",
		"LZF copy over its size":      "\x00\xc3\x04\x02\x00a\x20\x00",
		"LZF that ends in a control":  "\x00\xc3\x03\x04\x00a\xe0",
		"LZF with an encoded length":  "\x00\xc3\xc0\x05\x00",
		"LZF that claims too much":    "\x00\xc3\x02\x80\x1f\xff\xff\xff\x00a",
		"LZF empty but claims a byte": "\x00\xc3\x00\x01",
	} {
		if _, err := parseString(seal([]byte(body), 10)); err != ErrFormat {
			t.Errorf("%s: %v, want %v", name, err, ErrFormat)
		}
	}
}

func TestLongLengthsOfShortStrings(t *testing.T) {
	for _, body := range []string{"\x00\x80\x00\x00\x00\x02hi", "\x00\x81\x00\x00\x00\x00\x00\x00\x00\x02hi",
		"\x00\x40\x02hi"} {
		if got, err := parseString(seal([]byte(body), 10)); err != nil || string(got) != "hi" {
			t.Errorf("%q: %q, %v", body, got, err)
		}
	}
}

func TestOtherTypesAreNamed(t *testing.T) {
	for first, want := range map[byte]string{6: "module", 7: "module", 99: "number 99"} {
		var unsupported *UnsupportedError
		if _, err := Parse(seal([]byte{first, 0}, 9)); !errors.As(err, &unsupported) || unsupported.Type != want {
			t.Errorf("%d: %v, want the type %s", first, err, want)
		}
	}
}

func TestParseStringAllocatesNoMoreThanTheInputAllows(t *testing.T) {
	claim := seal([]byte("\x00\xc3\x06\x80\x1f\xff\xff\xff\x00a\xe0\xff\x00\x00"), 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := parseString(claim); err != ErrFormat {
		t.Fatalf("err = %v", err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16 {
		t.Fatalf("a claim of 512 MiB made it allocate %d bytes", got)
	}
}

func FuzzParseString(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.payload[:len(v.payload)-footerSize]))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		parseString(body) // as it is: the footer is hardly ever right
		payload := seal(body, 10)
		value, err := parseString(payload)
		if err != nil {
			return
		}
		if len(value) > len(payload)*lzfMaxRatio {
			t.Fatalf("%d bytes grew to %d", len(payload), len(value))
		}
		again, err := parseString(AppendString(nil, value))
		if err != nil || !bytes.Equal(again, value) {
			t.Fatalf("%q does not survive the way back: %q, %v", value, again, err)
		}
	})
}

func TestFrameIsAppendStringInPieces(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 1 << 14, 1<<14 + 3, 1 << 17} {
		value := bytes.Repeat([]byte{byte(n), 1, 2}, n)[:n]
		head, tail := Frame(value)
		if got := slices.Concat(head, value, tail); !bytes.Equal(got, AppendString(nil, value)) {
			t.Errorf("the frame of %d bytes is % x … % x", n, head, tail)
		}
	}
}
