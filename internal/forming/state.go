package forming

import (
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// State is what a node must not forget when it stops: what it has promised and accepted,
// and the decision.
type State struct {
	// Terms are those under which Value was accepted.
	Terms    Terms
	Promised Ballot // the greatest that was promised
	Accepted Ballot // under which Value was accepted last; zero if that was never
	Value    *Value // that was accepted, or decided
	Decided  bool   // Value is the decision
}

// fits returns an error if a node with State may not go on under other terms. A promise
// alone binds it only to proposals of the old terms, which it refuses as a whole.
func (s *State) fits(t *Terms) error {
	if s.Value == nil || s.Decided {
		return nil
	}
	const there = "when it accepted the plan of a cluster"
	if text := t.difference(&s.Terms, there); text != "" {
		return fmt.Errorf("forming: %s; go back to that, or, if no cluster has come of it, remove the record of the "+
			"plan at all nodes", text)
	}
	return nil
}

const (
	stateMagic   = "SMFORM"
	stateVersion = 1
)

const (
	stTerms = iota
	stPromised
	stAccepted
	stValue
	stDecided
)

// EncodeState returns the content of a file: msgpack, sealed with a checksum.
func EncodeState(s *State) []byte {
	w := newMap(nil)
	w.B = appendTerms(w.Key(stTerms), &s.Terms)
	w.ballot(stPromised, s.Promised)
	w.ballot(stAccepted, s.Accepted)
	w.value(stValue, s.Value)
	w.Bool(stDecided, s.Decided)
	return frame.Seal(stateMagic, stateVersion, w.Done())
}

// DecodeState reads what EncodeState has written. The error says what is wrong with it,
// and matches ErrMalformed.
func DecodeState(file []byte) (*State, error) {
	version, payload, err := frame.Open(stateMagic, file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", malformed, err)
	}
	if version != stateVersion {
		return nil, fmt.Errorf("%w: its format version is %d, this program reads version %d", malformed, version,
			stateVersion)
	}
	s := new(State)
	r := newReader(payload)
	for range r.Map("state") {
		if r.Err() != nil {
			break
		}
		s.decodeField(r, r.Uint("key"))
	}
	switch r.End(); {
	case s.Decided && s.Value == nil, !s.Accepted.IsZero() && s.Value == nil:
		r.Fail("state", "has accepted or decided nothing, and says that it has")
	case s.Value != nil && !s.Decided && s.Accepted.IsZero(), s.Accepted.Compare(s.Promised) > 0:
		r.Fail("state", "has accepted something under a ballot that it has not promised")
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return s, nil
}

func (s *State) decodeField(r *reader, key uint64) {
	switch key {
	case stTerms:
		r.terms(&s.Terms)
	case stPromised:
		s.Promised = r.ballot("promised ballot")
	case stAccepted:
		s.Accepted = r.ballot("accepted ballot")
	case stValue:
		s.Value = r.value("value")
	case stDecided:
		s.Decided = r.Bool("decided")
	default:
		r.Skip("unknown field", 1)
	}
}
