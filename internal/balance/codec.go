package balance

import (
	"errors"
	"math"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrMalformed is matched by every error about bytes that are no message.
var ErrMalformed = errors.New("malformed message about balance")

// Order makes a member do a step, under the term of the coordinator that orders it.
type Order struct {
	From slots.NodeID
	Term uint64
	Step Step
}

const (
	kindAsk    = 1
	kindAnswer = 2
	kindOrder  = 3
	kindPause  = 4
)

const (
	maxTerm = 1 << 62 // no cluster comes that far; beyond, terms could not grow
	maxJobs = 1 << 16
)

// Append appends the wire form to dst: a msgpack array, as all of them. Readers skip fields
// at the end that they do not know.
func (a *Ask) Append(dst []byte) []byte {
	dst = msgp.AppendUint(msgp.AppendArrayHeader(dst, 11), kindAsk)
	dst = msgp.AppendBytes(dst, a.From[:])
	dst = msgp.AppendUint64(msgp.AppendUint(dst, a.Term), a.Electorate)
	dst = msgp.AppendUint(msgp.AppendBool(dst, a.Release), uint64(a.Load))
	dst = msgp.AppendBool(dst, a.EachSlot)
	return a.Pause.append(dst)
}

func (p *Pause) append(dst []byte) []byte {
	dst = msgp.AppendBool(msgp.AppendBytes(msgp.AppendUint(dst, p.Version), p.By[:]), p.On)
	return msgp.AppendBytes(dst, []byte(p.Excluded))
}

// Append appends the wire form to dst.
func (o *Order) Append(dst []byte) []byte {
	dst = msgp.AppendUint(msgp.AppendArrayHeader(dst, 7), kindOrder)
	dst = msgp.AppendUint(msgp.AppendBytes(dst, o.From[:]), o.Term)
	dst = msgp.AppendUint(dst, uint64(o.Step.Kind))
	dst = msgp.AppendBytes(msgp.AppendBytes(dst, o.Step.Node[:]), o.Step.Peer[:])
	return appendSet(dst, &o.Step.Slots)
}

// Append appends the wire form to dst.
func (a *Answer) Append(dst []byte) []byte {
	dst = msgp.AppendUint(msgp.AppendArrayHeader(dst, 10), kindAnswer)
	dst = a.Pause.append(msgp.AppendUint(msgp.AppendBool(dst, a.Granted), a.Term))
	dst = msgp.AppendArray32Header(dst, len(a.Report.Jobs))
	for i := range a.Report.Jobs {
		job := &a.Report.Jobs[i]
		dst = msgp.AppendArrayHeader(dst, 3)
		dst = msgp.AppendBytes(msgp.AppendBytes(dst, job.From[:]), job.To[:])
		dst = appendSet(dst, &job.Slots)
	}
	dst = msgp.AppendUint(dst, uint64(max(0, a.Report.Total)))
	dst = msgp.AppendArray32Header(dst, len(a.Report.Loads))
	for _, load := range a.Report.Loads {
		dst = msgp.AppendUint(dst, uint64(max(0, load)))
	}
	return dst
}

func appendSet(dst []byte, set *slots.Set) []byte {
	return msgp.AppendBytes(dst, set.AppendBinaryTo(make([]byte, 0, slots.SetSize)))
}

// AppendPause appends the form in which a pause is kept on the disk.
func AppendPause(dst []byte, p Pause) []byte {
	return p.append(msgp.AppendUint(msgp.AppendArrayHeader(dst, 5), kindPause))
}

// DecodePause reads what AppendPause wrote.
func DecodePause(b []byte) (Pause, error) {
	r := newReader(b)
	r.head(kindPause, 5)
	p := r.pause()
	return p, r.Err()
}

// DecodeRequest reads an Ask or an Order: one of the two is not nil.
func DecodeRequest(b []byte) (*Ask, *Order, error) {
	r := newReader(b)
	n := r.Array("message", 1)
	switch kind := r.UintMax("kind", math.MaxUint8); {
	case r.Err() != nil:
	case kind == kindAsk && n >= 11:
		a := &Ask{}
		r.Fixed("from", a.From[:])
		a.Term, a.Electorate = r.UintMax("term", maxTerm), r.Uint("electorate")
		a.Release, a.Load = r.Bool("release"), Load(r.UintMax("load", math.MaxUint8))
		a.EachSlot, a.Pause = r.Bool("each slot"), r.pause()
		return a, nil, r.Err()
	case kind == kindOrder && n >= 7:
		o := &Order{}
		r.Fixed("from", o.From[:])
		o.Term, o.Step.Kind = r.UintMax("term", maxTerm), Kind(r.UintMax("step", math.MaxUint8))
		r.Fixed("node", o.Step.Node[:])
		r.Fixed("peer", o.Step.Peer[:])
		o.Step.Slots = r.set()
		return nil, o, r.Err()
	default:
		r.Fail("kind", "is of no request")
	}
	return nil, nil, r.Err()
}

// DecodeAnswer reads an Answer.
func DecodeAnswer(b []byte) (a Answer, err error) {
	r := newReader(b)
	r.head(kindAnswer, 10)
	a.Granted, a.Term, a.Pause = r.Bool("granted"), r.UintMax("term", maxTerm), r.pause()
	for range min(r.Array("jobs", slots.SetSize), maxJobs) {
		var job Job
		if r.Array("job", 1) != 3 && r.Err() == nil {
			r.Fail("job", "does not have 3 fields")
		}
		r.Fixed("source", job.From[:])
		r.Fixed("target", job.To[:])
		job.Slots = r.set()
		if r.Err() != nil {
			return a, r.Err()
		}
		a.Report.Jobs = append(a.Report.Jobs, job)
	}
	a.Report.Total = int64(r.UintMax("total", 1<<62))
	n := r.Array("loads", 1)
	if n > slots.Count {
		r.Fail("loads", "are more than there are slots")
	}
	for range n {
		if r.Err() != nil {
			break
		}
		a.Report.Loads = append(a.Report.Loads, int64(r.UintMax("load", 1<<48)))
	}
	return a, r.Err()
}

type reader struct{ msgp.Reader }

func newReader(b []byte) *reader { return &reader{msgp.NewReader(b, ErrMalformed)} }

// head reads what a message begins with.
func (r *reader) head(kind uint64, fields int) {
	n := r.Array("message", 1)
	if got := r.UintMax("kind", math.MaxUint8); r.Err() == nil && (got != kind || n < fields) {
		r.Fail("kind", "is of another message")
	}
}

func (r *reader) pause() (p Pause) {
	p.Version = r.UintMax("version", maxTerm)
	r.Fixed("by", p.By[:])
	p.On = r.Bool("paused")
	excluded := r.Bytes("excluded")
	if len(excluded)%idSize != 0 || len(excluded) > maxExcluded*idSize {
		r.Fail("excluded", "are no ids")
		return Pause{}
	}
	p.Excluded = string(excluded)
	return p
}

func (r *reader) set() slots.Set {
	b := r.Bytes("slots")
	if r.Err() != nil {
		return slots.Set{}
	}
	set, err := slots.SetFromBinary(b)
	if err != nil {
		r.Fail("slots", "are no bitmap")
	}
	return set
}
