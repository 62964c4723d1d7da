package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
)

func TestReaderReturnsWhatAppendWrote(t *testing.T) {
	var stream []byte
	payloads := [][]byte{{}, []byte("a"), bytes.Repeat([]byte("xyz"), 100_000), []byte("end")}
	for _, p := range payloads {
		stream = Append(stream, p)
	}
	r := NewReader(bytes.NewReader(stream), 1<<20)
	for i, want := range payloads {
		got, err := r.Next()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("frame %d: %d bytes, err %v; want %d bytes", i, len(got), err, len(want))
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("after the last frame: %v, want io.EOF", err)
	}
}

func TestReaderRefusesBadFrames(t *testing.T) {
	good := Append(nil, []byte("hello"))
	flipped := bytes.Clone(good)
	flipped[HeaderSize] ^= 1
	for name, c := range map[string]struct {
		stream []byte
		want   error
	}{
		"half a header":   {good[:5], io.ErrUnexpectedEOF},
		"half a payload":  {good[:HeaderSize+2], io.ErrUnexpectedEOF},
		"flipped bit":     {flipped, ErrCorrupt},
		"length over max": {binary.LittleEndian.AppendUint32(nil, 1<<30), io.ErrUnexpectedEOF},
		"huge length":     {append(binary.LittleEndian.AppendUint32(nil, 1<<30), 0, 0, 0, 0), ErrCorrupt},
	} {
		if _, err := NewReader(bytes.NewReader(c.stream), 1<<20).Next(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestReaderAllocatesOnlyWhatArrives(t *testing.T) {
	claim := binary.LittleEndian.AppendUint32(nil, 1<<30)
	claim = append(claim, 0, 0, 0, 0, 1, 2, 3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := NewReader(bytes.NewReader(claim), 1<<31-1).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("err = %v", err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Fatalf("a claimed length of 1 GiB made the reader allocate %d bytes", got)
	}
}

func TestSealOpen(t *testing.T) {
	file := Seal("SMTEST", 3, []byte("payload"))
	version, payload, err := Open("SMTEST", file)
	if err != nil || version != 3 || string(payload) != "payload" {
		t.Fatalf("Open = %d, %q, %v", version, payload, err)
	}
	for cut := range file {
		if _, _, err := Open("SMTEST", file[:cut]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		bad := bytes.Clone(file)
		bad[cut] ^= 0x10
		if _, _, err := Open("SMTEST", bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit flipped in byte %d: %v", cut, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(Append(Append(nil, []byte("one")), []byte("two")))
	f.Add([]byte{255, 255, 255, 255, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream), 1<<16)
		for {
			p, err := r.Next()
			if err != nil {
				return
			}
			if len(p) > 1<<16 {
				t.Fatalf("payload of %d bytes is over the limit", len(p))
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(Seal("SMTEST", 1, []byte("x")))
	f.Fuzz(func(t *testing.T, file []byte) {
		if v, p, err := Open("SMTEST", file); err == nil && !bytes.Equal(Seal("SMTEST", v, p), file) {
			t.Fatal("Open accepted what Seal would not write")
		}
	})
}
