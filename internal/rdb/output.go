package rdb

import "io"

// output gathers bytes of a file or a payload and writes them, with their checksum. The first
// error of the writer stays.
type output struct {
	w    io.Writer
	buf  []byte
	crc  uint64 // of what has left buf
	size int64  // the same, in bytes
	err  error
}

// str writes a string with its length.
func (o *output) str(s []byte) {
	if len(s) < encoderBuffer {
		o.buf = appendString(o.buf, s)
		return
	}
	o.buf = appendLength(o.buf, len(s))
	o.long(s)
}

// long writes bytes, many of them without a copy.
func (o *output) long(b []byte) {
	if len(b) < encoderBuffer {
		o.buf = append(o.buf, b...)
		return
	}
	o.flush()
	o.crc = crc64Next(o.crc, b)
	o.write(b)
}

// spill empties the buffer if it is full.
func (o *output) spill() error {
	if len(o.buf) >= encoderBuffer {
		o.flush()
	}
	return o.err
}

func (o *output) flush() {
	o.crc = crc64Next(o.crc, o.buf)
	o.write(o.buf)
	o.buf = o.buf[:0]
}

func (o *output) write(b []byte) {
	o.size += int64(len(b))
	if o.err == nil && len(b) > 0 {
		_, o.err = o.w.Write(b)
	}
}
