package replication

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// SaveRule asks for a snapshot when at least Changes Ops happened and at least Every has
// passed since the last one: "save 900 1" of redis.conf.
type SaveRule struct {
	Every   time.Duration
	Changes uint64
}

// ParseSaveRules reads pairs of seconds and changes, "3600 1 300 100"; an empty text
// means that nothing is saved by itself.
func ParseSaveRules(text string) ([]SaveRule, error) {
	fields := strings.Fields(text)
	if len(fields)%2 != 0 {
		return nil, fmt.Errorf("replication: save %q: use pairs of seconds and changes, such as \"3600 1 300 100\"", text)
	}
	var rules []SaveRule
	for i := 0; i < len(fields); i += 2 {
		seconds, err1 := strconv.ParseUint(fields[i], 10, 31)
		changes, err2 := strconv.ParseUint(fields[i+1], 10, 63)
		if err1 != nil || err2 != nil || seconds == 0 {
			return nil, fmt.Errorf("replication: save %q: %q is no pair of seconds (at least 1) and changes", text, fields[i]+
				" "+fields[i+1])
		}
		rules = append(rules, SaveRule{time.Duration(seconds) * time.Second, changes})
	}
	return rules, nil
}

// SaveSchedule decides when a snapshot is due. It is a value: the host keeps it, calls
// Due now and then (each 100 ms, say), and calls Done at the end of each snapshot.
type SaveSchedule struct {
	Rules []SaveRule
	last  time.Time // of the last good snapshot, or the start
	base  uint64    // changes it contains
	tried time.Time // of the last failure, zero if the last one was good
}

// retryAfter is the pause after a snapshot that failed.
const retryAfter = 5 * time.Second

// Start begins the schedule at a moment with that many changes on the counter.
func (s *SaveSchedule) Start(now time.Time, changes uint64) {
	s.last, s.base, s.tried = now, changes, time.Time{}
}

// Due reports whether a rule asks for a snapshot now.
func (s *SaveSchedule) Due(now time.Time, changes uint64) bool {
	if !s.tried.IsZero() { // a failed snapshot is tried again, whichever rule asked for it
		return len(s.Rules) > 0 && now.Sub(s.tried) >= retryAfter
	}
	for _, r := range s.Rules {
		if s.Pending(changes) >= r.Changes && now.Sub(s.last) >= r.Every {
			return true
		}
	}
	return false
}

// Pending returns the changes that the last snapshot does not contain.
func (s *SaveSchedule) Pending(changes uint64) uint64 { return changes - s.base }

// Done notes the end of a snapshot that began with that many changes on the counter.
func (s *SaveSchedule) Done(now time.Time, changes uint64, err error) {
	if err != nil {
		s.tried = now
		return
	}
	s.last, s.base, s.tried = now, changes, time.Time{}
}

// Last returns when the last good snapshot was finished, or the start.
func (s *SaveSchedule) Last() time.Time { return s.last }
