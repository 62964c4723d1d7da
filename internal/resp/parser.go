package resp

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// Limits bounds what a peer may send. Zero fields mean the default.
type Limits struct {
	MaxBulk int // bytes of one argument (proto-max-bulk-len); default 512 MiB
	MaxArgs int // arguments of one command; default 1,048,576
	// bytes of one unfinished command and of the list of its arguments
	// (client-query-buffer-limit); default 1 GiB
	MaxQuery int
}

const (
	defaultMaxBulk  = 512 << 20
	defaultMaxArgs  = 1 << 20
	defaultMaxQuery = 1 << 30

	// What a peer that has not given the password yet may send.
	strangerArgs  = 10
	strangerBulk  = 16 << 10
	strangerQuery = 64 << 10 // of one unfinished command

	maxLine    = 64 << 10 // an inline command, or a line that holds a length
	firstRead  = 4 << 10  // the buffer of a peer that sends little
	keepBuffer = 64 << 10 // a larger buffer is given back once it is empty
	maxBuffer  = 1 << 20  // no buffer is larger, except for one argument that is
	keepArgs   = 1 << 10  // a list of more arguments is given back after its command
	// argOverhead is what an argument takes beside its bytes. Without it a command of very
	// many empty arguments would take several times the memory that Limits.MaxQuery says.
	argOverhead = 40
)

// WithDefaults returns l with the defaults in place of zero fields.
func (l Limits) WithDefaults() Limits {
	if l.MaxBulk <= 0 {
		l.MaxBulk = defaultMaxBulk
	}
	if l.MaxArgs <= 0 {
		l.MaxArgs = defaultMaxArgs
	}
	if l.MaxQuery <= 0 {
		l.MaxQuery = defaultMaxQuery
	}
	return l
}

// ProtocolError says that the peer does not speak the protocol. Nothing after it in the
// stream can be trusted: send the text and hang up.
type ProtocolError struct{ reason string }

// Error returns the error reply to send, "ERR Protocol error: …".
func (e *ProtocolError) Error() string { return "ERR Protocol error: " + e.reason }

var (
	errInlineTooBig     = &ProtocolError{"too big inline request"}
	errTLS              = &ProtocolError{"this port does not speak TLS"}
	errQuotes           = &ProtocolError{"unbalanced quotes in request"}
	errCountTooLong     = &ProtocolError{"too big mbulk count string"}
	errCount            = &ProtocolError{"invalid multibulk length"}
	errStrangerCount    = &ProtocolError{"unauthenticated multibulk length"}
	errBulkLenTooLong   = &ProtocolError{"too big bulk count string"}
	errBulkLen          = &ProtocolError{"invalid bulk length"}
	errStrangerBulkSize = &ProtocolError{"unauthenticated bulk length"}
)

// ErrQueryTooLarge says that an unfinished command exceeds Limits.MaxQuery. Hang up
// without a word, as Redis does.
var ErrQueryTooLarge = errors.New("resp: the command exceeds the query buffer limit (client-query-buffer-limit)")

// Parser cuts commands out of a byte stream. It is not safe for concurrent use.
//
// Its work is linear in the length of the stream, however the stream is cut into reads:
// when a command outgrows the buffer, the arguments that are complete stay where they are
// and only the one under way moves to the next buffer.
type Parser struct {
	limits   Limits
	stranger bool

	buf  []byte
	cmd  int  // start of the unfinished command, or of the part of it that is in buf
	r, w int  // buf[r:w] has arrived and is not parsed yet
	full bool // the last Read left no space: there may be more

	// Of the unfinished command.
	left     int      // arguments still to come
	bulk     int      // length of the argument being read, noBulk if not known yet
	searched int      // bytes from r on that are known to hold no end of a line
	spans    []span   // the arguments in buf, relative to cmd: the command may move inside buf
	earlier  int      // bytes of the command in earlier buffers
	args     [][]byte // the arguments in earlier buffers; of a command that Next has returned, all
}

type span struct{ off, len int }

const noBulk = -1

// tlsHandshake begins what a client sends that expects TLS here. It would wait for the
// answer to what may be half a line.
const tlsHandshake = 0x16

// NewParser returns a Parser without a buffer; the first Fill makes it.
func NewParser(limits Limits) *Parser {
	return &Parser{limits: limits.WithDefaults(), bulk: noBulk}
}

// SetLimits puts other limits in force, from the next argument on.
func (p *Parser) SetLimits(limits Limits) { p.limits = limits.WithDefaults() }

// SetStranger says whether the peer has still to give the password. Until then a command
// may have 10 arguments of 16 KiB, and 64 KiB in all, and the buffer stays small.
func (p *Parser) SetStranger(stranger bool) { p.stranger = stranger }

// Buffered returns the number of bytes that have arrived and belong to no command that
// Next has returned.
func (p *Parser) Buffered() int { return p.earlier + p.w - p.cmd }

// Size returns the bytes of memory that the command under way and the buffer take.
func (p *Parser) Size() int { return p.earlier + cap(p.buf) + cap(p.spans)*16 + cap(p.args)*24 }

// Drained reports whether the last Fill got less than it had space for: a stream that is
// read without waiting holds no more then.
func (p *Parser) Drained() bool { return !p.full }

// Next returns the next command whose last byte has arrived; args is nil if there is
// none, then call Fill. args alias the buffer and are valid until the next call of Next
// or Fill. The error is a *ProtocolError.
func (p *Parser) Next() (args [][]byte, err error) {
	for {
		if p.left == 0 {
			p.cmd = p.r
			if p.earlier > 0 {
				p.release()
			}
			if p.r == p.w {
				return nil, nil
			}
			if p.buf[p.r] == tlsHandshake {
				return nil, errTLS
			}
			if p.buf[p.r] != '*' {
				done, err := p.inline()
				if !done || err != nil {
					return nil, err
				}
				if len(p.args) > 0 {
					return p.args, nil
				}
				continue // an empty line means nothing
			}
			n, ok, err := p.length(errCountTooLong, errCount)
			if !ok || err != nil {
				return nil, err
			}
			switch {
			case n > p.limits.MaxArgs:
				return nil, errCount
			case p.stranger && n > strangerArgs:
				return nil, errStrangerCount
			case n <= 0:
				continue // an empty or null command means nothing
			}
			p.left, p.args = n, p.args[:0]
		}
		done, err := p.bulks()
		if err != nil {
			return nil, err
		}
		if !done {
			return nil, nil
		}
		return p.collect(), nil
	}
}

// bulks reads the remaining arguments as far as they have arrived.
func (p *Parser) bulks() (done bool, err error) {
	for p.left > 0 {
		if p.bulk == noBulk {
			if p.r == p.w {
				return false, nil
			}
			if c := p.buf[p.r]; c != '$' {
				return false, &ProtocolError{"expected '$', got '" + printable(c) + "'"}
			}
			n, ok, err := p.length(errBulkLenTooLong, errBulkLen)
			if !ok || err != nil {
				return false, err
			}
			if n < 0 || n > p.limits.MaxBulk {
				return false, errBulkLen
			}
			if p.stranger && n > strangerBulk {
				return false, errStrangerBulkSize
			}
			p.bulk = n
		}
		if p.w-p.r < p.bulk+2 {
			return false, nil
		}
		p.spans = append(p.spans, span{p.r - p.cmd, p.bulk})
		p.r += p.bulk + 2
		p.bulk = noBulk
		p.left--
	}
	return true, nil
}

// length reads a line that is a type byte and a number. ok is false while its end has not
// arrived.
func (p *Parser) length(tooLong, invalid *ProtocolError) (n int, ok bool, err error) {
	line := p.buf[p.r+1 : p.w]
	// Nearly every length has one or two digits, for which a search is not worth while.
	var end int
	switch {
	case len(line) > 2 && line[1] == '\r':
		end = 1
	case len(line) > 3 && line[2] == '\r':
		end = 2
	default:
		if end = p.endOfLine(line, '\r'); end < 0 {
			if len(line) > maxLine {
				return 0, false, tooLong
			}
			return 0, false, nil
		}
	}
	p.searched = 0
	v, valid := ParseInt(line[:end])
	if !valid || v > 1<<40 || v < -1<<40 {
		return 0, false, invalid
	}
	p.r += 1 + end + 2
	return int(v), true, nil
}

// endOfLine returns the position of c in line, which begins where the last search without
// a result began; -1 if it or the byte after a CR has not arrived.
func (p *Parser) endOfLine(line []byte, c byte) int {
	at := bytes.IndexByte(line[p.searched:], c)
	if at < 0 {
		p.searched = len(line)
		return -1
	}
	at += p.searched
	if c == '\r' && at+1 == len(line) {
		p.searched = at
		return -1
	}
	return at
}

// collect returns the arguments of a complete command.
func (p *Parser) collect() [][]byte {
	p.finish()
	p.cmd = p.r
	return p.args
}

// settle adds the arguments in buf to the list: from now on their place does not change.
func (p *Parser) finish() {
	args, buf, cmd := slices.Grow(p.args, len(p.spans)), p.buf, p.cmd // in registers: this is a hot loop
	for _, sp := range p.spans {
		from := cmd + sp.off
		args = append(args, buf[from:from+sp.len:from+sp.len])
	}
	p.args, p.spans = args, p.spans[:0]
}

// release lets go of the last command's arguments, so that they do not keep its buffers
// and a very long list of them in memory.
func (p *Parser) release() {
	p.earlier = 0
	p.args = p.args[:0]
	if cap(p.args) > keepArgs {
		p.args, p.spans = nil, nil
	}
	clear(p.args[:cap(p.args)])
}

// Fill makes one Read into the buffer and returns how many bytes it brought. err is the
// reader's, or ErrQueryTooLarge; it is nil if there are any bytes.
func (p *Parser) Fill(r io.Reader) (n int, err error) {
	if err := p.room(); err != nil {
		return 0, err
	}
	n, err = r.Read(p.buf[p.w:])
	p.w += n
	p.full = p.w == len(p.buf)
	if n > 0 {
		return n, nil // an error will come again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return 0, err
}

// room makes space for the next Read: at least firstRead/4 bytes, more if the last reads
// filled the buffer or a long argument is under way.
func (p *Parser) room() error {
	have := p.w - p.cmd
	if have == 0 {
		p.cmd, p.r, p.w = 0, 0, 0
	}
	switch idle := have == 0 && p.left == 0; {
	case idle && (len(p.buf) > keepBuffer || cap(p.args) > keepArgs):
		p.release()
		if len(p.buf) > keepBuffer {
			p.buf = nil
		}
	case idle && p.full && len(p.buf) < keepBuffer && !p.stranger:
		p.buf = make([]byte, 4*len(p.buf))
	case !idle && p.pending() > p.maxQuery():
		return ErrQueryTooLarge
	}
	if p.buf == nil {
		p.buf = make([]byte, firstRead)
	}
	if len(p.buf)-p.w >= firstRead/4 {
		return nil
	}
	// A read that filled the buffer without ending a batch is usually followed by more like
	// it. Each costs a system call, and a write for its replies.
	filled := p.full && len(p.buf) < keepBuffer && !p.stranger
	if p.cmd > 0 && have <= len(p.buf)/2 && !filled { // the unfinished command moves to the front
		copy(p.buf, p.buf[p.cmd:p.w])
		p.r -= p.cmd
		p.w -= p.cmd
		p.cmd = 0
		return nil
	}
	p.grow()
	return nil
}

// maxQuery returns the bound of pending.
func (p *Parser) maxQuery() int {
	if p.stranger {
		return min(strangerQuery, p.limits.MaxQuery)
	}
	return p.limits.MaxQuery
}

// pending returns the bytes that count against Limits.MaxQuery.
func (p *Parser) pending() int {
	if p.left == 0 {
		return p.Buffered()
	}
	return p.Buffered() + (len(p.args)+len(p.spans))*argOverhead
}

// grow goes on in another buffer. The arguments that are complete stay where they are.
func (p *Parser) grow() {
	arrived := p.Buffered()
	p.finish()
	p.earlier += p.r - p.cmd
	// What has arrived justifies four times as much, but not more than the argument under
	// way needs, if that is the last one or a long one.
	size := min(4*len(p.buf), maxBuffer)
	if p.stranger {
		size = strangerBulk // the arguments so far stay where they are: more would multiply what one sends
	}
	if p.bulk != noBulk {
		need := max(p.bulk+2, firstRead) + firstRead
		if p.left == 1 || need > size {
			size = min(need, max(size, 4*arrived))
		}
	}
	if p.left == 0 { // commands that Next has not been asked for: their copying must stay linear
		size = max(size, 2*(p.w-p.r))
	}
	grown := make([]byte, max(size, p.w-p.r+firstRead))
	p.w = copy(grown, p.buf[p.r:p.w])
	p.buf, p.cmd, p.r = grown, 0, 0
}

func printable(c byte) string {
	if c < ' ' || c > '~' {
		const hex = "0123456789abcdef"
		return `\x` + string([]byte{hex[c>>4], hex[c&15]})
	}
	return string(rune(c))
}
