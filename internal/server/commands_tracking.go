package server

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// trackingSubs are the subcommands of CLIENT about keys that a client caches.
var (
	clientCaching = commands.Command{Name: "caching", Arity: 3, Args: "(YES|NO)", Flags: flagsClient | commands.Plain,
		Since: "6.0.0", Summary: "Says whether the keys of the next command are tracked, in the modes OPTIN and OPTOUT.",
		Run: ofSession(cmdClientCaching)}
	clientGetRedir = commands.Command{Name: "getredir", Arity: 2, Flags: flagsClient | commands.Plain, Since: "6.0.0",
		Summary: "Returns the client that is told of changed keys instead of this one.",
		Run:     ofSession(cmdClientGetRedir)}
	clientTrackingOnOff = commands.Command{Name: "tracking", Arity: -3,
		Args:  "(ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
		Flags: flagsClient | commands.Plain, Since: "6.0.0",
		Summary: "Lets the client be told when keys change that it has read.", Run: ofSession(cmdClientTracking)}
	clientTrackingInfo = commands.Command{Name: "trackinginfo", Arity: 2, Flags: flagsClient | commands.Plain,
		Since: "6.2.0", Summary: "Describes the tracking of this connection.", Run: ofSession(cmdClientTrackingInfo)}
)

// The refusals of CLIENT TRACKING and CLIENT CACHING, in the words of Redis.
const (
	errOneRedirect   = replyError("ERR A client can only redirect to a single other client")
	errNoRedirect    = replyError("ERR The client ID you want redirect to does not exist")
	errPrefixNoBcast = replyError("ERR PREFIX option requires BCAST mode to be enabled")
	errBcastSwitch   = replyError("ERR You can't switch BCAST mode on/off before disabling tracking for this client, " +
		"and then re-enabling it with a different mode.")
	errOptBcast  = replyError("ERR OPTIN and OPTOUT are not compatible with BCAST")
	errOptBoth   = replyError("ERR You can't specify both OPTIN mode and OPTOUT mode")
	errOptSwitch = replyError("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, " +
		"and then re-enabling it with a different mode.")
	errCachingMode = replyError("ERR CLIENT CACHING can be called only when the client is in tracking mode with " +
		"OPTIN or OPTOUT mode enabled")
	errCachingYes = replyError("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
	errCachingNo  = replyError("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
)

// trackingOptions are the arguments of CLIENT TRACKING.
type trackingOptions struct {
	mode     uint32
	redirect *tracked // nil: none
	prefixes []string
}

func cmdClientTracking(s *session) error {
	o, err := s.trackingOptions()
	if err != nil {
		return err
	}
	switch {
	case s.Word(2, "ON"):
		if err := s.mayTrack(&o); err != nil {
			return err
		}
		s.startTracking(&o)
	case s.Word(2, "OFF"):
		s.stopTracking()
	default:
		return commands.ErrSyntax
	}
	s.Out.OK()
	return nil
}

func (s *session) trackingOptions() (o trackingOptions, err error) {
	for i := 3; i < len(s.Args); i++ {
		more := i+1 < len(s.Args)
		switch {
		case s.Word(i, "REDIRECT") && more:
			i++
			if o.redirect != nil {
				return o, errOneRedirect
			}
			id, err := s.Number(i)
			if err != nil {
				return o, err
			}
			if o.redirect = s.srv.trackedClient(id); o.redirect == nil {
				return o, errNoRedirect
			}
		case s.Word(i, "BCAST"):
			o.mode |= trackBcast
		case s.Word(i, "OPTIN"):
			o.mode |= trackOptIn
		case s.Word(i, "OPTOUT"):
			o.mode |= trackOptOut
		case s.Word(i, "NOLOOP"):
			o.mode |= trackNoLoop
		case s.Word(i, "PREFIX") && more:
			i++
			o.prefixes = append(o.prefixes, string(s.Args[i]))
		default:
			return o, commands.ErrSyntax
		}
	}
	return o, nil
}

// trackedClient returns what is kept of the client with a number, nil if there is none.
func (s *Server) trackedClient(id int64) *tracked {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss := s.sessions[id]; ss != nil {
		return ss.trackedLocked()
	}
	return nil
}

// mayTrack compares the options with one another and with the present mode.
func (s *session) mayTrack(o *trackingOptions) error {
	const opts = trackOptIn | trackOptOut
	now := uint32(0)
	if s.tracking.on {
		now = s.shared.tracked.Load().mode.Load()
	}
	switch bcast := o.mode&trackBcast != 0; {
	case !bcast && len(o.prefixes) > 0:
		return errPrefixNoBcast
	case s.tracking.on && (now^o.mode)&trackBcast != 0:
		return errBcastSwitch
	case bcast && o.mode&opts != 0:
		return errOptBcast
	case o.mode&opts == opts:
		return errOptBoth
	case o.mode&opts != 0 && now&opts != 0 && (o.mode^now)&opts != 0:
		return errOptSwitch
	case bcast:
		return s.mayHear(o.prefixes)
	}
	return nil
}

// mayHear refuses prefixes that would make the client hear of a key twice.
func (s *session) mayHear(prefixes []string) error {
	const end = ". Prefixes for a single client must not overlap."
	var before []string
	if c := s.shared.tracked.Load(); c != nil {
		before = s.srv.tracker.broadcasts.prefixesOf(c)
	}
	for i, prefix := range prefixes {
		for _, other := range before {
			if overlap(prefix, other) {
				return replyError("ERR Prefix '" + prefix + "' overlaps with an existing prefix '" + other + "'" + end)
			}
		}
		for _, other := range prefixes[i+1:] {
			if overlap(prefix, other) {
				return replyError("ERR Prefix '" + prefix + "' overlaps with another provided prefix '" + other + "'" + end)
			}
		}
	}
	return nil
}

func overlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

// startTracking makes the session track keys in a mode, or changes the mode.
func (s *session) startTracking(o *trackingOptions) {
	t := &s.srv.tracker
	c := s.srv.trackedClient(s.id)
	if c == nil {
		return // the server closes
	}
	if !s.tracking.on {
		s.tracking.on = true
		t.turn(true)
	}
	c.redirect.Store(nil)
	s.shared.redirect.Store(0)
	if o.redirect != nil {
		s.shared.redirect.Store(o.redirect.id)
		c.redirect.Store(o.redirect)
		if to := o.redirect.session.Load(); to != nil && to != s {
			to.letPush()
		}
	}
	c.mode.Store(o.mode | trackOn)
	if o.mode&trackBcast != 0 {
		if len(o.prefixes) == 0 {
			o.prefixes = []string{""}
		}
		t.broadcasts.add(c, o.prefixes)
	}
	s.setFlag(clientTracking, true)
	s.setFlag(clientBrokenRedirect, false)
	s.setFlag(clientBroadcast, o.mode&trackBcast != 0)
	s.startTold()
}

// startTold puts the session into push mode if it is told of something itself.
func (s *session) startTold() {
	if s.tracking.on && s.Out.RESP3 {
		s.startPushing()
	}
}

// stopTracking ends the tracking of keys. What the client has read stays in the table, and
// counts again if it begins anew, as in Redis.
func (s *session) stopTracking() {
	if !s.tracking.on {
		return
	}
	c := s.shared.tracked.Load()
	mode := c.mode.Swap(0)
	if mode&trackBcast != 0 {
		s.srv.tracker.broadcasts.remove(c)
	}
	s.tracking.on, s.tracking.caching = false, false
	s.srv.tracker.turn(false)
	c.redirect.Store(nil)
	s.setFlag(clientTracking|clientBrokenRedirect|clientBroadcast, false)
}

func cmdClientCaching(s *session) error {
	if !s.tracking.on {
		return errCachingMode
	}
	mode := s.shared.tracked.Load().mode.Load()
	switch {
	case s.Word(2, "YES"):
		if mode&trackOptIn == 0 {
			return errCachingYes
		}
	case s.Word(2, "NO"):
		if mode&trackOptOut == 0 {
			return errCachingNo
		}
	default:
		return commands.ErrSyntax
	}
	s.tracking.caching = true
	s.Out.OK()
	return nil
}

// redirection returns the client that is told instead: 0 for none, -1 if the session does
// not track keys.
func (s *session) redirection() int64 {
	if !s.tracking.on {
		return -1
	}
	return s.shared.redirect.Load()
}

func cmdClientGetRedir(s *session) error {
	s.Out.Int(s.redirection())
	return nil
}

func cmdClientTrackingInfo(s *session) error {
	words, prefixes := []string{"off"}, []string(nil)
	if s.tracking.on {
		c := s.shared.tracked.Load()
		words = trackingWords(c.mode.Load(), s.tracking.caching)
		if s.hasFlag(clientBrokenRedirect) {
			words = append(words, "broken_redirect")
		}
		prefixes = s.srv.tracker.broadcasts.prefixesOf(c)
	}
	s.Out.Map(3)
	s.Out.BulkString("flags")
	s.Out.Set(len(words))
	for _, word := range words {
		s.Out.BulkString(word)
	}
	s.Out.BulkString("redirect")
	s.Out.Int(s.redirection())
	s.Out.BulkString("prefixes")
	s.Out.Array(len(prefixes))
	for _, prefix := range prefixes {
		s.Out.BulkString(prefix)
	}
	return nil
}

// trackingWords returns the flags of a mode in the order of Redis.
func trackingWords(mode uint32, caching bool) []string {
	words := []string{"on"}
	add := func(is bool, word string) {
		if is {
			words = append(words, word)
		}
	}
	add(mode&trackBcast != 0, "bcast")
	add(mode&trackOptIn != 0, "optin")
	add(mode&trackOptIn != 0 && caching, "caching-yes")
	add(mode&trackOptOut != 0, "optout")
	add(mode&trackOptOut != 0 && caching, "caching-no")
	add(mode&trackNoLoop != 0, "noloop")
	return words
}
