package resp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Kind is the type of a Reply.
type Kind uint8

const (
	Null     Kind = iota // nothing there: Null of RESP3, absent string or array of RESP2
	Simple               // a status: Str
	ErrorMsg             // an error: Str, "ERR text"
	Int                  // Int
	Bulk                 // a string of any bytes, also verbatim text and big numbers: Str
	Array                // Elems
	Map                  // Elems: key, value, key, value …
	Set                  // Elems
	Double               // Float
	Bool                 // Int: 1 or 0
	Push                 // Elems; answers no command
)

// Reply is one decoded reply.
type Reply struct {
	Kind  Kind
	Str   []byte
	Int   int64
	Float float64
	Elems []Reply
}

// Error is an error reply, "CODE text". Find it with errors.As.
type Error string

func (e Error) Error() string { return string(e) }

// Code returns the first word of the error: ERR, MOVED, ASK, WRONGTYPE …
func (e Error) Code() string {
	for i := range len(e) {
		if e[i] == ' ' {
			return string(e[:i])
		}
	}
	return string(e)
}

// Err returns the Error that r is, nil if it is none.
func (r *Reply) Err() error {
	if r.Kind == ErrorMsg {
		return Error(r.Str)
	}
	return nil
}

// Text returns the reply as text: a string as it is, a number in decimal, "" for nothing
// and for aggregates.
func (r *Reply) Text() string {
	switch r.Kind {
	case Int, Bool:
		return strconv.FormatInt(r.Int, 10)
	case Double:
		return strconv.FormatFloat(r.Float, 'g', -1, 64)
	}
	return string(r.Str)
}

// Lookup returns the value of a key in a Map, or in an Array of alternating keys and
// values as RESP2 has it; nil if it is not there.
func (r *Reply) Lookup(key string) *Reply {
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if string(r.Elems[i].Str) == key {
			return &r.Elems[i+1]
		}
	}
	return nil
}

// ErrMalformed is matched by every error about bytes that are no reply.
var ErrMalformed = errors.New("malformed reply")

func malformed(format string, args ...any) error {
	return fmt.Errorf("resp: "+format+": %w", append(args, ErrMalformed)...)
}

// What a server may send. Replies are decoded one by one as they arrive, so the limits
// are about nonsense, not about memory.
const (
	maxReplyBulk  = 1 << 30
	maxReplyElems = 1 << 28
	maxReplyDepth = 32
)

// Reader decodes replies of RESP2 and RESP3. It is not safe for concurrent use.
type Reader struct{ r *bufio.Reader }

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 16<<10)} }

// Buffered returns the number of bytes read from the stream and not decoded.
func (d *Reader) Buffered() int { return d.r.Buffered() }

// Read returns the next reply, an error reply included. The error is the stream's,
// io.ErrUnexpectedEOF inside a reply, or matches ErrMalformed.
func (d *Reader) Read() (Reply, error) {
	if _, err := d.r.Peek(1); err != nil {
		return Reply{}, err
	}
	reply, err := d.read(0)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return reply, err
}

func (d *Reader) read(depth int) (Reply, error) {
	if depth > maxReplyDepth {
		return Reply{}, malformed("aggregates are nested deeper than %d", maxReplyDepth)
	}
	kind, line, err := d.line()
	if err != nil {
		return Reply{}, err
	}
	switch kind {
	case '+':
		return Reply{Kind: Simple, Str: line}, nil
	case '-':
		return Reply{Kind: ErrorMsg, Str: line}, nil
	case '(':
		return Reply{Kind: Bulk, Str: line}, nil
	case '_':
		return Reply{}, nil
	case ',':
		return d.double(line)
	case '#':
		return boolean(line)
	case ':', '$', '!', '=', '*', '%', '~', '>', '|':
	default:
		return Reply{}, malformed("%q begins no reply", kind)
	}
	n, ok := ParseInt(line)
	if !ok {
		return Reply{}, malformed("%q after %q is not a number", line, kind)
	}
	switch kind {
	case ':':
		return Reply{Kind: Int, Int: n}, nil
	case '$', '!', '=':
		return d.bulk(kind, n)
	}
	return d.aggregate(kind, n, depth)
}

// line reads the type byte and what follows up to the line's end.
func (d *Reader) line() (kind byte, rest []byte, err error) {
	var line []byte
	for {
		part, err := d.r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return 0, nil, err
		}
		if len(line) > maxLine {
			return 0, nil, malformed("a line is longer than %d bytes", maxLine)
		}
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return 0, nil, malformed("line %q does not end in CR LF", line)
	}
	return line[0], line[1 : len(line)-2], nil
}

func (d *Reader) double(line []byte) (Reply, error) {
	f, err := strconv.ParseFloat(string(line), 64)
	if err != nil && !math.IsInf(f, 0) {
		return Reply{}, malformed("%q is not a double", line)
	}
	return Reply{Kind: Double, Float: f}, nil
}

func boolean(line []byte) (Reply, error) {
	switch string(line) {
	case "t":
		return Reply{Kind: Bool, Int: 1}, nil
	case "f":
		return Reply{Kind: Bool}, nil
	}
	return Reply{}, malformed("%q is not a boolean", line)
}

func (d *Reader) bulk(kind byte, n int64) (Reply, error) {
	if n == -1 && kind == '$' {
		return Reply{}, nil
	}
	if n < 0 || n > maxReplyBulk {
		return Reply{}, malformed("string of %d bytes (0 to %d)", n, maxReplyBulk)
	}
	data, err := d.exactly(int(n) + 2)
	if err != nil {
		return Reply{}, err
	}
	if data[n] != '\r' || data[n+1] != '\n' {
		return Reply{}, malformed("string of %d bytes does not end in CR LF", n)
	}
	data = data[:n:n]
	switch {
	case kind == '!':
		return Reply{Kind: ErrorMsg, Str: data}, nil
	case kind == '=' && n < 4:
		return Reply{}, malformed("verbatim text %q has no format", data)
	case kind == '=':
		data = data[4:]
	}
	return Reply{Kind: Bulk, Str: data}, nil
}

// exactly reads n bytes into memory that grows as they arrive.
func (d *Reader) exactly(n int) ([]byte, error) {
	data := make([]byte, 0, min(n, keepBuffer))
	for len(data) < n {
		if len(data) == cap(data) {
			grown := make([]byte, len(data), min(n, 4*len(data)))
			copy(grown, data)
			data = grown
		}
		have := len(data)
		data = data[:cap(data)]
		if _, err := io.ReadFull(d.r, data[have:]); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (d *Reader) aggregate(kind byte, n int64, depth int) (Reply, error) {
	if n == -1 && kind == '*' {
		return Reply{}, nil
	}
	if kind == '%' || kind == '|' {
		n *= 2
	}
	if n < 0 || n > maxReplyElems {
		return Reply{}, malformed("aggregate of %d elements (0 to %d)", n, maxReplyElems)
	}
	elems := make([]Reply, 0, min(n, 16))
	for range n {
		e, err := d.read(depth + 1)
		if err != nil {
			return Reply{}, err
		}
		elems = append(elems, e)
	}
	switch kind {
	case '%':
		return Reply{Kind: Map, Elems: elems}, nil
	case '~':
		return Reply{Kind: Set, Elems: elems}, nil
	case '>':
		return Reply{Kind: Push, Elems: elems}, nil
	case '|': // attributes of the reply that follows, which no command here asks for
		return d.read(depth + 1)
	}
	return Reply{Kind: Array, Elems: elems}, nil
}
