package rdb

import (
	"bytes"
	"io"
	"math"
	"testing"
)

// FuzzFile reads any file, whole and in pieces, and writes and reads again what it holds.
func FuzzFile(f *testing.F) {
	f.Add(fileOfAll(f, true), 0)
	f.Add(fileOfAll(f, false), 30)
	for _, old := range former {
		f.Add(fileOfBody(old.body, 9), 10)
	}
	for _, l := range later {
		f.Add(fileOfBody(l.body, l.version), 10)
	}
	for _, form := range []form{formStreamEarly, formStream, formStreamActive} {
		f.Add(fileOfBody(oneEntry(form, func(*streamTestBody) {}), 11), 0)
	}
	f.Fuzz(func(t *testing.T, file []byte, piece int) {
		r := NewFileReader(bytes.NewReader(file))
		r.SkipDatabases = true
		if piece > 0 {
			r.PieceSize = piece
		}
		var b bytes.Buffer
		w := NewFileWriter(&b)
		w.FieldTimes = true
		wrote := 0
		for {
			item, err := r.Next()
			if err != nil {
				if r.Offset() > int64(len(file)) {
					t.Fatalf("%d bytes read of %d", r.Offset(), len(file))
				}
				break
			}
			if item.Kind != FileKey || item.Err != nil {
				continue
			}
			v := item.Value
			if payload := v.AppendPayload(nil); len(payload) != v.Size() {
				t.Fatalf("%d bytes, not %d", len(payload), v.Size())
			} else if again, err := Parse(payload); err != nil || again.form != v.form || !bytes.Equal(again.body, v.body) {
				t.Fatalf("form %d comes back as %d, %v", v.form, again.form, err)
			}
			if v.Type != String {
				v.Each(func(*Element) error { return nil })
			}
			if w.Value(item.Name, item.ExpireAt, v) == nil {
				wrote++
			}
		}
		if w.Close() != nil {
			t.Fatal("the writer fails")
		}
		again := NewFileReader(bytes.NewReader(b.Bytes()))
		again.PieceSize = math.MaxInt
		for ; ; wrote-- {
			if _, err := again.Next(); err == io.EOF && wrote == 0 {
				return
			} else if err != nil {
				t.Fatalf("%d items are missing: %v", wrote, err)
			}
		}
	})
}
