package rdb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// fileEntry is what a FileReader gave of a file.
type fileEntry struct {
	kind     FileKind
	name     string
	text     string // of an auxiliary field or a function; the payload of a key
	typ      Type
	expireAt int64
	pieces   int
	elements []Element
	err      error
}

// readFile reads all of a file, a collection's pieces into one entry.
func readFile(r *FileReader) (entries []fileEntry, err error) {
	for {
		item, err := r.Next()
		if err != nil {
			return entries, err
		}
		if item.Piece == 0 {
			entries = append(entries, fileEntry{kind: item.Kind, name: string(item.Name), text: string(item.Text),
				typ: item.Value.Type, expireAt: item.ExpireAt, err: item.Err})
		}
		e := &entries[len(entries)-1]
		e.pieces++
		if item.Kind != FileKey || item.Err != nil {
			continue
		}
		e.text = string(item.Value.AppendPayload(nil))
		v, elements, err := elementsOf([]byte(e.text))
		if item.Value.Type != String && (err != nil || v.form != item.Value.form) {
			return entries, fmt.Errorf("key %q, piece %d of form %d: %w", item.Name, item.Piece, item.Value.form, err)
		}
		e.elements = append(e.elements, elements...)
	}
}

// addTo writes a golden value as a key.
func (g *golden) addTo(w *FileWriter, expireAt int64) error {
	o := &Outline{Type: g.typ, Compact: g.compact}
	for i := range g.elements {
		o.Add(&g.elements[i])
	}
	return w.Collection([]byte(g.name), expireAt, o, func(add func(*Element) error) error {
		for i := range g.elements {
			if err := add(&g.elements[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// fileOfAll is a file with values of all kinds.
func fileOfAll(t testing.TB, fieldTimes bool) []byte {
	var b bytes.Buffer
	w := NewFileWriter(&b)
	w.FieldTimes = fieldTimes
	w.Aux("redis-ver", "7.0.15")
	w.AuxInt("ctime", 1)
	w.Function([]byte("#!lua name=lib\n"))
	w.Database(3, 1)
	w.String([]byte("text"), []byte(long[:50]), 12345)
	w.String([]byte("123"), []byte("-7"), 0)
	for i := range written {
		written[i].addTo(w, int64(i))
	}
	stream := golden{name: "stream", typ: Stream, elements: groupsParts(false)}
	stream.addTo(w, 0)
	times := golden{name: "times", typ: Hash, elements: until(fields("a", "1", "b", "2"), 0, 1<<40)}
	times.addTo(w, 0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Size() != int64(b.Len()) {
		t.Fatalf("%d bytes counted of %d", w.Size(), b.Len())
	}
	return b.Bytes()
}

func TestFileComesBack(t *testing.T) {
	for _, fieldTimes := range []bool{false, true} {
		file := fileOfAll(t, fieldTimes)
		r := NewFileReader(iotest.OneByteReader(bytes.NewReader(file)))
		got, err := readFile(r)
		if err != io.EOF || r.Offset() != int64(len(file)) {
			t.Fatalf("%v after %d of %d bytes", err, r.Offset(), len(file))
		}
		want := []fileEntry{
			{kind: FileAux, name: "redis-ver", text: "7.0.15"},
			{kind: FileAux, name: "ctime", text: "1"},
			{kind: FileFunction, text: "#!lua name=lib\n"},
			{kind: FileKey, name: "text", text: string(AppendString(nil, []byte(long[:50]))), expireAt: 12345},
			{kind: FileKey, name: "123", text: string(AppendString(nil, []byte("-7")))},
		}
		for i, g := range written {
			want = append(want, fileEntry{kind: FileKey, name: g.name, text: g.payload, typ: g.typ, expireAt: int64(i),
				elements: g.elements})
		}
		want = append(want, fileEntry{kind: FileKey, name: "stream", text: streamGroups, typ: Stream,
			elements: groupsParts(false)})
		times := until(fields("a", "1", "b", "2"), 0, 1<<40)
		version := writeVersion
		if fieldTimes {
			version = hashTimesVersion
		} else {
			times[1].ExpireAt = 0
		}
		want = append(want, fileEntry{kind: FileKey, name: "times", text: string(encode(t, Hash, false, times)), typ: Hash,
			elements: times})
		if r.Version() != version || len(got) != len(want) {
			t.Fatalf("version %d, %d entries, want %d", r.Version(), len(got), len(want))
		}
		for i, g := range got {
			w := &want[i]
			if g.kind != w.kind || g.name != w.name || g.text != w.text || g.typ != w.typ || g.expireAt != w.expireAt ||
				!same(g.elements, w.elements) {
				t.Errorf("entry %d: got %q, want %q", i, fmt.Sprint(g), fmt.Sprint(*w))
			}
		}
	}
}

// TestFileCutAnywhere reads what is left of a file when its end is missing, or a byte is wrong.
func TestFileCutAnywhere(t *testing.T) {
	file := fileOfAll(t, true)
	for n := range file {
		_, err := readFile(NewFileReader(bytes.NewReader(file[:n])))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
		damaged := bytes.Clone(file)
		damaged[n] ^= 0x10
		if _, err := readFile(NewFileReader(bytes.NewReader(damaged))); err == io.EOF {
			t.Fatalf("byte %d is wrong, and nobody says so", n)
		}
	}
}

func TestFileReaderStopsBehindTheFile(t *testing.T) {
	file := fileOfAll(t, false)
	r := bufio.NewReader(io.MultiReader(bytes.NewReader(file), strings.NewReader("what follows")))
	if _, err := readFile(NewFileReader(r)); err != io.EOF {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "what follows" {
		t.Fatalf("%q, %v", rest, err)
	}
}

// rawFile makes a file of pieces as body does.
func rawFile(magic string, parts ...any) []byte {
	b := []byte(magic)
	for _, part := range parts {
		switch p := part.(type) {
		case string:
			b = append(b, p...)
		case int:
			b = append(b, byte(p))
		case []byte:
			b = append(b, p...)
		}
	}
	return binary.LittleEndian.AppendUint64(append(b, opEnd), crc64(append(bytes.Clone(b), opEnd)))
}

// fileOfBody makes a file of one key with a value that body has made.
func fileOfBody(body []byte, version uint16) []byte {
	magic := fmt.Sprintf("REDIS%04d", version)
	if version == valkeyVersion {
		magic = "VALKEY080"
	}
	return rawFile(magic, int(body[0]), "\x01k", body[1:])
}

// TestFileOfLaterForms reads the forms that redis-server 7.0 does not write.
func TestFileOfLaterForms(t *testing.T) {
	check := func(name string, typ Type, want []Element, file []byte) {
		got, err := readFile(NewFileReader(bytes.NewReader(file)))
		if err != io.EOF || len(got) != 1 || got[0].typ != typ || !same(got[0].elements, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, f := range former {
		check(f.name, f.typ, f.elements, fileOfBody(f.body, 9))
	}
	for _, l := range later {
		check(l.name, l.typ, l.elements, fileOfBody(l.body, l.version))
	}
	for _, f := range []form{formStreamEarly, formStream, formStreamActive} {
		raw := oneEntry(f, func(*streamTestBody) {})
		got, err := readFile(NewFileReader(bytes.NewReader(fileOfBody(raw, 11))))
		if err != io.EOF || len(got) != 1 || got[0].typ != Stream {
			t.Errorf("stream of form %d: %v, %v", f, got, err)
		}
	}
}

func TestFileInPieces(t *testing.T) {
	const elements, size = 10_000, 1000
	for _, typ := range []Type{List, Set, ZSet, Hash} {
		g := golden{name: "large", typ: typ}
		for i := range elements {
			e := Element{Name: fmt.Appendf(nil, "element %d", i)}
			switch typ {
			case ZSet:
				e.Score = float64(i)
			case Hash:
				e.Value, e.ExpireAt = []byte("v"), int64(i)
			}
			g.elements = append(g.elements, e)
		}
		var b bytes.Buffer
		w := NewFileWriter(&b)
		w.FieldTimes = true
		g.addTo(w, 77)
		w.String([]byte("next"), nil, 0)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r := NewFileReader(&b)
		r.PieceSize = size
		got, err := readFile(r)
		if err != io.EOF || len(got) != 2 || !same(got[0].elements, g.elements) || got[0].pieces < 10 ||
			got[0].expireAt != 77 || got[1].name != "next" || got[1].expireAt != 0 {
			t.Fatalf("type %d: %v, %d entries, %d pieces", typ, err, len(got), got[0].pieces)
		}
		if most := 40 * size; cap(r.s.buf) > most {
			t.Errorf("type %d: the buffer has %d bytes", typ, cap(r.s.buf))
		}
	}
}

// TestFileOperations reads what a file has beside keys, in all forms.
func TestFileOperations(t *testing.T) {
	module := "\x81" + string(binary.BigEndian.AppendUint64(nil, 0x1234567890abcdef))
	content := "\x01\x05\x02\x06\x03abcd\x0412345678\x05\x03abc\x00"
	file := rawFile("REDIS0012",
		opResize, "\x80\x00\x00\x10\x00\x05",
		opSlotInfo, 5, 1, 0, opSlotImport, "\x03job\x02", 1, 2, 3, 4,
		opModuleAux, module, 2, 1, content,
		opExpiry, "\x10\x00\x00\x00", opIdle, "\x41\x00", opFreq, 200, 0, "\x01a\x01b",
		opExpiryMs, "\xff\xff\xff\xff\xff\xff\xff\xff", int(formModule), "\x01m", module, content,
		opDatabase, 0, int(formSet), "\x05empty", 0,
		opDatabase, 0x41, 0x00, int(formSet), "\x01z\x02\x01a\x01b",
		opExpiryMs, "\x01\x00\x00\x00\x00\x00\x00\x00", 0, "\x01y\x00",
		opDatabase, 0, 0, "\x01c\x00")
	r := NewFileReader(bytes.NewReader(file))
	r.SkipDatabases = true
	got, err := readFile(r)
	if err != io.EOF || len(got) != 3 || got[0].name != "a" || got[0].expireAt != 16_000 || got[1].name != "m" ||
		got[1].expireAt != 1 || got[2].name != "c" || got[2].expireAt != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	var unsupported *UnsupportedError
	if !errors.As(got[1].err, &unsupported) || unsupported.Type != "module EjRWeJCrz" {
		t.Errorf("the module's value: %v", got[1].err)
	}
	if got, want := r.Skipped(), (Skipped{OtherDatabases: 2, Empty: 1}); got != want {
		t.Errorf("passed over %v, want %v", got, want)
	}
	_, err = readFile(NewFileReader(bytes.NewReader(file)))
	var database *DatabaseError
	if !errors.As(err, &database) || database.Database != 256 {
		t.Errorf("another database: %v", err)
	}
}

func TestFileRefused(t *testing.T) {
	for _, c := range []struct {
		file []byte
		want error
	}{
		{[]byte("*1\r\n$4\r\nPING\r\n"), ErrNoFile},
		{rawFile("REDIS0013"), ErrFileVersion},
		{rawFile("REDIS0000"), ErrFileVersion},
		{rawFile("REDIS+010"), ErrFileVersion},
		{rawFile("VALKEY081"), ErrFileVersion},
		{rawFile("REDIS0010", opFunctionEarly), ErrEarlyFunction},
		{rawFile("REDIS0010", 0, "\xc4"), ErrFormat},
		{rawFile("REDIS0010", opExpiryMs, "\xff\xff\xff\xff\xff\xff\xff\x7f", 0, "\x01a\x00"), ErrFormat},
		{rawFile("REDIS0010", 0, "\x81\xff\xff\xff\xff\xff\xff\xff\xff"), ErrFormat},
		{rawFile("REDIS0010", 0, "\x80\x1f\xff\xff\xff"), io.ErrUnexpectedEOF},
		{append(rawFile("REDIS0010")[:10], "12345678"...), ErrFileChecksum},
	} {
		_, err := readFile(NewFileReader(bytes.NewReader(c.file)))
		var at *FileError
		if !errors.Is(err, c.want) || !errors.As(err, &at) || at.Error() == "" {
			t.Errorf("%q: %v, want %v", c.file, err, c.want)
		}
	}
	for _, f := range []int{formModuleEarly, 26, 200} {
		var unsupported *UnsupportedError
		_, err := readFile(NewFileReader(bytes.NewReader(rawFile("REDIS0010", f, "\x01k"))))
		if !errors.As(err, &unsupported) {
			t.Errorf("form %d: %v", f, err)
		}
	}
	none := append(rawFile("REDIS0010", 0, "\x01a\x00")[:14], make([]byte, 8)...)
	if _, err := readFile(NewFileReader(bytes.NewReader(none))); err != io.EOF {
		t.Errorf("a file without a checksum: %v", err)
	}
}

// TestFileAllocatesNoMoreThanItReads has claims of hundreds of megabytes in files of a few bytes.
func TestFileAllocatesNoMoreThanItReads(t *testing.T) {
	claim := "\x80\x1f\xff\xff\xff"
	for _, f := range []form{formString, formList, formSet, formHash, formZSet2, formQuicklist2, formStream, formIntset,
		formHashTimes} {
		for _, tail := range []string{claim, "\x01" + claim, claim + claim, strings.Repeat(claim, 40)} {
			file := rawFile("REDIS0012", int(f), "\x01k", tail)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			readFile(NewFileReader(bytes.NewReader(file)))
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 300<<10 {
				t.Errorf("form %d, %q: %d bytes are allocated for %d", f, tail[:min(20, len(tail))], got, len(file))
			}
		}
	}
}

// failingWriter fails after some bytes.
type failingWriter int

func (w *failingWriter) Write(b []byte) (int, error) {
	if *w -= failingWriter(len(b)); *w < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestFileWriterKeepsTheError(t *testing.T) {
	left := failingWriter(encoderBuffer)
	w := NewFileWriter(&left)
	if err := w.String([]byte("k"), make([]byte, 2*encoderBuffer), 0); err != io.ErrShortWrite {
		t.Fatal(err)
	}
	if err := w.Close(); err != io.ErrShortWrite {
		t.Fatal(err)
	}
}

func TestFileWriterCopiesValues(t *testing.T) {
	var b bytes.Buffer
	w := NewFileWriter(&b)
	r := NewFileReader(bytes.NewReader(fileOfAll(t, true)))
	keys := 0
	for {
		item, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if item.Kind != FileKey {
			continue
		}
		keys++
		err = w.Value(item.Name, item.ExpireAt, item.Value)
		var unsupported *UnsupportedError
		if newer := string(item.Name) == "times"; err != nil != newer || newer && !errors.As(err, &unsupported) {
			t.Fatalf("%q: %v", item.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := readFile(NewFileReader(&b))
	if err != io.EOF || len(got) != keys-1 {
		t.Fatalf("%d keys of %d, %v", len(got), keys-1, err)
	}
}
