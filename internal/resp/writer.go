package resp

import (
	"bytes"
	"io"
	"math"
	"strconv"
)

// Writer appends replies to a buffer. The zero value is empty and speaks RESP2; with
// RESP3 set, maps, sets, nulls, booleans, doubles and pushes are written as such,
// otherwise as the nearest RESP2 type.
type Writer struct {
	B     []byte // what has been appended
	RESP3 bool
}

// bulkOverhead is the most that the head and the end of a string take.
const bulkOverhead = 1 + 20 + 2 + 2

// Raw appends bytes that are replies already.
func (w *Writer) Raw(b string) { w.B = append(w.B, b...) }

// Simple appends a status such as OK. s must not contain line breaks.
func (w *Writer) Simple(s string) { w.line('+', s) }

// OK appends the status OK.
func (w *Writer) OK() { w.B = append(w.B, "+OK\r\n"...) }

// Error appends an error reply; line breaks in text become spaces.
func (w *Writer) Error(text string) { w.line('-', text) }

func (w *Writer) line(kind byte, s string) {
	w.B = append(w.B, kind)
	start := len(w.B)
	w.B = append(w.B, s...)
	for i := start; i < len(w.B); i++ {
		if w.B[i] == '\r' || w.B[i] == '\n' {
			w.B[i] = ' '
		}
	}
	w.B = append(w.B, '\r', '\n')
}

// Int appends an integer.
func (w *Writer) Int(n int64) { w.head(':', n) }

func (w *Writer) head(kind byte, n int64) {
	w.B = append(w.B, kind)
	w.B = strconv.AppendInt(w.B, n, 10)
	w.B = append(w.B, '\r', '\n')
}

// makeRoom prepares the buffer for n more bytes.
func (w *Writer) makeRoom(n int) {
	if len(w.B)+n > cap(w.B) {
		w.grow(n)
	}
}

// grow doubles a large buffer: append would add a quarter, and so copy a long reply
// several times.
func (w *Writer) grow(n int) {
	if need := len(w.B) + n; need > keepBuffer {
		w.B = append(make([]byte, 0, max(need, 2*cap(w.B))), w.B...)
	}
}

// Bulk appends a string of any bytes.
func (w *Writer) Bulk(b []byte) {
	w.makeRoom(len(b) + bulkOverhead)
	w.head('$', int64(len(b)))
	w.B = append(w.B, b...)
	w.B = append(w.B, '\r', '\n')
}

// BulkBy is Bulk for n bytes that write produces. Its error is that of write, after which
// what was written has to be taken back.
func (w *Writer) BulkBy(n int, write func(io.Writer) error) error {
	w.makeRoom(n + bulkOverhead)
	w.head('$', int64(n))
	err := write((*appender)(w))
	w.B = append(w.B, '\r', '\n')
	return err
}

// appender appends to a reply.
type appender Writer

func (a *appender) Write(b []byte) (int, error) {
	a.B = append(a.B, b...)
	return len(b), nil
}

// BulkHead appends the head of a string of n bytes. They follow, and then "\r\n".
func (w *Writer) BulkHead(n int) {
	w.makeRoom(n + bulkOverhead)
	w.head('$', int64(n))
}

// BulkString is Bulk for a string.
func (w *Writer) BulkString(s string) {
	w.head('$', int64(len(s)))
	w.B = append(w.B, s...)
	w.B = append(w.B, '\r', '\n')
}

// BulkInt appends a number as a string.
func (w *Writer) BulkInt(n int64) {
	var digits [20]byte
	w.Bulk(strconv.AppendInt(digits[:0], n, 10))
}

// Null appends the absent string.
func (w *Writer) Null() {
	if w.RESP3 {
		w.Raw("_\r\n")
	} else {
		w.Raw("$-1\r\n")
	}
}

// NullArray appends the absent array.
func (w *Writer) NullArray() {
	if w.RESP3 {
		w.Raw("_\r\n")
	} else {
		w.Raw("*-1\r\n")
	}
}

// Array appends the head of an array; n elements must follow.
func (w *Writer) Array(n int) { w.head('*', int64(n)) }

// Map appends the head of a map; n keys, each with its value, must follow.
func (w *Writer) Map(n int) {
	if w.RESP3 {
		w.head('%', int64(n))
	} else {
		w.head('*', 2*int64(n))
	}
}

// Set appends the head of a set; n elements must follow.
func (w *Writer) Set(n int) {
	if w.RESP3 {
		w.head('~', int64(n))
	} else {
		w.head('*', int64(n))
	}
}

// Push appends the head of a message that answers no command.
func (w *Writer) Push(n int) {
	if w.RESP3 {
		w.head('>', int64(n))
	} else {
		w.head('*', int64(n))
	}
}

// Bool appends a truth value; RESP2 has 1 and 0.
func (w *Writer) Bool(v bool) {
	switch {
	case w.RESP3 && v:
		w.Raw("#t\r\n")
	case w.RESP3:
		w.Raw("#f\r\n")
	case v:
		w.Raw(":1\r\n")
	default:
		w.Raw(":0\r\n")
	}
}

// Double appends a floating point number; RESP2 has its text.
func (w *Writer) Double(f float64) {
	if !w.RESP3 {
		w.BulkDouble(f)
		return
	}
	w.B = append(w.B, ',')
	w.B = appendDouble(w.B, f)
	w.B = append(w.B, '\r', '\n')
}

// LongDouble appends a floating point number as "%.17Lf" of C does, without zeros at the
// end; RESP2 has its text.
func (w *Writer) LongDouble(f float64) {
	var room [48]byte
	b := strconv.AppendFloat(room[:0], f, 'f', 17, 64)
	b = bytes.TrimRight(bytes.TrimRight(b, "0"), ".")
	if !w.RESP3 {
		w.Bulk(b)
		return
	}
	w.B = append(w.B, ',')
	w.B = append(w.B, b...)
	w.B = append(w.B, '\r', '\n')
}

// BulkDouble appends a floating point number as a string.
func (w *Writer) BulkDouble(f float64) {
	var digits [32]byte
	w.Bulk(appendDouble(digits[:0], f))
}

// appendDouble appends a number as "%.17g" of C does. Whole numbers, which scores often
// are, take a shorter way.
func appendDouble(b []byte, f float64) []byte {
	if n := int64(f); float64(n) == f && n > -1e15 && n < 1e15 && (n != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, n, 10)
	}
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, 'g', 17, 64)
}

// Verbatim appends a text with its format, three letters such as "txt".
func (w *Writer) Verbatim(format, text string) {
	if !w.RESP3 {
		w.BulkString(text)
		return
	}
	w.head('=', int64(len(text)+4))
	w.Raw(format[:3])
	w.Raw(":")
	w.Raw(text)
	w.Raw("\r\n")
}

// AppendCommand appends a command as clients send it.
func AppendCommand[T ~string | ~[]byte](dst []byte, args ...T) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	dst = append(dst, '\r', '\n')
	for _, a := range args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(a)), 10)
		dst = append(dst, '\r', '\n')
		dst = append(dst, a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}
