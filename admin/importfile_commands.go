package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/aof"
	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// commands carries out what was appended.
func (r *fileImport) commands(ctx context.Context, item *aof.Item) error {
	if !r.begun {
		r.begun = true
		if err := r.flush(ctx); err != nil {
			return err
		}
		r.c.step("", "carrying out %d commands", r.t.p.TotalCommands)
	}
	for _, args := range item.Commands {
		kept := make([][]byte, len(args))
		for i, arg := range args {
			kept[i] = bytes.Clone(arg)
		}
		if err := r.command(ctx, item.Database, kept); err != nil {
			return err
		}
	}
	return nil
}

var (
	errForeign = errors.New("it takes a key from another database, of which the cluster has nothing")
	errNoKeys  = errors.New("it names no keys, so that no node is the one for it")
	errHidden  = errors.New("it may be about keys that it does not name, at other nodes")
)

// command carries one out, or adds it to the batch.
func (r *fileImport) command(ctx context.Context, database int64, args [][]byte) error {
	a := follow.Analyze(args)
	switch a.Scope {
	case follow.ScopeNone, follow.ScopeMessage, follow.ScopeSwap:
		return nil
	case follow.ScopeFunctions:
		return r.changeFunctions(ctx, args)
	case follow.ScopeServer:
		return r.empty(ctx)
	}
	if database != 0 {
		r.result.Skipped++
		if a.Other && movesHere(args) {
			r.fail(args[1], fmt.Errorf("%s: %w", args[0], errForeign))
		}
		return nil
	}
	r.result.Commands++
	switch a.Scope {
	case follow.ScopeAll:
		r.result.Commands--
		return r.empty(ctx)
	case follow.ScopeUnknown:
		keys, err := r.findKeys(ctx, args)
		if err != nil {
			r.refuse(args, err)
			return ctx.Err()
		}
		a = follow.Access{Scope: follow.ScopeKeys, Keys: keys, Written: keys, Other: true}
	}
	if len(a.Keys) == 0 {
		r.refuse(args, errNoKeys)
		return nil
	}
	return r.onKeys(ctx, args, a)
}

// refuse notes that a command was not carried out.
func (r *fileImport) refuse(args [][]byte, err error) {
	r.result.Commands--
	name := args[0]
	if len(args) > 1 {
		name = args[1]
	}
	r.fail(name, fmt.Errorf("%.40s: %w", args[0], err))
}

// movesHere reports whether a MOVE or COPY brings a key to database 0.
func movesHere(args [][]byte) bool {
	for i, arg := range args {
		move := i == 2 && bytes.EqualFold(args[0], []byte("MOVE"))
		copied := i > 3 && bytes.EqualFold(args[i-1], []byte("DB"))
		if n, ok := resp.ParseInt(arg); (move || copied) && ok && n == 0 {
			return true
		}
	}
	return false
}

// onKeys carries out a command on keys of database 0.
func (r *fileImport) onKeys(ctx context.Context, args [][]byte, a follow.Access) error {
	oneSlot := true
	for _, key := range a.Keys {
		oneSlot = oneSlot && slots.Of(key) == slots.Of(a.Keys[0])
	}
	switch {
	case bytes.EqualFold(args[0], []byte("MOVE")): // to a database that is not here
		args = [][]byte{[]byte("UNLINK"), args[1]}
	case a.Other && bytes.EqualFold(args[0], []byte("COPY")):
		return nil
	case a.Other && !oneSlot && !isPlainSort(args):
		r.refuse(args, errHidden)
		return nil
	}
	args = r.lifetime(args, a.Keys)
	switch {
	case oneSlot:
		return r.add(ctx, commandWrite(args, a.Keys))
	case !a.Each:
		return r.stage(ctx, args, a)
	}
	name := args[0]
	if a.Step == 2 { // MSETNX that was carried out has found no key in its way
		name = []byte("MSET")
	}
	for i, key := range a.Keys {
		one := append([][]byte{name}, args[1+i*a.Step:1+(i+1)*a.Step]...)
		if err := r.add(ctx, commandWrite(one, [][]byte{key})); err != nil {
			return err
		}
	}
	return nil
}

// isPlainSort reports whether a command is a SORT without patterns of other keys.
func isPlainSort(args [][]byte) bool {
	for i := 2; i+1 < len(args); i++ {
		if option := args[i]; bytes.EqualFold(option, []byte("BY")) || bytes.EqualFold(option, []byte("GET")) {
			return false
		}
	}
	return bytes.EqualFold(args[0], []byte("SORT"))
}

func commandWrite(args, keys [][]byte) importWrite {
	return importWrite{&keyWrite{slot: slots.Of(keys[0]), commands: [][][]byte{args}}, keys}
}

// findKeys has a node of the cluster say which keys a command is about.
func (r *fileImport) findKeys(ctx context.Context, args [][]byte) (keys [][]byte, err error) {
	reply, err := r.ask(ctx, 0, append([][]byte{[]byte("COMMAND"), []byte("GETKEYS")}, args...))
	for i := range reply.Elems {
		keys = append(keys, reply.Elems[i].Str)
	}
	return keys, err
}

// empty removes all keys.
func (r *fileImport) empty(ctx context.Context) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	clear(r.late)
	r.result.Commands++
	return r.writer.everyMaster(ctx, []byte("FLUSHALL"))
}

// changeFunctions carries out a FUNCTION command at all masters.
func (r *fileImport) changeFunctions(ctx context.Context, args [][]byte) error {
	if len(args) == 3 && bytes.EqualFold(args[1], []byte("LOAD")) {
		args = [][]byte{args[0], args[1], []byte("REPLACE"), args[2]}
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	r.result.Commands++
	err := r.writer.everyMaster(ctx, args...)
	if err != nil && isRefusal(err) && isFinal(err) {
		r.refuse(args, err)
		return nil
	}
	return err
}

// clear removes the keys that commands are about: what they find must be what the file says, not
// what an interrupted run or others have made of them.
func (r *fileImport) clear(ctx context.Context) error {
	r.c.step("", "removing the keys that the commands are about")
	var list []*keyWrite
	seen := make(map[string]bool)
	flush := func() error {
		err := r.writer.all(ctx, list)
		list = nil
		clear(seen)
		return err
	}
	err := r.each(ctx, func(item *aof.Item) error {
		if item.Database != 0 {
			return nil
		}
		for _, args := range item.Commands {
			for _, key := range follow.Analyze(args).Keys {
				if seen[string(key)] {
					continue
				}
				key = bytes.Clone(key)
				seen[string(key)] = true
				list = append(list, &keyWrite{slot: slots.Of(key), commands: [][][]byte{{[]byte("UNLINK"), key}}})
			}
		}
		if len(list) < importBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
