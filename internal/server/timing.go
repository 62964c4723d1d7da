package server

import (
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// Reading the clock twice costs a good part of what a GET does. So not every call is timed:
//
//   - of a command that does little (Fast, Quick), the first calls, then one in some, which
//     stands for the others in the statistics;
//   - every call of any other command, and of one with many arguments;
//   - every call at all while SLOWLOG is to show commands that take less than a millisecond,
//     or the latency monitor is on.
//
// So by default a small command that was held up by something else, such as a busy machine,
// is seen by chance only. What a command waits for is no part of its time: the slot's lock,
// keys in flight, the end of a pause.
const (
	timeFirst = 64
	timeOneIn = 64
	manyArgs  = 64
	fineSlow  = time.Millisecond
)

// timer measures the command under way, if it is timed. What runs within that, of EXEC or a
// script, has times of its own.
type timer struct {
	on    bool
	began time.Duration // on the server's stopwatch
	ahead time.Duration // what was done before the slot's lock was taken
}

// elapsed reads the server's stopwatch.
func (s *Server) elapsed() time.Duration { return time.Since(s.epoch) }

// setTiming puts in force what is logged as slow, and what of it is kept.
func (s *Server) setTiming(l *Limits) {
	s.slow.setMax(l.SlowLen)
	s.latency.threshold.Store(int64(max(0, l.MonitorFrom)))
	s.setMode(modeTimed, l.SlowAfter >= 0 && l.SlowAfter < fineSlow || l.MonitorFrom > 0)
}

// weight returns for how many calls the n-th one of a command stands, 0 if it is not timed.
func weight(cmd *commands.Command, args int, n int64, modes uint32) int64 {
	switch {
	case !cmd.Has(commands.Fast|commands.Quick) || args > manyArgs || modes&modeTimed != 0 || n <= timeFirst:
		return 1
	case n%timeOneIn == 0:
		return timeOneIn
	}
	return 0
}

// timed runs a command and counts it.
func (s *session) timed(cmd *commands.Command) error {
	stat := &s.shard.cmd[cmd.ID]
	w := weight(cmd, len(s.Args), stat.calls.Load()+1, s.srv.modes.Load())
	if s.again != nil { // it was timed when it began to wait
		w = 0
	}
	if w == 0 {
		err := s.start(cmd)
		s.count(stat, err)
		return err
	}
	s.timer = timer{on: true, began: s.srv.elapsed()}
	err := s.start(cmd)
	s.timer.on = false
	if !s.count(stat, err) {
		return err
	}
	took := s.timer.ahead + s.srv.elapsed() - s.timer.began
	if s.wait != nil && err == nil {
		s.wait.took = took
		return nil
	}
	s.noteTime(cmd, s.Args, took, w)
	return err
}

// count counts a command, and reports whether it has been carried out. err is its error.
func (s *session) count(stat *commandStat, err error) (ran bool) {
	switch {
	case err == nil || !refused(err):
		if s.again == nil { // otherwise it was counted when it began to wait
			stat.calls.Add(1)
		}
		if err != nil && err != commands.ErrNoReply {
			stat.failed.Add(1)
		}
		return true
	case err != errHeld:
		stat.rejected.Add(1)
	}
	return false
}

// inSlotNow notes that the slot's lock has been taken.
func (t *timer) inSlotNow(srv *Server) { t.began = srv.elapsed() }

// noteTime notes what a command took that stands for w calls.
func (s *session) noteTime(cmd *commands.Command, args [][]byte, took time.Duration, w int64) {
	l := s.srv.limits.Load()
	s.srv.stats.record(s.shard, cmd.ID, took, w, !l.NoTracking)
	if l.MonitorFrom > 0 {
		event := eventCommand
		if cmd.Has(commands.Fast) {
			event = eventFastCommand
		}
		s.srv.latency.add(event, took)
	}
	if l.SlowAfter >= 0 && took.Truncate(time.Microsecond) >= l.SlowAfter.Truncate(time.Microsecond) {
		s.logSlow(cmd, args, took)
	}
}

// percentiles returns what INFO latencystats shows; on is false if it shows nothing.
func (s *Server) percentiles() (list []float64, on bool) {
	l := s.limits.Load()
	return l.Percentiles, !l.NoTracking
}
