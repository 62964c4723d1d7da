package admin

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/slots"
)

// A key of an append-only file may have been given a new time to live long before its time was over,
// though that is past now, or will be before the import has come to the command which gave it.
// The cluster would have removed it by then. So while commands are carried out, keys whose end is
// near keep until far away, and get their own times at the end, as a server that loads such a file
// removes nothing until it has.
const (
	nearExpiry = time.Hour
	farExpiry  = 20 * 365 * 24 * time.Hour
)

func (r *fileImport) far() int64 { return r.now + farExpiry.Milliseconds() }

// postpone returns until when a key is to keep that expires at Unix milliseconds, 0 = never.
func (r *fileImport) postpone(key []byte, at int64) int64 {
	if at == 0 || at > r.now+nearExpiry.Milliseconds() {
		delete(r.late, string(key))
		return at
	}
	r.late[string(key)] = at
	return r.far()
}

// lifetime notes what a command does to times to live, and returns what is to be carried out
// instead.
func (r *fileImport) lifetime(args, keys [][]byte) [][]byte {
	l, at, blind := follow.Expiry(args, r.now)
	first := string(keys[0])
	switch {
	case l == follow.EndsExpiry && blind:
		for _, key := range keys {
			delete(r.late, string(key))
		}
	case l == follow.EndsExpiry:
		delete(r.late, first)
	case l == follow.SetsExpiry:
		if keep := r.postpone(keys[0], at); keep != at {
			return keepUntil(args, keep)
		}
	case len(keys) < 2:
	case l == follow.MovesExpiry, l == follow.CopiesExpiry:
		if at, ok := r.late[first]; ok {
			r.late[string(keys[1])] = at
		} else {
			delete(r.late, string(keys[1]))
		}
		if l == follow.MovesExpiry {
			delete(r.late, first)
		}
	}
	return args
}

// keepUntil returns a command that sets a time to live with another time. Its conditions have held
// when it was appended.
func keepUntil(args [][]byte, at int64) [][]byte {
	text := strconv.AppendInt(nil, at, 10)
	until := [][]byte{[]byte("PEXPIREAT"), args[1], text}
	switch strings.ToLower(string(args[0])) {
	case "set":
		return [][]byte{args[0], args[1], args[2], []byte("PXAT"), text}
	case "setex", "psetex":
		return [][]byte{[]byte("SET"), args[1], args[3], []byte("PXAT"), text}
	case "restore", "restore-asking":
		changed := append([][]byte{[]byte("RESTORE"), args[1], text}, args[3:]...)
		for _, option := range args[4:] {
			if bytes.EqualFold(option, []byte("ABSTTL")) {
				return changed
			}
		}
		return append(changed, []byte("ABSTTL"))
	}
	return until // EXPIRE and its like, GETEX
}

// expireLate gives keys their own times to live. A key that is another one by now has none, or a
// late one.
func (r *fileImport) expireLate(ctx context.Context) error {
	var list []*keyWrite
	for key, at := range r.late {
		list = append(list, &keyWrite{slot: slots.OfString(key), commands: [][][]byte{{[]byte("PEXPIREAT"), []byte(key),
			strconv.AppendInt(nil, at, 10), []byte("XX")}}})
		if len(list) == importBatch {
			if err := r.writer.all(ctx, list); err != nil {
				return err
			}
			list = nil
		}
	}
	return r.writer.all(ctx, list)
}
