package admin

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// followTarget takes what a server sends to its replicas over into a cluster.
//
// A key is *ahead* until an offset if it was read from the source anew, with what the
// commands before the offset did to it. Commands of the stream that touch such a key are
// not carried out at the cluster: what they changed is read anew, too, unless it is ahead
// itself. The same is done about commands on keys of several slots; about those that
// nobody knows the fate of, because their node was lost or has given the slot away; and
// about those on keys that may have expired at the cluster before they came, while the source
// had still prolonged their life: a cluster expires by itself, where a replica waits for its
// master. So each key ends up as it is at the source, once the stream has passed the
// offsets.
type followTarget struct {
	c, source *Client
	from      string
	writer    *keyWriter
	empty     bool // the cluster had no keys at first
	loads     int

	ahead      map[string]int64 // the offset, by key
	expiry     map[uint64]int64 // when keys expire, in Unix milliseconds, by hash
	drifted    map[string]bool  // keys in which a replica differs from its master a little, see follow.Drifts
	seed       maphash.Seed
	expireTime bool // the source knows PEXPIRETIME
	warned     map[string]bool

	mu    sync.Mutex // guards count
	count FollowResult
}

const (
	batchBytes = 4 << 20
	batchLen   = 2000
	// expiryMargin is how much the clocks of the source, the cluster and this machine may
	// differ.
	expiryMargin = 2 * time.Second
)

func newFollowTarget(c, source *Client, from string, v *View) *followTarget {
	return &followTarget{c: c, source: source, from: from, writer: newKeyWriter(c, v), ahead: make(map[string]int64),
		expiry: make(map[uint64]int64), drifted: make(map[string]bool), seed: maphash.MakeSeed(),
		warned: make(map[string]bool)}
}

var errPauseOver = errors.New("the pause of writes is over, and the cluster has not caught up: repeat with a " +
	"longer --pause")

// inspect makes sure that the cluster may be written to, and finds out what the source can.
func (t *followTarget) inspect(ctx context.Context, replace bool) error {
	n, err := t.writer.keys(ctx)
	if err != nil {
		return err
	}
	if t.empty = n == 0; !t.empty && !replace {
		return fmt.Errorf("%w: the cluster has %d keys; --cluster-replace overwrites those that the source has, too",
			ErrNotEmpty, n)
	}
	_, err = t.source.do(ctx, t.from, "PEXPIRETIME", "")
	if t.expireTime = err == nil; err != nil && !isRefusal(err) {
		return err
	}
	return nil
}

func (t *followTarget) result() FollowResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

func (t *followTarget) add(fn func(*FollowResult)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn(&t.count)
}

// warn tells something once.
func (t *followTarget) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !t.warned[text] {
		t.warned[text] = true
		t.c.notice(t.from, "%s", text)
	}
}

var errHistoryLost = errors.New("the source cannot go on where the link ended, and the cluster has keys of others, " +
	"so it cannot be emptied to begin anew: raise the source's repl-backlog-size")

// Load implements follower.Target.
func (t *followTarget) Load(ctx context.Context, file io.Reader, _ int64, _ follow.Position) error {
	if t.loads++; t.loads > 1 {
		if !t.empty {
			return errHistoryLost
		}
		if err := t.writer.everyMaster(ctx, []byte("FLUSHALL")); err != nil {
			return err
		}
		t.add(func(c *FollowResult) { c.Keys = 0 })
	}
	clear(t.ahead)
	clear(t.expiry)
	clear(t.drifted)
	// One batch is sent while the next is read.
	batches, sent := make(chan []*keyWrite), make(chan error, 1)
	go func() {
		var failed error
		for list := range batches {
			if failed == nil {
				if failed = t.writer.all(ctx, list); failed == nil {
					t.add(func(c *FollowResult) { c.Keys += int64(len(list)) })
				}
			}
			sent <- failed
		}
	}()
	defer close(batches)
	return t.read(ctx, rdb.NewFileReader(file), func(list []*keyWrite, first bool) error {
		if !first {
			if err := <-sent; err != nil {
				return err
			}
		}
		if list != nil {
			batches <- list
		}
		return nil
	})
}

// read gives out what a file has, in batches; nil is the end.
func (t *followTarget) read(ctx context.Context, r *rdb.FileReader,
	give func(list []*keyWrite, first bool) error) error {
	r.SkipDatabases = true
	var list []*keyWrite
	size, first := 0, true
	flush := func() error {
		if len(list) == 0 {
			return nil
		}
		err := give(list, first)
		list, size, first = nil, 0, false
		return err
	}
	var before int64
	for {
		item, err := r.Next()
		if err != nil && err != io.EOF {
			if !first {
				give(nil, false)
			}
			return err
		}
		if err == io.EOF {
			err := flush()
			if err == nil && !first {
				err = give(nil, false)
			}
			return err
		}
		if item.Kind == rdb.FileFunction {
			if err := flush(); err != nil {
				return err
			}
			if !first {
				if err := give(nil, false); err != nil {
					return err
				}
				first = true
			}
			if err := t.writer.everyMaster(ctx, []byte("FUNCTION"), []byte("LOAD"), []byte("REPLACE"), item.Text); err != nil {
				return err
			}
			continue
		}
		if item.Kind != rdb.FileKey {
			continue
		}
		if k := t.keyOf(item); k != nil {
			list = append(list, k)
			size += len(k.commands[0][3])
		}
		if size >= batchBytes || len(list) >= batchLen {
			if err := flush(); err != nil {
				return err
			}
		}
		t.add(func(c *FollowResult) { c.Bytes += r.Offset() - before })
		before = r.Offset()
	}
}

// keyOf returns what brings a key of a file in, nil for one that cannot be.
func (t *followTarget) keyOf(item *rdb.FileItem) *keyWrite {
	switch {
	case item.Err != nil || item.More || item.Piece > 0:
		if item.Piece == 0 {
			err := item.Err
			if err == nil {
				err = rdb.ErrTooLarge
			}
			t.warn("key %q is left out: %v", item.Name, err)
			t.add(func(c *FollowResult) { c.Refused++ })
		}
		return nil
	}
	t.expires(item.Name, item.ExpireAt)
	key := append([]byte(nil), item.Name...)
	return restoring(key, item.ExpireAt, item.Value.AppendPayload(make([]byte, 0, item.Value.Size())))
}

// restoring makes a key what a payload says, with an expiry in Unix milliseconds, 0 for
// none.
func restoring(key []byte, expireAt int64, payload []byte) *keyWrite {
	return &keyWrite{slot: slots.Of(key), commands: [][][]byte{{[]byte("RESTORE"), key,
		strconv.AppendInt(nil, expireAt, 10), payload, []byte("REPLACE"), []byte("ABSTTL")}}}
}

func (t *followTarget) hash(key []byte) uint64 { return maphash.Bytes(t.seed, key) }

// expires notes when a key expires at the cluster.
func (t *followTarget) expires(key []byte, at int64) {
	if at == 0 {
		delete(t.expiry, t.hash(key))
	} else {
		t.expiry[t.hash(key)] = at
	}
}

// fetch makes keys at the cluster what they are at the source, and notes until when they
// are ahead.
func (t *followTarget) fetch(ctx context.Context, keys [][]byte) error {
	for len(keys) > 0 {
		n := min(len(keys), fetchLen)
		if err := t.fetchSome(ctx, keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

const fetchLen = 200

// fetchSome asks for keys and the offset that they are of in one transaction.
func (t *followTarget) fetchSome(ctx context.Context, keys [][]byte) error {
	commands := [][][]byte{multi}
	ttl := "PTTL"
	if t.expireTime {
		ttl = "PEXPIRETIME"
	}
	for _, key := range keys {
		commands = append(commands, [][]byte{[]byte(ttl), key}, [][]byte{[]byte("DUMP"), key})
	}
	commands = append(commands, [][]byte{[]byte("TIME")}, [][]byte{[]byte("INFO"), []byte("replication")}, exec)
	answers, offset, err := t.askSource(ctx, commands)
	if err != nil {
		return err
	}
	var list []*keyWrite
	for i, key := range keys {
		at, dump := answers[2*i].Int, &answers[2*i+1]
		if dump.Kind != resp.Bulk {
			t.expires(key, 0)
			list = append(list, &keyWrite{slot: slots.Of(key), commands: [][][]byte{{[]byte("UNLINK"), key}}})
		} else {
			if at = max(at, 0); at > 0 && !t.expireTime {
				at += sourceTime(&answers[2*len(keys)])
			}
			t.expires(key, at)
			list = append(list, restoring(key, at, dump.Str))
		}
		t.ahead[string(key)] = offset
	}
	t.add(func(c *FollowResult) { c.Fetched += int64(len(keys)) })
	return t.writer.all(ctx, list)
}
