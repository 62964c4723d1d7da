package aof

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// The errors that an *Error wraps, beside those of package rdb.
var (
	ErrTruncated = errors.New("the file ends within a command or a transaction")
	ErrFormat    = errors.New("this is not in the format of an append-only file")
)

const (
	maxArgs        = 1 << 20
	maxArg         = 512 << 20 // bytes
	maxCommand     = 1 << 30   // bytes of a command, and of a transaction
	maxLine        = 64        // bytes of a line with a length
	maxAnnotation  = 64 << 10
	readStep       = 64 << 10 // bytes that are read at once
	keepBuffer     = 1 << 20
	argumentMemory = 24 // bytes that an argument takes beside its own
)

// commands reads commands as they stand in a file. It allocates no more than twice what it has
// read.
type commands struct {
	r      *bufio.Reader
	offset int64
	buf    []byte // of the command
	ends   []int  // where its arguments end in buf
	args   [][]byte
	time   int64 // of the last annotation, in Unix seconds
}

// next returns the next command, whose arguments are valid until the next call. The error is
// io.EOF only where a command could begin.
func (c *commands) next() ([][]byte, error) {
	if cap(c.buf) > keepBuffer {
		c.buf = nil
	}
	c.buf, c.ends, c.args = c.buf[:0], c.ends[:0], c.args[:0]
	for {
		b, err := c.r.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == '*' {
			break
		}
		if b != '#' {
			return nil, ErrFormat
		}
		c.offset++
		if err := c.annotation(); err != nil {
			return nil, err
		}
	}
	c.offset++
	n, err := c.length()
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxArgs {
		return nil, ErrFormat
	}
	for i := range n {
		if err := c.argument(); err != nil {
			return nil, err
		}
		if len(c.buf)+argumentMemory*i > maxCommand {
			return nil, ErrFormat
		}
	}
	start := 0
	for _, end := range c.ends {
		c.args = append(c.args, c.buf[start:end:end])
		start = end
	}
	return c.args, nil
}

// annotation reads what follows '#' in its line.
func (c *commands) annotation() error {
	line, err := c.line(maxAnnotation)
	if err != nil {
		return err
	}
	if text, ok := bytes.CutPrefix(line, []byte("TS:")); ok {
		n, ok := resp.ParseInt(text)
		if !ok {
			return ErrFormat
		}
		c.time = n
	}
	return nil
}

// line reads a line and returns it without its end; it is valid until the next read.
func (c *commands) line(most int) ([]byte, error) {
	var line []byte
	for {
		part, err := c.r.ReadSlice('\n')
		c.offset += int64(len(part))
		if len(line)+len(part) > most {
			return nil, ErrFormat
		}
		switch {
		case err == bufio.ErrBufferFull:
			line = append(line, part...)
			continue
		case err != nil:
			return nil, torn(err)
		case line != nil:
			part = append(line, part...)
		}
		text, ok := bytes.CutSuffix(part, []byte("\r\n"))
		if !ok {
			return nil, ErrFormat
		}
		return text, nil
	}
}

func (c *commands) length() (int, error) {
	line, err := c.line(maxLine)
	if err != nil {
		return 0, err
	}
	n, ok := resp.ParseInt(line)
	if !ok || n < 0 || n > maxArg {
		return 0, ErrFormat
	}
	return int(n), nil
}

// argument reads an argument into buf.
func (c *commands) argument() error {
	b, err := c.r.ReadByte()
	if err != nil {
		return torn(err)
	}
	if c.offset++; b != '$' {
		return ErrFormat
	}
	n, err := c.length()
	if err != nil {
		return err
	}
	for n > 0 {
		step := min(n, readStep)
		at := len(c.buf)
		if cap(c.buf)-at < step {
			grown := make([]byte, at, max(2*cap(c.buf), at+step))
			copy(grown, c.buf)
			c.buf = grown
		}
		got, err := io.ReadFull(c.r, c.buf[at:at+step])
		c.buf = c.buf[:at+got]
		c.offset += int64(got)
		if n -= got; err != nil {
			return torn(err)
		}
	}
	c.ends = append(c.ends, len(c.buf))
	var end [2]byte
	got, err := io.ReadFull(c.r, end[:])
	c.offset += int64(got)
	switch {
	case err != nil:
		return torn(err)
	case string(end[:]) != "\r\n":
		return ErrFormat
	}
	return nil
}

// torn replaces the end of the file by what it means within a command.
func torn(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrTruncated
	}
	return err
}
