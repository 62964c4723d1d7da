package rdb

import (
	"errors"
	"fmt"
)

// The operation codes of a file, beside opFunction and opFunctionEarly. A byte that is none of
// them is the form of a key's value.
const (
	opSlotImport = 243 // of Valkey 9: slots that a node is importing
	opSlotInfo   = 244 // of Redis 7.4 and Valkey: how many keys a slot has
	opModuleAux  = 247
	opIdle       = 248
	opFreq       = 249
	opAux        = 250
	opResize     = 251
	opExpiryMs   = 252
	opExpiry     = 253
	opDatabase   = 254
	opEnd        = 255
)

const (
	// checksumVersion is the first version of which files end with a checksum.
	checksumVersion = 5
	magicSize       = 9 // "REDIS0010", "VALKEY080"
	idSize          = 9 // characters of a module's name
)

// The errors that a *FileError wraps, beside io.ErrUnexpectedEOF, ErrFormat and a *DatabaseError.
var (
	ErrNoFile       = errors.New("this does not begin as an RDB file does")
	ErrFileVersion  = errors.New("the RDB version is unknown")
	ErrFileChecksum = errors.New("the checksum does not fit the content")
)

// FileError says where an RDB file cannot be read.
type FileError struct {
	Offset int64 // bytes before what could not be read
	Err    error
}

// Error names the place and the reason.
func (e *FileError) Error() string { return fmt.Sprintf("RDB file, byte %d: %v", e.Offset, e.Err) }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// DatabaseError refuses a file with keys in a database other than 0.
type DatabaseError struct{ Database uint64 }

// Error names the database.
func (e *DatabaseError) Error() string {
	return fmt.Sprintf("the file has keys in database %d; a cluster has only database 0", e.Database)
}

// FileKind is what a FileItem is.
type FileKind uint8

// The kinds of items.
const (
	FileAux FileKind = iota
	FileFunction
	FileKey
)

// FileItem is what a FileReader has read. It and what it points to are valid until the next
// call of Next.
type FileItem struct {
	Kind FileKind
	Name []byte // of a key; of an auxiliary field
	Text []byte // the field's value; the source of a library of functions

	// Value is that of the key, or a piece of it: Piece counts them, and More says that the
	// next item is the next one. A piece is a value for itself, with some of the elements.
	Value Value
	Piece int
	More  bool

	ExpireAt int64 // of a key: Unix milliseconds, 0 = never
	// Err is why the key's value was passed over: an *UnsupportedError that names the module,
	// or ErrTooLarge.
	Err error
}

// ErrTooLarge passes over a stream that does not fit into memory as it may be used.
var ErrTooLarge = errors.New("the stream is larger than may be held in memory")
