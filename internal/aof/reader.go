package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// Error says where a file cannot be read.
type Error struct {
	File   string
	Offset int64 // bytes up to which the file is whole
	Err    error
}

// Error names the file, the place and the reason.
func (e *Error) Error() string { return fmt.Sprintf("%s, byte %d: %v", e.File, e.Offset, e.Err) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Item is what Next returns. What it points to is valid until the next call.
type Item struct {
	Key *rdb.FileItem // of an RDB file; nil: Commands

	Commands [][][]byte // one; or those of a transaction, without MULTI and EXEC
	Database int64      // of the commands
	Time     int64      // of the last annotation, in Unix seconds; 0: there was none
}

// reader reads one file.
type reader struct {
	name     string
	r        *bufio.Reader
	rdb      *rdb.FileReader // nil: there is none, or it has ended
	commands commands
	good     int64 // bytes up to the end of the last item
	database int64
	begun    bool
	item     Item
	bundle   [][][]byte // of a transaction
}

const rdbMagic = 5 // bytes that tell an RDB file from commands

func newReader(r io.Reader, name string) *reader {
	buffered := bufio.NewReaderSize(r, readStep)
	return &reader{name: name, r: buffered, commands: commands{r: buffered}}
}

// next returns the next item; io.EOF at a proper end, else an *Error.
func (r *reader) next(l *Log) (*Item, error) {
	if !r.begun {
		r.begun = true
		head, err := r.r.Peek(rdbMagic)
		if err != nil && err != io.EOF {
			return nil, &Error{r.name, 0, err}
		}
		if string(head) == "REDIS" || string(head) == "VALKE" {
			r.rdb = rdb.NewFileReader(r.r)
			r.rdb.SkipDatabases = l.SkipDatabases
			if l.PieceSize > 0 {
				r.rdb.PieceSize = l.PieceSize
			}
		}
	}
	if r.rdb != nil {
		item, err := r.rdb.Next()
		r.good = r.rdb.Offset()
		if err == nil {
			r.item = Item{Key: item}
			return &r.item, nil
		}
		if err != io.EOF {
			var at *rdb.FileError
			if errors.As(err, &at) {
				return nil, &Error{r.name, at.Offset, at.Err}
			}
			return nil, &Error{r.name, r.good, err}
		}
		r.rdb, r.commands.offset = nil, r.good
	}
	item, err := r.command()
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, &Error{r.name, r.good, err}
	}
	r.good = r.commands.offset
	return item, nil
}

// command reads a command or a transaction; commands that say how to read others are not given
// out.
func (r *reader) command() (*Item, error) {
	for {
		args, err := r.commands.next()
		if err != nil {
			return nil, err
		}
		switch {
		case is(args[0], "SELECT"):
			if err := r.selectDatabase(args); err != nil {
				return nil, err
			}
			r.good = r.commands.offset
			continue
		case is(args[0], "MULTI"):
			if err := r.transaction(); err != nil {
				return nil, err
			}
		case is(args[0], "EXEC"):
			return nil, fmt.Errorf("EXEC without MULTI: %w", ErrFormat)
		default:
			r.bundle = append(r.bundle[:0], args)
		}
		if len(r.bundle) == 0 {
			continue
		}
		r.item = Item{Commands: r.bundle, Database: r.database, Time: r.commands.time}
		return &r.item, nil
	}
}

func (r *reader) selectDatabase(args [][]byte) error {
	if len(args) != 2 {
		return ErrFormat
	}
	n, ok := resp.ParseInt(args[1])
	if !ok || n < 0 {
		return ErrFormat
	}
	r.database = n
	return nil
}

// transaction gathers the commands up to EXEC.
func (r *reader) transaction() error {
	r.bundle = r.bundle[:0]
	for size := 0; ; {
		args, err := r.commands.next()
		switch {
		case err == io.EOF:
			return ErrTruncated
		case err != nil:
			return err
		case is(args[0], "EXEC"):
			return nil
		case is(args[0], "MULTI"):
			return fmt.Errorf("MULTI within MULTI: %w", ErrFormat)
		case is(args[0], "SELECT"):
			// A server writes it before MULTI; one within would divide the transaction.
			if err := r.selectWithin(args); err != nil {
				return err
			}
			continue
		}
		kept := make([][]byte, len(args))
		for i, arg := range args {
			kept[i] = bytes.Clone(arg)
			size += len(arg) + argumentMemory
		}
		if size > maxCommand {
			return fmt.Errorf("a transaction of more than %d bytes: %w", maxCommand, ErrFormat)
		}
		r.bundle = append(r.bundle, kept)
	}
}

// selectWithin lets a transaction begin with SELECT.
func (r *reader) selectWithin(args [][]byte) error {
	before := r.database
	if err := r.selectDatabase(args); err != nil {
		return err
	}
	if len(r.bundle) > 0 && r.database != before {
		return fmt.Errorf("a transaction on databases %d and %d: %w", before, r.database, ErrFormat)
	}
	return nil
}

func is(arg []byte, word string) bool {
	return len(arg) == len(word) && bytes.EqualFold(arg, []byte(word))
}
