package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/frame"
)

func writeArchive(t testing.TB, list []record) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := newArchiveWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if err := w.add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.flush(); err != nil || w.keys != int64(len(list)) || w.bytes != int64(b.Len()) {
		t.Fatalf("flush: %v; counted %d keys, %d bytes of %d", err, w.keys, w.bytes, b.Len())
	}
	return b.Bytes()
}

func TestArchiveRoundTrip(t *testing.T) {
	list := []record{{"", 0, []byte{}}, {"a", 1, []byte("x")}, {"long", -1, bytes.Repeat([]byte("v"), archiveFrame+1)}}
	for i := range 3000 {
		list = append(list, record{fmt.Sprint("key:", i), int64(i) << 30, bytes.Repeat([]byte{byte(i)}, 1000)})
	}
	data := writeArchive(t, list)
	var got []record
	frames := 0
	err := readArchive(bytes.NewReader(data), func(part []record) error {
		frames++
		got = append(got, part...)
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, list) || frames < 3 {
		t.Errorf("read %d records in %d frames, %v; wrote %d", len(got), frames, err, len(list))
	}
}

func TestArchiveDamage(t *testing.T) {
	good := writeArchive(t, []record{{"key", 5, []byte("value")}})
	ignore := func([]record) error { return nil }
	for i := range good {
		if err := readArchive(bytes.NewReader(good[:i]), ignore); i != frame.HeaderSize+len(archiveMagic) &&
			!errors.Is(err, frame.ErrCorrupt) {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if err := readArchive(bytes.NewReader(bad), ignore); !errors.Is(err, frame.ErrCorrupt) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	stop := errors.New("stop")
	if err := readArchive(bytes.NewReader(good), func([]record) error { return stop }); err != stop {
		t.Errorf("the reader's own error comes back as %v", err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(writeArchive(f, []record{{"key", 5, []byte("value")}, {"k", 0, nil}}))
	f.Add(frame.Append(nil, []byte(archiveMagic)))
	f.Add([]byte{0xff, 0xff, 0xff, 0x3f, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		err := readArchive(bytes.NewReader(data), func(list []record) error { return nil })
		if err != nil && !errors.Is(err, frame.ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("unexpected kind of error: %v", err)
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x03key\x0a\x05value\x00\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseRecords(data)
		if err != nil {
			return
		}
		size := 0
		for _, r := range list {
			size += len(r.key) + len(r.payload)
		}
		if size > len(data) || len(list) > len(data) {
			t.Fatalf("%d bytes became %d records of %d bytes", len(data), len(list), size)
		}
	})
}

func TestProgressLine(t *testing.T) {
	p := Progress{Slots: 10, TotalSlots: 40, Keys: 1000, TotalKeys: 4000, Bytes: 3 << 20, Elapsed: 2e9}
	if got, want := p.String(), "10/40 slots, 1000/4000 keys, 3.0 MB, 500 keys/s, 6s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (Progress{}).String(); !strings.HasPrefix(got, "0 keys") {
		t.Errorf("nothing done prints %q", got)
	}
}
