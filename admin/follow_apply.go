package admin

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/slots"
)

// followBatch is commands of the stream that are sent to the cluster together.
type followBatch struct {
	t     *followTarget
	list  []*keyWrite
	about []about         // of each of list, the same index
	stale map[string]bool // keys that are to be read anew at the end
	size  int
	tx    map[slots.Slot]int // of the transaction that is being divided: where the part of a slot is in list
}

// about is what the commands of a keyWrite touch.
type about struct {
	keys, written [][]byte
	// dies is when the first of the keys expires at the cluster whose life the commands
	// depend on, in Unix milliseconds; 0: never.
	dies int64
}

func (t *followTarget) batch() *followBatch { return &followBatch{t: t, stale: make(map[string]bool)} }

// Apply implements follower.Target.
func (t *followTarget) Apply(ctx context.Context, groups []follow.Group) error {
	b := t.batch()
	for i := range groups {
		g := &groups[i]
		if g.Tx {
			b.tx = make(map[slots.Slot]int)
		}
		for _, cmd := range g.Commands {
			barrier, err := b.add(ctx, cmd, g.End)
			if err != nil {
				return err
			}
			if barrier == nil {
				continue
			}
			if err := b.send(ctx, g.End); err != nil {
				return err
			}
			if b = t.batch(); g.Tx {
				b.tx = make(map[slots.Slot]int)
			}
			if err := barrier(ctx); err != nil {
				return err
			}
		}
		b.tx = nil
		t.add(func(c *FollowResult) { c.Bytes += int64(g.Size) })
		if b.size > batchBytes || len(b.list)+len(b.stale) > batchLen || i == len(groups)-1 {
			if err := b.send(ctx, g.End); err != nil {
				return err
			}
			b = t.batch()
		}
	}
	return nil
}

// add adds a command. A barrier is what is to be done about it instead, after everything
// before it.
func (b *followBatch) add(ctx context.Context, cmd follow.Command, end int64) (barrier func(context.Context) error,
	err error) {
	t := b.t
	a, err := t.analyze(ctx, cmd.Args)
	if err != nil {
		return nil, err
	}
	switch a.Scope {
	case follow.ScopeNone:
		return nil, nil
	case follow.ScopeSwap:
		return nil, errSwapped
	case follow.ScopeFunctions:
		return func(ctx context.Context) error { return t.function(ctx, cmd.Args) }, nil
	case follow.ScopeServer:
		return func(ctx context.Context) error { return t.flush(ctx, end) }, nil
	case follow.ScopeMessage:
		b.message(cmd.Args)
		return nil, nil
	}
	if cmd.DB != 0 && !a.Other {
		t.add(func(c *FollowResult) { c.Ignored++ })
		t.warn("it writes to database %d; a cluster has only database 0, that is left out", cmd.DB)
		return nil, nil
	}
	if a.Scope == follow.ScopeAll {
		return func(ctx context.Context) error { return t.flush(ctx, end) }, nil
	}
	if follow.Drifts(cmd.Args) {
		t.drifted[string(a.Keys[0])] = true
	}
	b.keys(cmd.Args, a, end)
	return nil, nil
}

var errSwapped = errors.New("the source has swapped databases (SWAPDB): begin anew")

// message passes on what was published; no reply is waited for more than for others, and a
// message that is lost is no key that is wrong.
func (b *followBatch) message(args [][]byte) {
	slot := slots.Slot(0)
	if len(args[0]) == len("SPUBLISH") && len(args) > 1 {
		slot = slots.Of(args[1])
	}
	b.list = append(b.list, &keyWrite{slot: slot, commands: [][][]byte{args}})
	b.about = append(b.about, about{})
}

// keys adds a command on keys of database 0.
func (b *followBatch) keys(args [][]byte, a follow.Access, end int64) {
	if b.fits(a, end) {
		b.command(args, a)
		return
	}
	if !a.Each {
		written := a.Written
		if a.Other {
			written = a.Keys
		}
		for _, key := range written {
			b.anew(key, end)
		}
		return
	}
	name := args[0]
	if a.Step == 2 { // MSETNX that was carried out has found no key in its way
		name = []byte("MSET")
	}
	for i, key := range a.Keys {
		if b.isAhead(key, end) {
			b.anew(key, end)
			continue
		}
		at := 1 + i*a.Step
		one := append([][]byte{name}, args[at:at+a.Step]...)
		b.command(one, follow.Access{Keys: [][]byte{key}, Written: [][]byte{key}})
	}
}

// fits reports whether the cluster can carry out a command with the effect that it had at
// the source.
func (b *followBatch) fits(a follow.Access, end int64) bool {
	if a.Other || len(a.Keys) == 0 {
		return false
	}
	slot := slots.Of(a.Keys[0])
	for _, key := range a.Keys {
		if b.isAhead(key, end) || slots.Of(key) != slot {
			return false
		}
	}
	return true
}

// isAhead reports whether the cluster has, or will have, a later value of a key than that
// at an offset.
func (b *followBatch) isAhead(key []byte, end int64) bool {
	return b.stale[string(key)] || b.t.ahead[string(key)] >= end
}

// anew has a key read from the source, unless that was done later than the offset.
func (b *followBatch) anew(key []byte, end int64) {
	if b.t.ahead[string(key)] < end {
		b.stale[string(key)] = true
	}
}

// command adds one that fits.
func (b *followBatch) command(args [][]byte, a follow.Access) {
	ab := about{keys: a.Keys, written: a.Written, dies: b.t.live(args, a.Keys)}
	for _, arg := range args {
		b.size += len(arg)
	}
	slot := slots.Of(a.Keys[0])
	if at, ok := b.tx[slot]; ok { // of the same transaction, at the same slot
		k, all := b.list[at], &b.about[at]
		k.commands, k.tx = append(k.commands, args), true
		all.keys, all.written = append(all.keys[:len(all.keys):len(all.keys)], ab.keys...),
			append(all.written[:len(all.written):len(all.written)], ab.written...)
		if ab.dies != 0 && (all.dies == 0 || ab.dies < all.dies) {
			all.dies = ab.dies
		}
		return
	}
	if b.tx != nil {
		b.tx[slot] = len(b.list)
	}
	b.list = append(b.list, &keyWrite{slot: slot, commands: [][][]byte{args}})
	b.about = append(b.about, ab)
}

// live keeps the record of when keys expire, and returns when the first of those does that
// the command finds.
func (t *followTarget) live(args [][]byte, keys [][]byte) (dies int64) {
	l, at, blind := follow.Expiry(args, time.Now().UnixMilli())
	if !blind {
		for _, key := range keys {
			if e := t.expiry[t.hash(key)]; e != 0 && (dies == 0 || e < dies) {
				dies = e
			}
		}
	}
	switch {
	case l == follow.EndsExpiry && blind: // DEL and its like, of several keys too
		for _, key := range keys {
			t.expires(key, 0)
		}
	case l == follow.EndsExpiry:
		t.expires(keys[0], 0)
	case l == follow.SetsExpiry:
		t.expires(keys[0], at)
	case len(keys) < 2:
	case l == follow.MovesExpiry:
		t.expires(keys[1], t.expiry[t.hash(keys[0])])
		t.expires(keys[0], 0)
	case l == follow.CopiesExpiry:
		t.expires(keys[1], t.expiry[t.hash(keys[0])])
	}
	return dies
}

// send sends the batch, and reads anew what cannot be right by that.
func (b *followBatch) send(ctx context.Context, end int64) error {
	t := b.t
	t.writer.try(ctx, b.list)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	late := time.Now().Add(expiryMargin).UnixMilli()
	wrong := make(map[string]bool) // keys that are not what they were at the source at this place
	done := int64(0)
	for i, k := range b.list {
		ab := &b.about[i]
		ok := k.err == nil && (ab.dies == 0 || ab.dies > late)
		for _, key := range ab.keys {
			ok = ok && !wrong[string(key)]
		}
		if done += int64(len(k.commands)); ok {
			continue
		}
		for _, key := range ab.written {
			wrong[string(key)], b.stale[string(key)] = true, true
		}
	}
	keys := make([][]byte, 0, len(b.stale))
	for key := range b.stale {
		keys = append(keys, []byte(key))
	}
	if err := t.fetch(ctx, keys); err != nil {
		return err
	}
	t.add(func(c *FollowResult) { c.Commands += done })
	for key, until := range t.ahead {
		if until < end {
			delete(t.ahead, key)
		}
	}
	return nil
}

// flush empties the cluster as the source was emptied at an offset.
func (t *followTarget) flush(ctx context.Context, end int64) error {
	if err := t.writer.everyMaster(ctx, []byte("FLUSHALL")); err != nil {
		return err
	}
	clear(t.expiry)
	clear(t.drifted)
	var again [][]byte
	for key, until := range t.ahead {
		if until >= end {
			again = append(again, []byte(key))
		}
	}
	clear(t.ahead)
	t.add(func(c *FollowResult) { c.Commands++ })
	return t.fetch(ctx, again)
}

// finish makes exact what a stream of commands does not tell exactly, once it has come to
// its end.
func (t *followTarget) finish(ctx context.Context) error {
	var keys [][]byte
	for key := range t.drifted {
		keys = append(keys, []byte(key))
	}
	clear(t.drifted)
	return t.fetch(ctx, keys)
}

// function changes the libraries of all masters. One that they do not take is told: keys
// do not depend on it.
func (t *followTarget) function(ctx context.Context, args [][]byte) error {
	if len(args) == 3 && bytes.EqualFold(args[1], []byte("LOAD")) {
		args = [][]byte{args[0], args[1], []byte("REPLACE"), args[2]}
	}
	err := t.writer.everyMaster(ctx, args...)
	if err != nil && isRefusal(err) && isFinal(err) {
		t.warn("functions are not what they are at the source: %v", err)
		return nil
	}
	t.add(func(c *FollowResult) { c.Commands++ })
	return err
}
