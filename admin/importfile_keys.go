package admin

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// importWrite is a command on its way to the cluster.
type importWrite struct {
	*keyWrite
	// keys are those of a command that must be carried out once and in order; nil: it does no
	// harm if it is repeated.
	keys [][]byte
}

// importBatch is how many writes are sent together.
const importBatch = 2000

// key brings a key of an RDB file in, or a piece of it.
func (r *fileImport) key(ctx context.Context, item *rdb.FileItem) error {
	switch {
	case item.Err != nil:
		r.fail(item.Name, item.Err)
		return nil
	case item.Piece > 0:
		return r.piece(ctx, item)
	}
	r.isTaken = false
	expireAt := item.ExpireAt
	if r.replay {
		expireAt = r.postpone(item.Name, expireAt)
	} else if expireAt != 0 && expireAt <= r.now {
		r.result.Expired++
		r.isTaken = true
		return nil
	}
	key := bytes.Clone(item.Name)
	k := restoreWrite(key, expireAt, item.Value.AppendPayload(make([]byte, 0, item.Value.Size())))
	if !r.in.Replace {
		k.commands[0] = k.commands[0][:len(k.commands[0])-1]
	}
	failed := len(r.failed)
	err := r.add(ctx, importWrite{k, nil})
	if err == nil && item.More { // what follows depends on what becomes of it
		err = r.flush(ctx)
		r.isTaken = len(r.failed) > failed
	}
	return err
}

// restoreWrite makes a key what a payload says, until Unix milliseconds or, by 0, for ever.
func restoreWrite(key []byte, expireAt int64, payload []byte) *keyWrite {
	return &keyWrite{slot: slots.Of(key), commands: [][][]byte{{[]byte("RESTORE"), key,
		strconv.AppendInt(nil, expireAt, 10), payload, []byte("ABSTTL"), []byte("REPLACE")}}}
}

// pieceElements is how many elements a command adds.
const pieceElements = 1000

// piece adds elements to a collection of which the cluster has a part.
func (r *fileImport) piece(ctx context.Context, item *rdb.FileItem) error {
	if r.isTaken {
		return nil
	}
	key := bytes.Clone(item.Name)
	var cmd [][]byte
	elements := 0
	send := func() error {
		args := cmd
		cmd, elements = nil, 0
		if args == nil {
			return nil
		}
		return r.add(ctx, importWrite{&keyWrite{slot: slots.Of(key), commands: [][][]byte{args}}, [][]byte{key}})
	}
	name := map[rdb.Type]string{rdb.List: "RPUSH", rdb.Set: "SADD", rdb.ZSet: "ZADD", rdb.Hash: "HSET"}[item.Value.Type]
	err := item.Value.Each(func(e *rdb.Element) error {
		if cmd == nil {
			cmd = [][]byte{[]byte(name), key}
		}
		element := bytes.Clone(e.Name)
		switch item.Value.Type {
		case rdb.ZSet:
			cmd = append(cmd, scoreText(e.Score), element)
		case rdb.Hash:
			cmd = append(cmd, element, bytes.Clone(e.Value))
		default:
			cmd = append(cmd, element)
		}
		if elements++; elements < pieceElements && e.ExpireAt == 0 {
			return nil
		}
		err := send()
		if err == nil && e.ExpireAt != 0 {
			cmd = [][]byte{[]byte("HPEXPIREAT"), key, strconv.AppendInt(nil, e.ExpireAt, 10), []byte("FIELDS"), []byte("1"),
				element}
			err = send()
		}
		return err
	})
	if err != nil {
		return err
	}
	return send()
}

func scoreText(score float64) []byte {
	switch {
	case math.IsInf(score, 1):
		return []byte("inf")
	case math.IsInf(score, -1):
		return []byte("-inf")
	}
	return strconv.AppendFloat(nil, score, 'g', -1, 64)
}

// add adds a write to the batch, which is sent when it is large.
func (r *fileImport) add(ctx context.Context, w importWrite) error {
	r.list = append(r.list, w)
	for _, arg := range w.commands[0] {
		r.size += len(arg)
	}
	if r.size < restoreBatch && len(r.list) < importBatch {
		return nil
	}
	return r.flush(ctx)
}

// flush sends the batch.
func (r *fileImport) flush(ctx context.Context) error {
	list, size := r.list, r.size
	r.list, r.size = nil, 0
	if len(list) == 0 {
		return nil
	}
	refusals, err := r.send(ctx, list)
	if err != nil {
		return err
	}
	refusals, gone, err := r.resolve(ctx, refusals)
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		again, err := r.send(ctx, gone)
		if err != nil {
			return err
		}
		refusals = append(refusals, again...)
	}
	var keys int64
	for _, w := range list {
		if w.keys == nil {
			keys++
		}
	}
	for _, w := range refusals {
		r.fail(w.commands[0][1], w.err)
		if w.keys == nil {
			keys--
		}
	}
	r.result.Keys += keys
	r.t.addBytes(int64(size))
	r.t.setCommands(r.result.Commands)
	r.t.add(0, keys)
	return nil
}

var errDisorder = errors.New("a slot has changed its owner between two commands on a key")

// send sends writes until each of them is done or refused for good; those it returns.
func (r *fileImport) send(ctx context.Context, list []importWrite) (refusals []importWrite, err error) {
	backoff, deadline := writeBackoff, time.Now().Add(writeTime)
	for {
		writes := make([]*keyWrite, len(list))
		for i, w := range list {
			writes[i] = w.keyWrite
		}
		r.writer.try(ctx, writes)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		left, refused, err := divide(list)
		refusals = append(refusals, refused...)
		switch {
		case err != nil:
			return nil, err
		case len(left) == 0:
			return refusals, nil
		case len(left) < len(list):
			deadline = time.Now().Add(writeTime)
		case time.Now().After(deadline):
			return nil, left[0].err
		}
		list = left
		if err := pause(ctx, backoff); err != nil {
			return nil, err
		}
		backoff = min(2*backoff, maxWriteBackoff)
		if v, err := r.c.refresh(ctx, r.writer.view); err == nil && list[0].ask == "" {
			r.writer.use(v)
		}
	}
}

// divide divides writes that were sent into those that have to be sent again, and those that
// were refused for good. It returns an error if the one cannot be done without harm.
func divide(list []importWrite) (left, refusals []importWrite, err error) {
	waiting := make(map[string]bool)
	for _, w := range list {
		switch {
		case w.err == nil:
			for _, key := range w.keys {
				if waiting[string(key)] {
					return nil, nil, errDisorder
				}
			}
		case isFinal(w.err):
			refusals = append(refusals, w)
		case w.keys != nil && !isRefusal(w.err): // nobody knows whether it was carried out
			return nil, nil, w.err
		default:
			left = append(left, w)
			for _, key := range w.keys {
				waiting[string(key)] = true
			}
		}
	}
	return left, refusals, nil
}

// resolve sees to keys that the cluster has already, and returns the other refusals. Those that
// are the same are done: an interrupted run has brought them in. What has expired since it was
// in the way is gone.
func (r *fileImport) resolve(ctx context.Context, refusals []importWrite) (rest, gone []importWrite, err error) {
	const most = 100 // keys that are asked for together
	busy := make(map[string][]importWrite)
	for _, w := range refusals {
		if addr := r.writer.owner[w.slot]; w.keys == nil && refused(w.err, "BUSYKEY") {
			busy[addr] = append(busy[addr], w)
		} else {
			rest = append(rest, w)
		}
	}
	for addr, list := range busy {
		for len(list) > 0 {
			some := list[:min(most, len(list))]
			list = list[len(some):]
			commands := make([][][]byte, len(some))
			for i, w := range some {
				commands[i] = [][]byte{[]byte("DUMP"), w.commands[0][1]}
			}
			replies, err := r.c.pipeBytes(ctx, addr, commands)
			if err != nil {
				return nil, nil, err
			}
			for i, w := range some {
				switch reply := &replies[i]; {
				case reply.Kind == resp.Null:
					gone = append(gone, w)
				case reply.Kind != resp.Bulk || !rdb.Same(reply.Str, w.commands[0][3]):
					rest = append(rest, w)
				}
			}
		}
	}
	return rest, gone, nil
}
