package replicator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// ErrSaving refuses a second snapshot at the same time.
var ErrSaving = errors.New("Background save already in progress") //nolint:staticcheck // Redis' words, sent to clients

// ErrOvertaken fails a snapshot that the disk would have taken: more was written in the
// meantime than the output buffer holds, or the data was replaced.
var ErrOvertaken = errors.New("overtaken by the writes of the meantime")

// Save writes a snapshot of the node's data to a file, while the node serves, and returns
// when it is durable. The old file stays until then. A second Save at the same time gets
// ErrSaving. A snapshot that a resync or too many writes overtook is begun again.
func (r *Replicator) Save(ctx context.Context, d storage.Disk, name string) error {
	if !r.saving.CompareAndSwap(false, true) {
		return ErrSaving
	}
	defer r.saving.Store(false)
	if err := r.takeTurn(ctx, func() {}); err != nil {
		return err
	}
	defer r.endTurn()
	began := time.Now()
	var keys int
	var err error
	for range saveAttempts {
		keys = r.cfg.Store.Len()
		_, err = r.save(ctx, d, name, keys, false)
		if !errors.Is(err, replication.ErrRenamed) && !errors.Is(err, replication.ErrOverrun) {
			break
		}
		err = fmt.Errorf("%w: %w", ErrOvertaken, err)
	}
	if err != nil {
		err = fmt.Errorf("replication: saving %s: %w", name, err)
		r.log.Error("snapshot failed", "file", name, "error", err)
	} else {
		r.log.Info("snapshot saved", "file", name, "keys", keys, "took", time.Since(began))
	}
	r.cfg.OnEvent(replication.Saved{File: name, Keys: keys, Took: time.Since(began), Err: err})
	return err
}

const saveAttempts = 3

// Saving reports whether a Save is on its way.
func (r *Replicator) Saving() bool { return r.saving.Load() }

// Base writes the base of a log on disk: what Save writes. It returns the offset of the
// stream at which that is the state. It does not begin again after ErrRenamed, because a log
// may have to begin anew itself then. If a Save is on its way it goes first, and waiting is
// called; a Save that comes meanwhile waits. Base takes its time: it rests as long as it
// works.
func (r *Replicator) Base(ctx context.Context, d storage.Disk, name string, waiting func()) (int64, error) {
	if err := r.takeTurn(ctx, waiting); err != nil {
		return 0, err
	}
	defer r.endTurn()
	return r.save(ctx, d, name, r.cfg.Store.Len(), true)
}

// takeTurn waits until no other file is being written of the node's data.
func (r *Replicator) takeTurn(ctx context.Context, waiting func()) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	default:
	}
	waiting()
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Replicator) endTurn() { <-r.turn }

// gentleHold is how many bytes a gentle save reads at a time, which takes some 50 to 100 µs. All
// keys of a node in no cluster are in one slot: each client waits while its lock is held. With
// less, the rests, which last a millisecond at least, would make up most of the time.
const gentleHold = 24 << 10

// save writes the node's data to a file and returns the offset at which it is the state. If
// it is gentle it rests after each piece for at least as long as that took, so that clients
// have the processors.
func (r *Replicator) save(ctx context.Context, d storage.Disk, name string, keys int, gentle bool) (int64, error) {
	f, err := d.Create(name)
	if err != nil {
		return 0, err
	}
	defer f.Abort()
	shard := r.shard() // before the first look at the data
	out := bufio.NewWriterSize(f, 256<<10)
	r.cfg.Log.hold(keys)
	defer r.cfg.Log.release()
	in, buf := r.cfg.Log.snapshot(keys, shard)
	defer in.close()
	sender := replication.SenderConfig{Store: r.cfg.Store, Source: in, Offset: in.offset(), Full: true,
		Covered: r.coveredOffset}
	if gentle {
		sender.Hold = gentleHold
	}
	s := replication.NewSender(sender)
	for s.Holdable() < 0 { // until a reader of the file could hold the stream
		if _, err := out.Write(buf); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		began := time.Now()
		if buf, err = s.Next(buf[:0], 0); err != nil {
			return 0, err
		}
		if gentle && s.Dumping() {
			time.Sleep(time.Since(began)) // after each piece: who waits for a lock gets it only then
		}
	}
	if _, err := out.Write(buf); err != nil {
		return 0, err
	}
	if err := out.Flush(); err != nil {
		return 0, err
	}
	return s.Holdable(), f.Commit()
}

// shard returns the name of the shard whose data the node holds now, nil if that is not
// known. It reads the name first: a node that moves to another shard is Missing before it
// has the new name.
func (r *Replicator) shard() []byte {
	name := r.cfg.Shard()
	if r.Standing().Missing {
		return nil
	}
	return name
}

// Load reads a snapshot into a new store and its new Backlog, before the node serves. If
// there is no file, found is false and there is no error. A damaged or truncated file is
// an error that names the file, the slot and the byte (*SnapshotError); the file is left
// as it is, and the node should not start. The end of ctx ends the reading, with ctx's
// error. progress is called now and then if not nil.
//
// The node comes back with its place in history, so that it can resume at its master, or
// its replicas at it, if nothing was written in between. shard is what Config.Shard named
// when the snapshot was written, nil if the data was of no known shard then.
func Load(ctx context.Context, d storage.Disk, name string, store *keyspace.Store, log *Backlog,
	progress func(replication.Progress)) (shard []byte, found bool, err error) {
	f, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	snapshot, err := replication.ReadSnapshot(ctxReader{ctx, f}, store, progress)
	if err == nil {
		err = log.restore(&snapshot)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, true, ctx.Err()
	case err != nil:
		return nil, true, fmt.Errorf("replication: snapshot %s: %w: put an intact copy in its place, or move it away "+
			"to start empty", name, err)
	}
	return snapshot.Shard, true, nil
}

// ctxReader reads until ctx ends.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r ctxReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}
