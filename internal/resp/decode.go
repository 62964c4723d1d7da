package resp

import (
	"bufio"
	"bytes"
	"io"
	"sync"
)

// Decode reads one reply that lies in memory as a whole. The reply's strings are copies:
// b may be reused. An error reply is a Reply, no error. The error is io.ErrUnexpectedEOF
// for a reply that is cut short, or matches ErrMalformed.
func Decode(b []byte) (Reply, error) {
	if reply, ok := decodeShort(b); ok {
		return reply, nil
	}
	r := decoders.Get().(*decoder)
	defer decoders.Put(r)
	r.src.Reset(b)
	r.Reader.r.Reset(&r.src)
	reply, err := r.Read()
	if err == nil && r.Buffered()+r.src.Len() > 0 {
		err = malformed("%d bytes after the reply", r.Buffered()+r.src.Len())
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	r.src.Reset(nil) // lets go of b
	return reply, err
}

// decodeShort decodes the most frequent replies: a string, a status, a number, nothing.
func decodeShort(b []byte) (Reply, bool) {
	if len(b) < 3 || b[len(b)-1] != '\n' || b[len(b)-2] != '\r' {
		return Reply{}, false
	}
	eol := bytes.IndexByte(b, '\n')
	if eol < 2 || b[eol-1] != '\r' {
		return Reply{}, false
	}
	head := b[1 : eol-1]
	switch b[0] {
	case '_':
		return Reply{}, len(b) == 3
	case ':':
		n, ok := ParseInt(head)
		return Reply{Kind: Int, Int: n}, ok && eol == len(b)-1
	case '+':
		if eol != len(b)-1 {
			return Reply{}, false
		}
		return Reply{Kind: Simple, Str: append([]byte(nil), head...)}, true
	case '$':
		n, ok := ParseInt(head)
		if !ok || n < 0 || int64(len(b)) != int64(eol)+1+n+2 {
			return Reply{}, false
		}
		return Reply{Kind: Bulk, Str: append(make([]byte, 0, n), b[eol+1:eol+1+int(n)]...)}, true
	}
	return Reply{}, false
}

// decoder is a Reader of memory.
type decoder struct {
	Reader
	src bytes.Reader
}

var decoders = sync.Pool{New: func() any {
	return &decoder{Reader: Reader{bufio.NewReaderSize(nil, 4<<10)}}
}}
