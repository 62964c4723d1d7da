package psync

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ErrDropped says that a slot was dropped and nobody knows which keys the follower has of it:
// it has to begin again.
var ErrDropped = errors.New("psync: a slot was dropped: the follower needs a new RDB file")

// Translator turns the records of a stream into commands. It is passive and for one
// goroutine.
type Translator struct {
	// Standalone says that all keys live in one slot.
	Standalone bool
	// Ready is the offset of the stream up to which nobody knows what of it the RDB file
	// contains; math.MaxInt64 while the file is being written.
	Ready int64
	// Out is what is to be sent. The caller takes it out.
	Out []byte
	// FieldExpiries counts expiries of fields that the follower was not told of.
	FieldExpiries int

	dirty dirtyKeys
	now   int64
	end   int64 // of the record that is being translated
}

// New returns a Translator of the stream from an offset on, for a follower that is about to
// get an RDB file.
func New(standalone bool, offset int64) *Translator {
	return &Translator{Standalone: standalone, Ready: math.MaxInt64, dirty: newDirtyKeys(), end: offset}
}

// Held returns the bytes that dirty keys take, about. Floors take no more, if what is due is
// sent before more of the stream is translated.
func (t *Translator) Held() int { return t.dirty.bytes }

// Complete returns the offset of the stream up to which everything has been translated, or
// sent as part of a key.
func (t *Translator) Complete() int64 { return t.dirty.oldest(t.end) }

// Due appends at most n keys that are to be sent as a whole now, in Unix milliseconds, to
// list. The caller reads each of them and calls Sent.
func (t *Translator) Due(list []string, now int64, n int) []string {
	t.dirty.forgetPaces(now)
	return t.dirty.removeDue(list, now, n)
}

// Sent notes that a key's value was sent, which was read when the stream ended at offset at,
// in so many bytes. The offsets of successive calls must not fall.
func (t *Translator) Sent(key string, at, now int64, size int) { t.dirty.sent(key, at, now, size) }

// Record translates the record of a transaction that ends at offset end of the stream. now is
// in Unix milliseconds.
func (t *Translator) Record(end, now int64, ops []keyspace.Op) error {
	t.end, t.now = end, now
	t.dirty.reached(end)
	start, multi := len(t.Out), false
	if len(ops) > 1 {
		t.Out = appendArg(appendHead(t.Out, 1), "MULTI")
		multi = true
	}
	body, commands := len(t.Out), 0
	for len(ops) > 0 {
		was := len(t.Out)
		n, err := t.run(ops)
		if err != nil {
			return err
		}
		if len(t.Out) > was {
			commands++
		}
		ops = ops[n:]
	}
	switch {
	case !multi:
	case commands > 1:
		t.Out = appendArg(appendHead(t.Out, 1), "EXEC")
	default: // there is nothing to keep together
		t.Out = append(t.Out[:start], t.Out[body:]...)
	}
	return nil
}

// passed reports whether a change of key by the present record has nothing to be translated:
// the follower has it, or the key is or becomes dirty.
func (t *Translator) passed(key []byte) bool {
	if len(t.dirty.floors) > 0 && t.dirty.floors[string(key)] >= t.end {
		return true
	}
	if t.end <= t.Ready {
		t.dirty.mark(key, t.end, t.now)
		return true
	}
	if len(t.dirty.due) > 0 {
		_, dirty := t.dirty.due[string(key)]
		return dirty
	}
	return false
}

// mark makes a key dirty, unless the follower has it as it is behind the present record.
func (t *Translator) mark(key []byte) {
	if !t.passed(key) {
		t.dirty.mark(key, t.end, t.now)
	}
}

// run translates the first op, and those after it that are of the same command. It returns
// how many these are.
func (t *Translator) run(ops []keyspace.Op) (n int, err error) {
	op := &ops[0]
	switch op.Kind {
	case keyspace.OpStage, keyspace.OpStagePart, keyspace.OpStageCut, keyspace.OpUnstage:
		return 1, nil // nobody sees what is staged
	case keyspace.OpDrop:
		return 1, t.drop()
	case keyspace.OpCopy, keyspace.OpMove:
		t.transfer(op)
		return 1, nil
	case keyspace.OpPart, keyspace.OpCut:
		n = sameCommand(ops)
		if !t.passed(op.Key) {
			t.parts(ops[:n])
		}
		return n, nil
	}
	if t.passed(op.Key) {
		return 1, nil
	}
	switch {
	case op.Kind == keyspace.OpPut && op.Type == keyspace.String && !op.Begins:
		t.Out = AppendSet(t.Out, op.Key, op.Value, op.ExpireAt)
	case op.Kind == keyspace.OpPut || op.Kind == keyspace.OpReveal:
		t.dirty.mark(op.Key, t.end, t.now)
	case op.Kind == keyspace.OpExpire:
		t.expire(op.Key, op.ExpireAt)
	case op.Kind == keyspace.OpDelete:
		t.Out = AppendUnlink(t.Out, op.Key)
	default:
		return 0, fmt.Errorf("psync: an op of kind %v cannot be told a follower", op.Kind)
	}
	return 1, nil
}

func (t *Translator) expire(key []byte, at int64) {
	if at == 0 {
		t.Out = appendArg(appendArg(appendHead(t.Out, 2), "PERSIST"), key)
		return
	}
	t.Out = appendInt(appendArg(appendArg(appendHead(t.Out, 3), "PEXPIREAT"), key), at)
}

// drop translates that all keys of a slot are gone.
func (t *Translator) drop() error {
	if !t.Standalone || t.end <= t.Ready {
		return ErrDropped
	}
	t.Out = appendArg(appendHead(t.Out, 1), "FLUSHALL")
	for key, floor := range t.dirty.floors {
		if floor >= t.end { // it is newer than what is dropped
			delete(t.dirty.floors, key)
			t.dirty.mark([]byte(key), t.end, t.now)
		}
	}
	return nil
}

// transfer translates an OpCopy or OpMove.
func (t *Translator) transfer(op *keyspace.Op) {
	from, to := op.Key, op.Part
	move := op.Kind == keyspace.OpMove
	// A source that is newer than the record is no exact one either.
	exact := !t.passedQuietly(from) && !t.passed(to)
	switch {
	case exact && move:
		t.Out = appendArg(appendArg(appendArg(appendHead(t.Out, 3), "RENAME"), from), to)
	case exact:
		t.Out = appendArg(appendArg(appendArg(appendHead(t.Out, 4), "COPY"), from), to)
		t.Out = appendArg(t.Out, "REPLACE")
	default:
		t.mark(to)
	}
	if exact {
		t.expire(to, op.ExpireAt)
	} else if move && !t.passed(from) {
		t.Out = AppendUnlink(t.Out, from)
	}
}

// passedQuietly is passed that makes no key dirty.
func (t *Translator) passedQuietly(key []byte) bool {
	_, dirty := t.dirty.due[string(key)]
	return dirty || t.end <= t.Ready || t.dirty.floors[string(key)] >= t.end
}

// maxArgs bounds the fields or members of one command.
const maxArgs = 512

// sameCommand returns how many ops, from the first on, change parts of the same key in the
// same way.
func sameCommand(ops []keyspace.Op) int {
	first := &ops[0]
	n := 1
	if first.Type == keyspace.String && first.Kind == keyspace.OpPart {
		return n
	}
	for n < len(ops) && n < maxArgs && ops[n].Kind == first.Kind && string(ops[n].Key) == string(first.Key) {
		n++
	}
	return n
}

// words are the commands on parts.
var words = map[keyspace.Type][2]string{
	keyspace.Hash: {"HSET", "HDEL"}, keyspace.Set: {"SADD", "SREM"}, keyspace.ZSet: {"ZADD", "ZREM"},
}

// parts translates changes of parts of one key, all of one kind. An OpCut does not name the
// type of the key.
func (t *Translator) parts(ops []keyspace.Op) {
	first := &ops[0]
	if first.Kind == keyspace.OpPart && first.Type == keyspace.String && len(first.Part) == 8 {
		t.Out = appendArg(appendArg(appendHead(t.Out, 4), "SETRANGE"), first.Key)
		t.Out = appendArg(appendInt(t.Out, int64(binary.BigEndian.Uint64(first.Part))), first.Value)
		return
	}
	word, ok := words[first.Type]
	switch {
	case !ok:
		t.dirty.mark(first.Key, t.end, t.now)
	case first.Kind == keyspace.OpCut:
		t.Out = appendArg(appendArg(appendHead(t.Out, 2+len(ops)), word[1]), first.Key)
		for i := range ops {
			t.Out = appendArg(t.Out, ops[i].Part)
		}
	case first.Type == keyspace.Set:
		t.Out = appendArg(appendArg(appendHead(t.Out, 2+len(ops)), word[0]), first.Key)
		for i := range ops {
			t.Out = appendArg(t.Out, ops[i].Part)
		}
	default:
		t.Out = appendArg(appendArg(appendHead(t.Out, 2+2*len(ops)), word[0]), first.Key)
		for i := range ops {
			t.pair(&ops[i])
		}
	}
}

// pair appends a field and its value, or a score and its member.
func (t *Translator) pair(op *keyspace.Op) {
	if op.Type == keyspace.ZSet {
		score := 0.0
		if len(op.Value) == 8 {
			score = math.Float64frombits(binary.BigEndian.Uint64(op.Value))
		}
		t.Out = appendArg(appendScore(t.Out, score), op.Part)
		return
	}
	if op.ExpireAt != 0 {
		t.FieldExpiries++
	}
	t.Out = appendArg(appendArg(t.Out, op.Part), op.Value)
}
