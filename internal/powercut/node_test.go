package powercut

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// world is a disk, the processes that run on it one after the other, and what they have
// told clients.
type world struct {
	r     *rand.Rand
	disk  *Disk
	seen  storage.LogDisk // disk, behind a bug
	bug   bug
	lines []*line // that a start may find; the last one is the newest
	value int
	cuts  int
	log   []string // what was done, for the report
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) newID() (id replication.ID) {
	for i := range id {
		id[i] = byte(w.r.Uint32())
	}
	return id
}

// node is a process: a master with a log.
type node struct {
	*world
	line   *line
	store  *keyspace.Store
	stream *replication.Stream
	in     *replication.LogCursor
	log    *oplog.Writer
	point  *oplog.SyncPoint // a Sync is under way beside the writes
}

// errInvariant marks what must not happen whatever the disk does.
var errInvariant = errors.New("invariant broken")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errInvariant, fmt.Errorf(format, args...))
}

// start is the start of a process: it loads what is on the disk, or begins a log there.
func (w *world) start() (*node, error) {
	n := &node{world: w}
	n.clear()
	loaded, err := oplog.Load(w.seen, n.store, oplog.Options{})
	switch {
	case errors.As(err, new(*oplog.DamageError)):
		return nil, broken("the start says: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		if len(w.lines) > 0 && w.lines[0].promised >= 0 {
			return nil, broken("there is no log any more")
		}
		return n, n.found()
	case err != nil:
		return nil, err
	}
	if err := n.identify(loaded); err != nil {
		return nil, err
	}
	n.stream.RestoreLog(loaded.Stream)
	n.open()
	if n.log, err = oplog.Continue(w.seen, loaded, n.stream.History()); err != nil {
		return nil, err
	}
	n.only()
	return n, n.sweep()
}

// only notes that a start finds the node's line of history from now on.
func (n *node) only() {
	n.lines = slices.DeleteFunc(n.lines, func(l *line) bool { return l != n.line })
}

// clear gives the node an empty store.
func (n *node) clear() {
	n.stream = replication.NewStream(replication.StreamConfig{NewID: n.newID, Size: 1 << 12})
	n.store = keyspace.New(keyspace.Config{Sink: n.stream})
}

// open makes the log a reader of the stream, and notes the names it begins with.
func (n *node) open() {
	n.in, _ = n.stream.OpenLog(n.store.Len())
	n.line.names = append(n.line.names, n.stream.History())
}

// identify finds out which line of history a start has found, and checks it.
func (n *node) identify(loaded *oplog.Loaded) error {
	h := loaded.Stream.History()
	i := slices.IndexFunc(n.lines, func(l *line) bool { return l.named(h) })
	if i < 0 {
		return broken("the start finds a history that was none: %+v", h)
	}
	n.line = n.lines[i]
	n.note("start at %d, torn %+v", h.Offset, loaded.Torn)
	if err := n.line.check(h, n.store, loaded.Stream.Metadata()); err != nil {
		return broken("%w", err)
	}
	return nil
}

// found begins a line of history, with a log of its own. Until that has a base, a start may
// find the line before.
func (n *node) found() (err error) {
	n.line = &line{promised: -1}
	n.lines = append(n.lines, n.line)
	n.open()
	n.line.start = n.stream.Offset()
	for range n.r.IntN(4) {
		n.write()
	}
	return n.anew()
}

// anew begins a log with new files.
func (n *node) anew() (err error) {
	n.in.Close()
	n.in, _ = n.stream.OpenLog(n.store.Len())
	n.point = nil
	if n.log, err = oplog.Create(n.seen, n.stream.History()); err != nil {
		return err
	}
	return n.rebase()
}

// rebase gives the log a new base, while others write.
func (n *node) rebase() error {
	name := n.log.NextBase()
	f, err := n.seen.Create(name)
	if err != nil {
		return err
	}
	defer f.Abort()
	keys := n.store.Len()
	n.stream.Hold(keys)
	defer n.stream.Release()
	at := n.stream.Offset()
	cur, buf := n.stream.Snapshot(keys, nil)
	defer cur.Close()
	s := replication.NewSender(replication.SenderConfig{Store: n.store, Source: cur, Offset: cur.Offset(), Full: true,
		Covered: n.stream.Offset})
	for s.Holdable() < 0 {
		if n.r.IntN(100) == 0 {
			if err := n.step(); err != nil {
				return err
			}
		}
		if buf, err = s.Next(buf, 0); err != nil {
			return err
		}
		if len(buf) > 500 || s.Holdable() >= 0 {
			if _, err := f.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	if err := f.Commit(); err != nil {
		return err
	}
	if err := n.endSync(); err != nil {
		return err
	}
	if err := n.log.SetBase(name, at); err != nil {
		return err
	}
	n.note("base %s of offset %d", name, at)
	n.only()
	n.promise()
	return nil
}

// write is a transaction, of keys or of a note.
func (n *node) write() {
	values := make(map[string]string)
	n.value++
	text := fmt.Sprint(n.value, strings.Repeat(".", n.r.IntN(1+n.r.IntN(90))))
	if n.r.IntN(12) == 0 {
		n.stream.PutMetadata(noteKey, []byte(text))
		values[noteKey] = text
	} else {
		n.writeKeys(text, values)
	}
	if end := n.stream.Offset(); len(n.line.writes) == 0 && end > n.line.start ||
		len(n.line.writes) > 0 && end > n.line.writes[len(n.line.writes)-1].end {
		n.line.writes = append(n.line.writes, write{end, values})
	}
}

func (n *node) writeKeys(text string, values map[string]string) {
	tag := n.r.IntN(keyTags)
	n.store.Update(slots.Of([]byte(keyName(tag, 0))), func(tx *keyspace.Tx) error {
		for range 1 + n.r.IntN(3) {
			key := keyName(tag, n.r.IntN(keysOfTag))
			if n.r.IntN(5) == 0 {
				tx.Delete([]byte(key))
				values[key] = ""
				continue
			}
			values[key] = text
			if err := tx.Put([]byte(key), keyspace.String, []byte(text), 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// pump hands some of what was written to the log.
func (n *node) pump() error {
	for range 1 + n.r.IntN(3) {
		at := n.in.Offset()
		b, h, renamed, err := n.in.Next(1 + n.r.IntN(400))
		switch {
		case err != nil:
			return broken("the log's reader: %w", err)
		case renamed:
			err = n.log.SetHistory(h)
		default:
			err = n.log.Append(at, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// promise tells clients what is on disk.
func (n *node) promise() {
	at := n.log.Durable()
	if n.bug == replyBeforeSync && at >= 0 {
		at = n.log.Written()
	}
	n.line.promised = max(n.line.promised, at)
}

// rename is a promotion, or the begin of a term.
func (n *node) rename() {
	if n.r.IntN(2) == 0 {
		n.stream.BeginTerm(0)
	} else {
		n.stream.Follow()
		n.stream.Promote(0)
	}
	n.line.names = append(n.line.names, n.stream.History())
}

// sweep removes files that are of no use.
func (n *node) sweep() error {
	unused, err := n.log.Unused()
	if err != nil {
		return err
	}
	for _, name := range unused {
		if n.r.IntN(8) == 0 {
			return nil // the process may end before it is done
		}
		if err := n.seen.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
