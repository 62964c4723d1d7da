package balance

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// LeaseTime is how long a grant binds its voter. The holder renews it at a third of that.
const LeaseTime = 10 * time.Second

// Ask is what a candidate, or the holder, says to the members. Term 0 asks for no grant:
// then it only tells the pause, and wants to hear the report.
type Ask struct {
	From       slots.NodeID
	Term       uint64
	Electorate uint64 // of the candidate, see Electorate
	Release    bool   // the holder needs the lease no longer
	Load       Load   // the report should say what the node holds of this
	EachSlot   bool   // and what each of its slots does
	Pause      Pause
}

// Load is what masters have equal shares of.
type Load uint8

const (
	BySlots Load = 0 // a report need not tell
	ByKeys  Load = 1
	ByBytes Load = 2
)

// Answer is what a member says to an Ask.
type Answer struct {
	Granted bool
	Term    uint64 // the greatest that the member has seen
	Pause   Pause
	Report  Report
}

// Report is what a member says of itself.
type Report struct {
	Jobs  []Job   // that it is the source of
	Total int64   // of the load that was asked for
	Loads []int64 // of its slots, in ascending order; nil if they were not asked for
}

// Pause says whether balancing is paused in the cluster, and for which nodes. Of two, all keep
// the later one.
type Pause struct {
	Version  uint64
	By       slots.NodeID
	On       bool
	Excluded string // ids of nodes that get neither slots nor a master, one after the other
}

// later reports whether p came after o.
func (p Pause) later(o Pause) bool {
	return p.Version > o.Version || p.Version == o.Version && string(p.By[:]) > string(o.By[:])
}

// Electorate returns a hash of the masters with slots of a map, and how many they are.
func Electorate(m *slots.Map) (hash uint64, voters int) {
	for i := range m.Nodes() {
		if n := &m.Nodes()[i]; Votes(n) {
			hash ^= xxhash.Sum64(n.ID[:])
			voters++
		}
	}
	return hash, voters
}

// Votes reports whether a node's grant counts: it is a master with slots.
func Votes(n *slots.Node) bool { return n.IsMaster() && n.HasSlots() }

// Lease is one node's part of the lease: what it has granted, and what it was granted. It
// lives in memory: a voter that has started waits until what it may have granted is over.
type Lease struct {
	// as a voter
	seen      uint64 // the greatest term that was asked for or ordered under
	grantedTo slots.NodeID
	granted   uint64    // the term
	until     time.Time // no grant to another node before
	pause     Pause

	// as a candidate
	term       uint64 // 0: it asks for nothing
	electorate uint64
	voters     int
	grants     map[slots.NodeID]time.Time // until when, counted from before the request left
}

// NewLease begins with what survived a restart: the pause.
func NewLease(pause Pause, now time.Time) *Lease {
	return &Lease{pause: pause, until: now.Add(LeaseTime)}
}

// Pause returns the latest pause that this node has heard of.
func (l *Lease) Pause() Pause { return l.pause }

// Learn takes over a pause, and reports whether it is news.
func (l *Lease) Learn(p Pause) bool {
	if !p.later(l.pause) {
		return false
	}
	l.pause = p
	return true
}

// OnAsk is the voter's part. m is its map. news says that the pause has to be saved before
// the answer leaves. The caller adds its report.
func (l *Lease) OnAsk(a *Ask, m *slots.Map, now time.Time) (answer Answer, news bool) {
	news = l.Learn(a.Pause)
	if a.Term != 0 && l.mayGrant(a, m, now) {
		l.granted, l.grantedTo, l.until = a.Term, a.From, now.Add(LeaseTime)
		if a.Release {
			l.until = now
		}
		l.seen = max(l.seen, a.Term)
		answer.Granted = !a.Release
	}
	answer.Term, answer.Pause = l.seen, l.pause
	return answer, news
}

func (l *Lease) mayGrant(a *Ask, m *slots.Map, now time.Time) bool {
	from := m.Node(a.From)
	hash, _ := Electorate(m)
	if from == nil || !Votes(from) || !Votes(m.Self()) || hash != a.Electorate || a.Term < l.seen {
		return false
	}
	if l.grantedTo == a.From {
		return a.Term >= l.granted
	}
	return a.Term > l.seen && !now.Before(l.until)
}

// Obeys reports whether an order of a term is to be carried out: no later one was seen.
func (l *Lease) Obeys(term uint64) bool {
	if term < l.seen {
		return false
	}
	l.seen = term
	return true
}

// Request returns what to ask the members for now: to grant the next term, or to renew the
// one that is held.
func (l *Lease) Request(m *slots.Map, now time.Time) Ask {
	hash, voters := Electorate(m)
	if !l.Held(m, now) {
		l.term, l.grants = l.seen+1, make(map[slots.NodeID]time.Time)
	}
	l.electorate, l.voters = hash, voters
	return Ask{From: m.Self().ID, Term: l.term, Electorate: hash, Pause: l.pause}
}

// OnAnswer counts a grant. asked is when the request, a, left. news says that the pause has
// to be saved.
func (l *Lease) OnAnswer(from slots.NodeID, a *Ask, answer *Answer, asked time.Time) (news bool) {
	if answer.Granted && a.Term != 0 && a.Term == l.term && a.Electorate == l.electorate {
		l.grants[from] = asked.Add(LeaseTime)
	}
	l.seen = max(l.seen, answer.Term)
	return l.Learn(answer.Pause)
}

// Held reports whether this node is the coordinator: most of the masters with slots that it
// knows have granted its term, and no later one was seen.
func (l *Lease) Held(m *slots.Map, now time.Time) bool {
	if l.term == 0 || l.term < l.seen || !Votes(m.Self()) {
		return false
	}
	count, voters := 0, 0
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if !Votes(n) {
			continue
		}
		voters++
		if now.Before(l.grants[n.ID]) {
			count++
		}
	}
	return count > voters/2
}

// Term returns the term that this node asks for or holds, 0 if none.
func (l *Lease) Term() uint64 { return l.term }

// Release gives up the lease, and returns what tells the members so.
func (l *Lease) Release(m *slots.Map) Ask {
	hash, _ := Electorate(m)
	a := Ask{From: m.Self().ID, Term: l.term, Electorate: hash, Release: true, Pause: l.pause}
	l.term, l.grants = 0, nil
	return a
}
