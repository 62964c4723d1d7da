package keyspace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// collidingKeys returns 2^bits keys of which many have the same xxhash64, whatever its
// seed.
//
// xxhash64 adds each of the 4 words of a block, times a constant, to a lane of its own,
// rotates the lane by 31 and multiplies it by an odd constant. 2^32 more in the lane,
// which sets one bit unless that is set, is 2^63 more after the rotation, and remains
// that after the multiplication; 2^63 more in the next block takes it away again. The bit
// depends on the seed: so of the pairs of blocks in the 4 lanes, each of which is one bit
// of a key's number here, about half change nothing in the hash.
func collidingKeys(bits int) [][]byte {
	const prime2 = 14029467366897019727
	inverse := uint64(prime2) // each step doubles the bits of it that are right
	for range 6 {
		inverse *= 2 - prime2*inverse
	}
	blocks := (bits + 3) / 4 * 2
	plain := make([]byte, blocks*32)
	for i := range plain {
		plain[i] = byte(i * 7)
	}
	keys := make([][]byte, 1<<bits)
	for n := range keys {
		key := bytes.Clone(plain)
		for bit := range bits {
			if n>>bit&1 == 1 {
				first := key[bit/4*64+bit%4*8:]
				binary.LittleEndian.PutUint64(first, binary.LittleEndian.Uint64(first)+1<<32*inverse)
				binary.LittleEndian.PutUint64(first[32:], binary.LittleEndian.Uint64(first[32:])+1<<63)
			}
		}
		keys[n] = key
	}
	return keys
}

// The keys are what they are said to be: about 2^6 in each class.
func TestKeysThatCollideUnderXXHash(t *testing.T) {
	keys := collidingKeys(12)
	for seed := range uint64(10) {
		classes := make(map[uint64]int)
		most := 0
		for _, key := range keys {
			d := xxhash.NewWithSeed(seed * 0x9e3779b97f4a7c15)
			d.Write(key)
			classes[d.Sum64()]++
			most = max(most, classes[d.Sum64()])
		}
		if most < 4 {
			t.Errorf("seed %d: %d keys have %d different hashes", seed, len(keys), len(classes))
		}
	}
}

// Keys that collide under xxhash64 made a directory of 2^20 pointers of each slot, which
// counted as nothing.
func TestChosenKeysTakeBoundedMemory(t *testing.T) {
	keys, value := collidingKeys(12), make([]byte, 1500)
	s := New(Config{})
	hashes := make(map[uint64]bool)
	before := heapInUse()
	for _, key := range keys {
		if err := s.Update(0, func(tx *Tx) error { return tx.Put(key, String, value, 0) }); err != nil {
			t.Fatal(err)
		}
		hashes[s.hash(key)] = true
	}
	payload := int64(len(keys) * (len(keys[0]) + len(value)))
	if grown := int64(heapInUse() - before); grown > 2*payload {
		t.Errorf("%d bytes of keys and values take %d bytes", payload, grown)
	}
	if len(hashes) < len(keys)-1 {
		t.Errorf("%d keys have %d hashes", len(keys), len(hashes))
	}
	if dir := len(s.lock(0).dir); dir > 2048 {
		t.Errorf("the directory has %d entries for %d keys", dir, len(keys))
	}
	s.unlock(0)
	checkStore(t, s)
	runtime.KeepAlive(s)
}

// Where hashes are equal all the same, splits that separate nothing are not made: the
// directory stays small, few keys are hashed, and all are found.
func TestEqualHashes(t *testing.T) {
	const equal, others = 4000, 4000
	hashed := 0
	hash := func(key []byte) uint64 {
		hashed++
		if bytes.HasPrefix(key, []byte("equal")) {
			return 1 << 60
		}
		return xxhash.Sum64(key)
	}
	var tab table
	tab.clear(0)
	key := func(i int) []byte {
		if i < equal {
			return fmt.Appendf(nil, "equal:%d", i)
		}
		return fmt.Appendf(nil, "other:%d", i)
	}
	for i := range equal + others {
		k := key(i)
		h := hash(k)
		s, at := tab.find(h, k)
		if !tab.put(s, at, h, &record{key: k, value: make([]byte, 50)}, hash) {
			t.Fatalf("key %d was refused", i)
		}
	}
	if len(tab.dir) > 1024 {
		t.Errorf("the directory has %d entries", len(tab.dir))
	}
	if most := 10 * (equal + others); hashed > most {
		t.Errorf("%d keys were hashed %d times, want at most %d", equal+others, hashed, most)
	}
	for i := range equal + others {
		k := key(i)
		if _, at := tab.find(hash(k), k); at < 0 {
			t.Fatalf("key %d is lost", i)
		}
	}
}

// Directories count: what MaxMemory limits is what there is.
func TestDirectoriesCount(t *testing.T) {
	s := New(Config{})
	for i := range 20_000 {
		put(s, 0, fmt.Appendf(nil, "key:%d", i))
	}
	tab := s.lock(0)
	dir, segments := int64(len(tab.dir)), int64(0)
	var last *segment
	for _, seg := range tab.dir {
		if seg != last {
			segments += seg.bytes()
		}
		last = seg
	}
	s.unlock(0)
	if dir < 16 {
		t.Fatalf("a directory of %d entries: the test does not test", dir)
	}
	if got, want := s.Memory(), segments+8*dir; got != want {
		t.Errorf("Memory() = %d, want %d of the segments and 8 for each of the directory's %d entries", got, segments, dir)
	}
	s.Clear()
	if got := s.Memory(); got != 0 {
		t.Errorf("%d bytes after Clear", got)
	}
}

var hashSink uint64

// BenchmarkHash is the hash of the index, beside that of digests and checksums.
func BenchmarkHash(b *testing.B) {
	s := New(Config{})
	for _, n := range []int{16, 64, 1024} {
		key := make([]byte, n)
		b.Run(fmt.Sprintf("maphash/%d", n), func(b *testing.B) {
			for b.Loop() {
				hashSink ^= s.hash(key)
			}
		})
		b.Run(fmt.Sprintf("xxhash/%d", n), func(b *testing.B) {
			for b.Loop() {
				hashSink ^= xxhash.Sum64(key)
			}
		})
	}
}
