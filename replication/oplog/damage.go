package oplog

import "fmt"

// DamageError says that a file of a log is not what was once on disk, and where.
type DamageError struct {
	File   string
	Offset int64 // in bytes from the beginning of the file
	Stream int64 // the stream offset that is reached before it, -1 if that is unknown
	Err    error // what is wrong; it matches replication.ErrCorrupt, or fs.ErrNotExist for a file that is not there

	size int64 // of a segment whose header is damaged
}

func (e *DamageError) Error() string {
	at := ""
	if e.Stream >= 0 {
		at = fmt.Sprintf(" (stream offset %d)", e.Stream)
	}
	remedy := "\"slotmesh check-log\" shows what is there, and with --fix cuts the log at the damage"
	if !e.Mendable() {
		remedy = "put an intact copy in its place, or move the log's files away to start without them"
	}
	return fmt.Sprintf("%s is damaged at byte %d%s: %v; %s", e.File, e.Offset, at, e.Err, remedy)
}

// Mendable reports whether Fix can cut the log there: not in the manifest or the base.
func (e *DamageError) Mendable() bool {
	_, segment := fileNumber(e.File, segmentSuffix)
	return segment
}

// Unwrap returns what is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

// Torn is the end of a log that was cut: what a crash left of writes that were not synced.
type Torn struct {
	File    string
	Offset  int64 // of the first byte of the file that was cut off
	Bytes   int64 // that were cut off, with those of a record whose end is missing
	Records int   // that begin in those bytes, as far as they can be read
}
