package admin

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/clusterproto"
	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// stagePrefix begins the names of copies in one slot.
const stagePrefix = "{slotmesh-import}:"

// stage carries out a command on keys of several slots: on copies in one slot, of which those that
// it has written become the keys. An append-only file has few of them.
func (r *fileImport) stage(ctx context.Context, args [][]byte, a follow.Access) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	slot := slots.OfString(stagePrefix)
	copies := make(map[string][]byte)
	var remove []*keyWrite
	for _, key := range a.Keys {
		if copies[string(key)] != nil {
			continue
		}
		name := fmt.Appendf(nil, "%s%d", stagePrefix, len(copies))
		copies[string(key)] = name
		remove = append(remove, &keyWrite{slot: slot, commands: [][][]byte{{[]byte("UNLINK"), name}}})
		if err := r.copyKey(ctx, key, name); err != nil {
			return err
		}
	}
	staged := make([][]byte, len(args))
	for i, arg := range args {
		if staged[i] = arg; isOneOf(arg, a.Keys) {
			staged[i] = copies[string(arg)]
		}
	}
	_, err := r.ask(ctx, slot, staged)
	switch {
	case err != nil && isRefusal(err) && isFinal(err):
		r.refuse(args, err)
	case err != nil:
		return err
	default:
		for _, key := range a.Written {
			if err := r.copyKey(ctx, copies[string(key)], key); err != nil {
				return err
			}
		}
	}
	return r.writer.all(ctx, remove)
}

// isOneOf reports whether arg is an argument that stands for a key, and not another with the same
// text.
func isOneOf(arg []byte, keys [][]byte) bool {
	for _, key := range keys {
		if len(key) == len(arg) && (len(arg) == 0 || &key[0] == &arg[0]) {
			return true
		}
	}
	return false
}

// copyKey makes a key what another one is.
func (r *fileImport) copyKey(ctx context.Context, from, to []byte) error {
	slot := slots.Of(from)
	at, err := r.ask(ctx, slot, [][]byte{[]byte("PEXPIRETIME"), from})
	if err != nil {
		return err
	}
	dump, err := r.ask(ctx, slot, [][]byte{[]byte("DUMP"), from})
	if err != nil {
		return err
	}
	k := &keyWrite{slot: slots.Of(to), commands: [][][]byte{{[]byte("UNLINK"), to}}}
	if dump.Kind == resp.Bulk {
		k = restoreWrite(to, max(at.Int, 0), dump.Str)
	}
	return r.writer.all(ctx, []*keyWrite{k})
}

// ask sends one command to the owner of a slot until it is carried out or refused for good.
func (r *fileImport) ask(ctx context.Context, slot slots.Slot, args [][]byte) (resp.Reply, error) {
	for deadline := time.Now().Add(writeTime); ; {
		addr := r.writer.owner[slot]
		replies, err := r.c.pipeBytes(ctx, addr, [][][]byte{args})
		if err != nil {
			return resp.Reply{}, err
		}
		if err = replies[0].Err(); err == nil {
			return replies[0], nil
		}
		host, _, _ := net.SplitHostPort(addr)
		if to, _ := clusterproto.ParseRedirect(replies[0].Text(), host); to != nil {
			if moved, ok := to.(*slots.MovedError); ok {
				r.writer.owner[slot] = moved.Addr.Client()
			}
		}
		if isFinal(err) || time.Now().After(deadline) {
			return resp.Reply{}, &NodeError{addr, string(args[0]), err}
		}
		if err := pause(ctx, writeBackoff); err != nil {
			return resp.Reply{}, err
		}
	}
}
