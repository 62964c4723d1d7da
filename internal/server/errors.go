package server

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// replyError is an error reply with its code.
type replyError = commands.ReplyError

// The refusals before a command runs.
const (
	errNoAuth    = replyError("NOAUTH Authentication required.")
	errLoading   = replyError("LOADING Redis is loading the dataset in memory")
	errWrongPass = replyError("WRONGPASS invalid username-password pair or user is disabled.")
	errExecAbort = replyError("EXECABORT Transaction discarded because of previous errors.")

	// errHeld is no reply: the command has to wait until a pause ends.
	errHeld = replyError("held")
)

// fail replies with an error: as it is if it begins with an upper-case code, after "ERR "
// otherwise.
func (s *session) fail(err error) {
	text := s.Node.EndpointError(err, s.tls).Error()
	if !hasCode(text) {
		text = "ERR " + text
	}
	s.srv.stats.countError(text)
	s.Out.Error(text)
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
