package server

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/histogram"
)

// stats counts. What every command counts is kept in shards, one for each session in
// turn, so that sessions on different processors do not fight for a cache line; reading
// sums the shards up.
type stats struct {
	shards [8]*statsShard
	times  []atomic.Pointer[histogram.Histogram] // of calls that were timed, by command.id; nil: none was

	conns         atomic.Int64
	rejectedConns atomic.Int64
	cutOff        atomic.Int64 // clients that were over client-output-buffer-limit
	rate          atomic.Int64 // commands a second, over the last second or so
	rateIn        atomic.Int64 // bytes a second
	rateOut       atomic.Int64
	peak          atomic.Int64 // bytes that the keys have taken at most

	mu     sync.Mutex       // guards what follows
	errors map[string]int64 // by code
	total  int64            // of errors
	rateAt int64            // Unix milliseconds of the last sample
	rateOf int64            // commands at the last sample
	inOf   int64            // bytes
	outOf  int64
}

// statsShard counts what some of the sessions do.
type statsShard struct {
	cmd    []commandStat // by command.id
	netIn  atomic.Int64
	netOut atomic.Int64
	_      [64]byte
}

type commandStat struct {
	calls    atomic.Int64
	failed   atomic.Int64
	rejected atomic.Int64
	timed    atomic.Int64 // calls that were timed, and those for which they stand …
	nanos    atomic.Int64 // … and what all of them took together
}

// maxErrorCodes bounds the codes that are told apart.
const maxErrorCodes = 128

func newStats(commands int) *stats {
	st := &stats{errors: make(map[string]int64), times: make([]atomic.Pointer[histogram.Histogram], commands)}
	for i := range st.shards {
		st.shards[i] = &statsShard{cmd: make([]commandStat, commands)}
	}
	return st
}

func (st *stats) shard(id int64) *statsShard { return st.shards[int(id)%len(st.shards)] }

func (st *stats) countError(text string) {
	code, _, _ := strings.Cut(text, " ")
	st.mu.Lock()
	defer st.mu.Unlock()
	st.total++
	if _, known := st.errors[code]; known || len(st.errors) < maxErrorCodes {
		st.errors[code]++
	}
}

// record counts what a call took that stands for weight calls; track puts it into the
// distribution too.
func (st *stats) record(sh *statsShard, id int, took time.Duration, weight int64, track bool) {
	sh.cmd[id].timed.Add(weight)
	sh.cmd[id].nanos.Add(weight * int64(took))
	if !track {
		return
	}
	h := st.times[id].Load()
	if h == nil {
		st.times[id].CompareAndSwap(nil, new(histogram.Histogram))
		h = st.times[id].Load()
	}
	h.Record(took, weight)
}

// CommandStats returns the counters of the commands that have been called, or refused, in
// table order, by their own names.
func (s *Server) CommandStats() (list []CommandStats) {
	for _, cmd := range s.original.All() {
		sum := s.stats.command(cmd.ID)
		if sum.Calls == 0 && sum.Failed == 0 && sum.Rejected == 0 {
			continue
		}
		sum.Name = cmd.Name
		list = append(list, sum)
	}
	return list
}

// command sums up the counters of a command over all shards.
func (st *stats) command(id int) (sum CommandStats) {
	var timed, nanos int64
	for _, sh := range st.shards {
		c := &sh.cmd[id]
		sum.Calls += c.calls.Load()
		sum.Failed += c.failed.Load()
		sum.Rejected += c.rejected.Load()
		timed += c.timed.Load()
		nanos += c.nanos.Load()
	}
	if timed > 0 {
		sum.Time = time.Duration(float64(nanos) * float64(sum.Calls) / float64(timed))
	}
	if h := st.times[id].Load(); h != nil {
		sum.Latency = h.Of(sum.Calls)
	}
	return sum
}

func (st *stats) commandsProcessed() (n int64) {
	for _, sh := range st.shards {
		for i := range sh.cmd {
			n += sh.cmd[i].calls.Load()
		}
	}
	return n
}

func (st *stats) network() (in, out int64) {
	for _, sh := range st.shards {
		in += sh.netIn.Load()
		out += sh.netOut.Load()
	}
	return in, out
}

// sample is called at every tick; it measures the rate of commands.
func (st *stats) sample(now int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	took := now - st.rateAt
	if took < 1000 {
		return
	}
	n := st.commandsProcessed()
	in, out := st.network()
	if st.rateAt != 0 {
		st.rate.Store(max(0, (n-st.rateOf)*1000/took))
		st.rateIn.Store(max(0, (in-st.inOf)*1000/took))
		st.rateOut.Store(max(0, (out-st.outOf)*1000/took))
	}
	st.rateAt, st.rateOf, st.inOf, st.outOf = now, n, in, out
}

// reset is CONFIG RESETSTAT.
func (st *stats) reset() {
	st.mu.Lock()
	defer st.mu.Unlock()
	for i := range st.times {
		st.times[i].Store(nil)
	}
	for _, sh := range st.shards {
		for i := range sh.cmd {
			c := &sh.cmd[i]
			for _, n := range []*atomic.Int64{&c.calls, &c.failed, &c.rejected, &c.timed, &c.nanos} {
				n.Store(0)
			}
		}
		sh.netIn.Store(0)
		sh.netOut.Store(0)
	}
	st.conns.Store(0)
	st.rejectedConns.Store(0)
	st.cutOff.Store(0)
	clear(st.errors)
	st.total, st.rateOf = 0, 0
}

// newRunID returns 40 hexadecimal digits that differ from start to start.
func newRunID() string {
	var b [20]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// notePeak looks how much memory the keys take, and returns the most there has been.
func (s *Server) notePeak() int64 {
	for now := s.engine.Store().Memory(); ; {
		peak := s.stats.peak.Load()
		if now <= peak {
			return peak
		}
		s.stats.peak.CompareAndSwap(peak, now)
	}
}
