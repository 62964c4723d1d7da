package rdb

import (
	"bufio"
	"encoding/binary"
	"io"
	"strconv"
)

// FileReader reads an RDB file as it comes, of Redis 4.0 to 7.4 and 8.0 or Valkey up to 9.0.
// What it holds is about twice one value, or one piece of it, whatever lengths the file claims.
type FileReader struct {
	// PieceSize is the bytes after which a collection is cut into pieces; default 512 MiB, so
	// that what fits into one RESTORE comes whole. Streams are not cut, those with more bytes
	// than 512 MiB and PieceSize are passed over with ErrTooLarge.
	PieceSize int
	// SkipDatabases passes over the keys of databases other than 0, which are an error
	// otherwise.
	SkipDatabases bool

	s         scanner
	begun     bool
	ended     bool
	version   uint16
	database  uint64
	skipped   Skipped
	item      FileItem
	key       []byte
	remainder remainder
}

// Skipped counts keys that a FileReader has passed over.
type Skipped struct {
	OtherDatabases int64
	Empty          int64 // collections without elements, which old servers wrote by mistake
}

// remainder is a collection of which pieces are still to come.
type remainder struct {
	form     form
	elements int
	first    []byte // what stands before the number of elements
}

// NewFileReader returns a reader of the file that r has next. A *bufio.Reader is left behind
// the last byte of the file: so what follows it, as in an append-only file or on a connection,
// is there to be read.
func NewFileReader(r io.Reader) *FileReader {
	buffered, ok := r.(*bufio.Reader)
	if !ok {
		buffered = bufio.NewReaderSize(r, scanStep)
	}
	return &FileReader{PieceSize: maxValue, s: scanner{r: buffered}}
}

// Version returns the RDB version of the file, and 0 before the first item: 10 is that of
// Redis 7.0.
func (r *FileReader) Version() int { return int(r.version) }

// Offset returns how many bytes of the file have been read.
func (r *FileReader) Offset() int64 { return r.s.offset }

// Skipped returns what was passed over so far.
func (r *FileReader) Skipped() Skipped { return r.skipped }

// Next returns the next item. At the end of the file, after its checksum was found right, the
// error is io.EOF; any other is a *FileError. What a value holds is checked by its own methods;
// that the file's checksum is right is known only at the end.
func (r *FileReader) Next() (*FileItem, error) {
	if r.ended {
		return nil, io.EOF
	}
	if !r.begun {
		r.begun = true
		r.head()
	}
	if r.item.More && r.s.err == nil {
		r.item.Piece++
		r.piece()
		return r.give()
	}
	r.item = FileItem{}
	for r.s.err == nil {
		r.s.reset(0)
		switch done := r.operation(); {
		case r.ended:
			return nil, io.EOF
		case done:
			return r.give()
		}
	}
	return nil, r.s.err
}

func (r *FileReader) give() (*FileItem, error) {
	if r.s.err != nil {
		return nil, r.s.err
	}
	return &r.item, nil
}

// head reads the first bytes.
func (r *FileReader) head() {
	b := r.s.read(magicSize)
	if b == nil {
		return
	}
	var digits string
	var first, last uint64
	switch head := string(b); {
	case head[:5] == "REDIS":
		digits, first, last = head[5:], 1, maxVersion
	case head[:6] == "VALKEY":
		digits, first, last = head[6:], valkeyVersion, valkeyVersion
	default:
		r.s.offset = 0
		r.s.fail(ErrNoFile)
		return
	}
	version, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || version < first || version > last {
		r.s.offset = 0
		r.s.fail(ErrFileVersion)
		return
	}
	r.version = uint16(version)
}

// operation reads one operation; done says that it has made an item.
func (r *FileReader) operation() (done bool) {
	s := &r.s
	switch op := s.byte(); op {
	case opAux:
		r.item.Name, r.item.Text = s.text(), s.text()
		r.item.Kind = FileAux
		return true
	case opFunction:
		r.item.Text = s.text()
		r.item.Kind = FileFunction
		return true
	case opFunctionEarly:
		s.fail(ErrEarlyFunction)
	case opDatabase:
		r.database = s.number()
	case opResize:
		s.number()
		s.number()
	case opSlotInfo:
		s.each(3, func() { s.number() }) // the slot, its keys, those that expire
	case opSlotImport:
		s.forget = true
		s.str()
		s.each(s.count(), func() {
			s.number()
			s.number()
		})
		s.forget = false
	case opModuleAux:
		s.forget = true
		s.number()
		s.number() // says that the next number is when the module wrote this
		s.number()
		s.module()
		s.forget = false
	case opIdle:
		s.number()
	case opFreq:
		s.byte()
	case opExpiry:
		if b := s.read(4); b != nil {
			r.expire(int64(int32(binary.LittleEndian.Uint32(b))), 1000)
		}
	case opExpiryMs:
		if b := s.read(timeSize); b != nil {
			r.expire(int64(binary.LittleEndian.Uint64(b)), 1)
		}
	case opEnd:
		r.end()
	default:
		return r.readKey(op)
	}
	return false
}

// expire sets the time of the next key.
func (r *FileReader) expire(at, unit int64) {
	if at > maxTime || at < -maxTime {
		r.s.fail(ErrFormat)
		return
	}
	if r.item.ExpireAt = at * unit; at <= 0 {
		r.item.ExpireAt = 1 // long ago, where 0 means never
	}
}

// end checks the end of the file.
func (r *FileReader) end() {
	r.s.hash()
	want := r.s.crc
	if r.version >= checksumVersion {
		b := r.s.read(8)
		if b == nil {
			return
		}
		if got := binary.LittleEndian.Uint64(b); got != 0 && got != want { // 0: the writer made none
			r.s.fail(ErrFileChecksum)
			return
		}
	}
	r.ended = true
}

// readKey reads a key of which the form of the value has been read.
func (r *FileReader) readKey(op byte) (done bool) {
	s := &r.s
	name := s.text()
	if s.err != nil {
		return false
	}
	r.key = append(r.key[:0], name...)
	r.item.Kind, r.item.Name = FileKey, r.key
	skip := r.database != 0
	if skip && !r.SkipDatabases {
		s.fail(&DatabaseError{r.database})
		return false
	}
	s.forget = skip
	done = r.readValue(op)
	s.forget = false
	if skip {
		r.skipped.OtherDatabases++
		r.item = FileItem{}
		return false
	}
	return done
}

const (
	formModuleEarly = 6 // has no structure that others could pass over
	formModule      = 7
)

func (r *FileReader) readValue(op byte) (done bool) {
	s := &r.s
	f := form(op)
	if r.version == valkeyVersion && f == formHashTimesEarly {
		f = formHashTimesValkey
	}
	if f == formModule {
		s.forget = true
		r.item.Err = &UnsupportedError{Type: "module " + moduleName(s.number())}
		s.module()
		return true
	}
	typ, known := types[form(op)]
	if !known {
		s.fail(&UnsupportedError{Type: typeName(op)})
		return false
	}
	r.item.Value = Value{Type: typ, form: f}
	r.remainder = remainder{form: f, first: r.remainder.first[:0]}
	switch f {
	case formHashTimes:
		r.remainder.first = append(r.remainder.first, s.read(timeSize)...)
		fallthrough
	case formList, formSet, formZSet, formZSet2, formHash, formHashTimesEarly, formHashTimesValkey, formQuicklist,
		formQuicklist2:
		if r.remainder.elements = s.count(); r.remainder.elements == 0 && s.err == nil {
			r.skipped.Empty++
			r.item = FileItem{}
			return false
		}
		r.piece()
		return true
	case formStreamEarly, formStream, formStreamActive:
		r.readStream(f)
		return true
	case formListpackTimes:
		s.reset(0)
		s.pass(timeSize)
	default:
		s.reset(0)
	}
	s.str()
	r.item.Value.body = s.buf
	return true
}

func (r *FileReader) readStream(f form) {
	s := &r.s
	s.reset(0)
	s.limit = max(maxValue, r.PieceSize)
	s.stream(f)
	if s.limit = 0; s.exceeded {
		s.exceeded, s.forget = false, false
		r.item.Err = ErrTooLarge
		return
	}
	r.item.Value.body = s.buf
}

// piece reads as many elements of r.remainder as a piece may have.
func (r *FileReader) piece() {
	s, left := &r.s, &r.remainder
	const room = timeSize + 9 // for what stands before the elements
	s.reset(room)
	n := 0
	for ; n < left.elements && s.err == nil && (n == 0 || s.forget || len(s.buf) < r.PieceSize); n++ {
		s.element(left.form)
	}
	left.elements -= n
	r.item.More = left.elements > 0
	if s.err != nil || s.forget {
		return
	}
	var head [room]byte
	b := appendLength(append(head[:0], left.first...), n)
	copy(s.buf[room-len(b):], b)
	r.item.Value.body = s.buf[room-len(b):]
}
