package slots

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestOfVectors(t *testing.T) { // docs/spec.md §1.3
	for key, want := range map[string]Slot{
		"foo": 12182, "bar": 5061, "hello": 866, "key:test:1": 5191, "key:test:2": 9252,
		"{user1000}.following": 3443, "foo{}{bar}": 8363, "foo{{bar}}zap": 4015, "foo{bar}{zap}": 5061, "": 0,
	} {
		if got := OfString(key); got != want {
			t.Errorf("OfString(%q) = %d, want %d", key, got, want)
		}
		if got := Of([]byte(key)); got != want {
			t.Errorf("Of(%q) = %d, want %d", key, got, want)
		}
	}
	if got := crc16("123456789"); got != 0x31C3 { // docs/spec.md §1.1
		t.Errorf("crc16 = %#x, want 0x31c3", got)
	}
}

func TestHashTag(t *testing.T) { // docs/spec.md §1.2
	for key, want := range map[string]string{
		"plain": "plain", "{tag}x": "tag", "x{tag}": "tag", "x{}y": "x{}y", "x{y": "x{y", "x}y{": "x}y{",
		"}{tag}": "tag", "{{a}}": "{a", "{}{a}": "{}{a}", "": "",
	} {
		if got := HashTag(key); got != want {
			t.Errorf("HashTag(%q) = %q, want %q", key, got, want)
		}
	}
}

// The sliced checksum must equal the plain one at every length.
func TestCRCAgainstBitByBit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 100 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		var want uint16
		for _, c := range b {
			want ^= uint16(c) << 8
			for range 8 {
				if want&0x8000 != 0 {
					want = want<<1 ^ poly
				} else {
					want <<= 1
				}
			}
		}
		if got := crc16(string(b)); got != want {
			t.Fatalf("%d bytes: %#x, want %#x", n, got, want)
		}
	}
}

// OfString looks for a brace in its own way where keys are short: it must find it
// wherever it is.
func TestBracesEverywhere(t *testing.T) {
	for n := range 2*shortKey + 1 {
		for open := range n {
			for end := open + 1; end < n; end++ {
				key := []byte(strings.Repeat("\xfbz", n)[:n]) // next to '{', and with its high bit
				key[open], key[end] = '{', '}'
				if got, want := Of(key), Slot(crc16(HashTag(string(key)))%Count); got != want {
					t.Fatalf("slot of %q: %d, want %d", key, got, want)
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "-1", "16384", "65536", "1x", " 1"} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %d, want an error", bad, s)
		}
	}
	if s, err := Parse("16383"); err != nil || s != 16383 {
		t.Errorf("Parse(16383) = %d, %v", s, err)
	}
}

var sink Slot

func BenchmarkOf(b *testing.B) {
	for _, n := range []int{16, 64, 1024} {
		key := []byte(strings.Repeat("k", n))
		b.Run("bytes="+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				sink = Of(key)
			}
		})
	}
}
