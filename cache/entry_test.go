package cache

import (
	"bytes"
	"testing"
	"time"
)

func FuzzDecodeEntry(f *testing.F) {
	f.Add((&entry{fresh: time.UnixMilli(1700000000000), codec: 7, value: []byte("v")}).encode())
	f.Add((&entry{absent: true, fresh: time.UnixMilli(0)}).encode())
	f.Add([]byte("junk"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decodeEntry(b); err == nil && !bytes.Equal(e.encode(), b) {
			t.Fatalf("%x became %x", b, e.encode())
		}
	})
}

func TestCodecs(t *testing.T) {
	type point struct{ X, Y int }
	cfg, err := Config[point]{Name: "p", TTL: 1, Load: nil}.withDefaults()
	if err == nil {
		t.Error("a cache without a loader")
	}
	cfg.Codec = JSON[point]{}
	b, err := cfg.Codec.Encode(point{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := cfg.Codec.Decode(b); err != nil || v != (point{1, 2}) {
		t.Errorf("%+v, %v", v, err)
	}
}
