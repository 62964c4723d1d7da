package server

import (
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// replyError is an error reply with its code; the texts are Redis 7's (docs/spec.md §11).
type replyError string

func (e replyError) Error() string { return string(e) }

const (
	errSyntax       = replyError("ERR syntax error")
	errNotInt       = replyError("ERR value is not an integer or out of range")
	errNotFloat     = replyError("ERR value is not a valid float")
	errNaN          = replyError("ERR increment would produce NaN or Infinity")
	errOverflow     = replyError("ERR increment or decrement would overflow")
	errDecrOverflow = replyError("ERR decrement would overflow")
	errWrongType    = replyError("WRONGTYPE Operation against a key holding the wrong kind of value")
	errNoKey        = replyError("ERR no such key")
	errBusyKey      = replyError("BUSYKEY Target key name already exists.")
	errTooLong      = replyError("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
	errOffset       = replyError("ERR offset is out of range")
	errNoAuth       = replyError("NOAUTH Authentication required.")
	errLoading      = replyError("LOADING Redis is loading the dataset in memory")
	errWrongPass    = replyError("WRONGPASS invalid username-password pair or user is disabled.")
	errExecAbort    = replyError("EXECABORT Transaction discarded because of previous errors.")
	errNoCluster    = replyError("ERR This instance has cluster support disabled")
	errBadCursor    = replyError("ERR invalid cursor")
	errBadSlot      = replyError("ERR Invalid or out of range slot")
	errReplyTooBig  = replyError("ERR the reply exceeds the output buffer limit (client-output-buffer-limit)")

	// errHeld is no reply: the command has to wait until a pause ends.
	errHeld = replyError("held")
	// errSilent is no reply either: the command has none.
	errSilent = replyError("silent")
)

func errExpireTime(cmd string) error {
	return replyError("ERR invalid expire time in '" + cmd + "' command")
}

func errArity(c *command) error {
	return replyError("ERR wrong number of arguments for '" + c.name + "' command")
}

// fail replies with an error: as it is if it begins with an upper-case code, after
// "ERR " otherwise.
func (s *session) fail(err error) {
	text := s.srv.endpointError(err).Error()
	if !hasCode(text) {
		text = "ERR " + text
	}
	s.srv.stats.countError(text)
	s.out.Error(text)
}

func hasCode(text string) bool {
	code, _, _ := strings.Cut(text, " ")
	if len(code) < 2 {
		return false
	}
	for i := range len(code) {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return true
}

// onlyMaster refuses a write that no slot check stands before.
func (s *session) onlyMaster() error {
	if m := s.srv.engine.Map(); m != nil && !m.Self().IsMaster() {
		return slots.ErrReadOnly
	}
	return nil
}
