package acl

import "slices"

// Request is a command line that a user wants to run.
type Request struct {
	Command  int        // its ID in the catalog: a subcommand's, not its container's
	Args     [][]byte   // with the name of the command
	Keys     []KeyRange // which arguments are keys
	Channels ChannelRange
	EveryKey Access // what the command may do with keys that it does not name
}

// KeyRange says that Count arguments are keys, every Step-th from First on, and what the
// command does with them.
type KeyRange struct {
	First, Count, Step int
	Access             Access
}

// ChannelRange says that Count arguments from First on are channels; Patterns that they are
// patterns of channels.
type ChannelRange struct {
	First, Count int
	Patterns     bool
}

// Reason says what a user has no right to.
type Reason uint8

// Reasons, in the order in which they are told if selectors fail for several.
const (
	Allowed Reason = iota
	DeniedCommand
	DeniedKey
	DeniedAuth // in the log only: wrong name or password
	DeniedChannel
)

// String returns the name that ACL LOG shows.
func (r Reason) String() string {
	return [...]string{"", "command", "key", "auth", "channel"}[r]
}

// Denial says why a request is refused; the zero Denial that it is not.
type Denial struct {
	Reason Reason
	Arg    int // which argument is the key or channel
}

// Denied reports whether the request is refused.
func (d Denial) Denied() bool { return d.Reason != Allowed }

// Check says whether a request is allowed by one of the selectors. If none allows it, the
// denial is that of the selector that came furthest: a channel before a key before the
// command, then the argument furthest to the right.
func (r *Rules) Check(q *Request) Denial {
	if r.unrestricted {
		return Denial{}
	}
	worst := Denial{Reason: DeniedCommand}
	for _, s := range r.selectors {
		d := s.check(r.catalog, q)
		if !d.Denied() {
			return d
		}
		if d.Reason > worst.Reason || d.Reason == worst.Reason && d.Arg > worst.Arg {
			worst = d
		}
	}
	return worst
}

func (s *selector) check(c *Catalog, q *Request) Denial {
	if !s.allowed.has(q.Command) && !c.noAuth.has(q.Command) && !s.allowsFirstArg(q) {
		return Denial{Reason: DeniedCommand}
	}
	if q.EveryKey != 0 && !s.allowsEveryKey(q.EveryKey) {
		return Denial{Reason: DeniedKey}
	}
	if !s.allKeys {
		for _, keys := range q.Keys {
			for i, n := keys.First, keys.Count; n > 0; i, n = i+keys.Step, n-1 {
				if !s.allowsKey(q.Args[i], keys.Access) {
					return Denial{DeniedKey, i}
				}
			}
		}
	}
	if !s.allChannels {
		for i := q.Channels.First; i < q.Channels.First+q.Channels.Count; i++ {
			if !s.allowsChannel(q.Args[i], q.Channels.Patterns) {
				return Denial{DeniedChannel, i}
			}
		}
	}
	return Denial{}
}

func (s *selector) allowsFirstArg(q *Request) bool {
	if len(q.Args) < 2 {
		return false
	}
	for i := range s.firstArgs {
		if f := &s.firstArgs[i]; f.command == q.Command && equalFold(f.arg, q.Args[1]) {
			return true
		}
	}
	return false
}

func (s *selector) allowsEveryKey(access Access) bool {
	return s.allKeys || slices.ContainsFunc(s.keys, func(p keyPattern) bool {
		return p.access&access == access && p.text == "*"
	})
}

func (s *selector) allowsKey(key []byte, access Access) bool {
	for i := range s.keys {
		if p := &s.keys[i]; p.access&access == access && p.match(key) {
			return true
		}
	}
	return false
}

// AllowsChannel reports whether one of the selectors allows a channel, or a pattern of
// channels.
func (r *Rules) AllowsChannel(channel []byte, isPattern bool) bool {
	return slices.ContainsFunc(r.selectors, func(s *selector) bool {
		return s.allChannels || s.allowsChannel(channel, isPattern)
	})
}

// MayLoseChannels reports whether the rules may allow less channels than former rules of the
// user. As in Redis 7.0.15 they may not if they allow all, or the former ones allowed none.
func (r *Rules) MayLoseChannels(former *Rules) bool {
	all := func(s *selector) bool { return s.allChannels }
	some := func(s *selector) bool { return s.allChannels || len(s.channels) > 0 }
	return !slices.ContainsFunc(r.selectors, all) && slices.ContainsFunc(former.selectors, some)
}

// allowsChannel matches a channel with the patterns; a pattern of channels must be one of
// them, letter by letter.
func (s *selector) allowsChannel(channel []byte, isPattern bool) bool {
	for i := range s.channels {
		p := &s.channels[i]
		if isPattern && p.text == string(channel) || !isPattern && p.match(channel) {
			return true
		}
	}
	return false
}
