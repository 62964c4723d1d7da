package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// FileWriter writes an RDB file as Redis 7.0 writes it with rdbcompression no. It holds a few
// KB. The order is that of Redis: Aux, Function, Database, keys, Close. The first error of the
// writer below stays, and all methods return it.
type FileWriter struct {
	// FieldTimes writes when fields of hashes expire, in the format of Redis 7.4, which earlier
	// servers refuse; it must be set before the first call. Without it such fields are written
	// as if they stayed: whoever reads the file must be told of their end.
	FieldTimes bool

	output
	begun bool
	enc   Encoder
}

// NewFileWriter returns a writer of a file to w.
func NewFileWriter(w io.Writer) *FileWriter { return &FileWriter{output: output{w: w}} }

// begin writes the head of the file before all else.
func (w *FileWriter) begin() {
	if w.begun {
		return
	}
	w.begun = true
	version := writeVersion
	if w.FieldTimes {
		version = hashTimesVersion
	}
	w.buf = fmt.Appendf(w.buf, "REDIS%04d", version)
}

// Aux writes an auxiliary field: "redis-ver", "repl-id", "repl-offset" …
func (w *FileWriter) Aux(name, value string) error {
	w.begin()
	w.buf = append(w.buf, opAux)
	w.str([]byte(name))
	w.str([]byte(value))
	return w.spill()
}

// AuxInt writes an auxiliary field that is a number.
func (w *FileWriter) AuxInt(name string, n int64) error { return w.Aux(name, strconv.FormatInt(n, 10)) }

// Function writes the source of a library of functions.
func (w *FileWriter) Function(source []byte) error {
	w.begin()
	w.buf = append(w.buf, opFunction)
	w.str(source)
	return w.spill()
}

// Database begins database 0. The number of keys, and of those that expire, need not be exact:
// readers make room by them.
func (w *FileWriter) Database(keys, expiring int) error {
	w.begin()
	w.buf = append(w.buf, opDatabase, 0, opResize)
	w.buf = appendLength(w.buf, keys)
	w.buf = appendLength(w.buf, expiring)
	return w.spill()
}

// String writes a key with a string, which expires at expireAt in Unix milliseconds, 0 = never.
func (w *FileWriter) String(key, value []byte, expireAt int64) error {
	w.key(key, formString, expireAt)
	w.str(value)
	return w.spill()
}

// Collection writes a key with a collection of at least one element, or a stream. each calls add
// with the elements from which o was made, in the same order; what it returns is returned.
func (w *FileWriter) Collection(key []byte, expireAt int64, o *Outline,
	each func(add func(*Element) error) error) error {
	shape := *o
	if !w.FieldTimes {
		shape.times = 0
	}
	f := shape.form()
	w.key(key, f, expireAt)
	w.enc = Encoder{o: &shape, output: &w.output, form: f, bare: true, entries: w.enc.entries[:0], ints: w.enc.ints[:0]}
	w.enc.head()
	if err := each(w.enc.Add); err != nil {
		return err
	}
	return w.enc.Close()
}

// Value writes a key with a value that was read, as it is. The error is an *UnsupportedError
// if servers that read this version of the file do not know its form.
func (w *FileWriter) Value(key []byte, expireAt int64, v Value) error {
	if v.form.version() > writeVersion && (!w.FieldTimes || v.form.version() > hashTimesVersion) {
		return &UnsupportedError{Type: "number " + strconv.Itoa(int(v.form))}
	}
	w.key(key, v.form, expireAt)
	w.long(v.body)
	return w.spill()
}

// key writes what stands before a value.
func (w *FileWriter) key(key []byte, f form, expireAt int64) {
	w.begin()
	if expireAt != 0 {
		w.buf = binary.LittleEndian.AppendUint64(append(w.buf, opExpiryMs), uint64(expireAt))
	}
	w.buf = append(w.buf, byte(f))
	w.str(key)
}

// Close writes the end of the file and its checksum. It does not close the writer below.
func (w *FileWriter) Close() error {
	w.begin()
	w.buf = append(w.buf, opEnd)
	w.flush()
	w.buf = binary.LittleEndian.AppendUint64(w.buf, w.crc)
	w.flush()
	return w.err
}

// Size returns the bytes so far.
func (w *FileWriter) Size() int64 { return w.size + int64(len(w.buf)) }
