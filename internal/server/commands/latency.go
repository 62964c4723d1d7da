package commands

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// LatencySample is the worst that has been seen of an event within one second.
type LatencySample struct {
	At   time.Time
	Took time.Duration
}

// LatencySeries is what took long of one kind.
type LatencySeries struct {
	Event   string
	Max     time.Duration   // since the start, or the last Reset
	Samples []LatencySample // the oldest first; at least one
}

// Last returns the newest sample.
func (s *LatencySeries) Last() LatencySample { return s.Samples[len(s.Samples)-1] }

// LatencyMonitor keeps what took long, by kinds of events.
type LatencyMonitor interface {
	// Threshold is what is recorded, 0 if nothing is.
	Threshold() time.Duration
	// All returns the events that there are, by name.
	All() []LatencySeries
	// Series returns one of them; ok is false if there is none of that name.
	Series(event string) (s LatencySeries, ok bool)
	// Reset forgets some, or all if none is named, and returns how many there were.
	Reset(events ...string) int
}

const (
	flagsLatency = Admin | NoScript | Loading | Stale | Plain
	tipsLatency  = "nondeterministic_output request_policy:all_nodes response_policy:special"
)

var latencyCommand = Command{Name: "latency", Arity: -2, Group: "server", Since: "2.8.13",
	Summary: "Shows what took long, and how long commands take.",
	Subs: []Command{
		{Name: "doctor", Arity: 2, Flags: flagsLatency, Since: "2.8.13", Tips: tipsLatency,
			Summary: "Describes the events that took long.", Run: cmdLatencyDoctor},
		{Name: "graph", Arity: 3, Args: "<event>", Flags: flagsLatency, Since: "2.8.13", Tips: tipsLatency,
			Summary: "Draws the samples of an event.", Run: cmdLatencyGraph},
		{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "2.8.13", Summary: "Lists the subcommands.",
			Run: Help},
		{Name: "histogram", Arity: -2, Args: "[<command> ...]", Flags: flagsLatency, Since: "7.0.0", Tips: tipsLatency,
			Summary: "Returns how many calls of commands took how long.", Run: cmdLatencyHistogram},
		{Name: "history", Arity: 3, Args: "<event>", Flags: flagsLatency, Since: "2.8.13", Tips: tipsLatency,
			Summary: "Returns the samples of an event.", Run: cmdLatencyHistory},
		{Name: "latest", Arity: 2, Flags: flagsLatency, Since: "2.8.13", Tips: tipsLatency,
			Summary: "Returns the last sample of each event, and its worst.", Run: cmdLatencyLatest},
		{Name: "reset", Arity: -2, Args: "[<event> ...]", Flags: flagsLatency, Since: "2.8.13",
			Tips:    "request_policy:all_nodes response_policy:all_succeeded",
			Summary: "Forgets the samples of events, of all if none is named.", Run: cmdLatencyReset},
	}}

func cmdLatencyLatest(c *Call) error {
	list := c.Node.Latency.All()
	c.Out.Array(len(list))
	for i := range list {
		c.Out.Array(4)
		c.Out.BulkString(list[i].Event)
		c.Out.Int(list[i].Last().At.Unix())
		c.Out.Int(list[i].Last().Took.Milliseconds())
		c.Out.Int(list[i].Max.Milliseconds())
	}
	return nil
}

func cmdLatencyHistory(c *Call) error {
	s, _ := c.Node.Latency.Series(string(c.Args[2]))
	c.Out.Array(len(s.Samples))
	for _, sample := range s.Samples {
		c.Out.Array(2)
		c.Out.Int(sample.At.Unix())
		c.Out.Int(sample.Took.Milliseconds())
	}
	return nil
}

func cmdLatencyReset(c *Call) error {
	var events []string
	for _, arg := range c.Args[2:] {
		events = append(events, string(arg))
	}
	c.Out.Int(int64(c.Node.Latency.Reset(events...)))
	return nil
}

// cmdLatencyHistogram replies a map by commands, of which those without times are left out.
// A container stands for its subcommands.
func cmdLatencyHistogram(c *Call) error {
	var list []CommandStats
	stats := c.Node.Server.CommandStats()
	if len(c.Args) == 2 {
		list = stats
	}
	for _, arg := range c.Args[2:] {
		cmd := c.Node.Table.find(arg)
		if cmd == nil {
			continue
		}
		for _, s := range stats {
			if container, _, isSub := strings.Cut(s.Name, "|"); s.Name == cmd.Name || isSub && container == cmd.Name {
				list = append(list, s)
			}
		}
	}
	known := list[:0]
	for _, s := range list {
		if s.Latency.Known() {
			known = append(known, s)
		}
	}
	c.Out.Map(len(known))
	for _, s := range known {
		c.Out.BulkString(s.Name)
		writeHistogram(&c.Out, &s)
	}
	return nil
}

func writeHistogram(w *resp.Writer, s *CommandStats) {
	w.Map(2)
	w.BulkString("calls")
	w.Int(s.Latency.Calls())
	w.BulkString("histogram_usec")
	buckets := s.Latency.Buckets()
	w.Map(len(buckets))
	for _, b := range buckets {
		w.Int(b.Max.Microseconds())
		w.Int(b.Calls)
	}
}

// cmdLatencyDoctor describes in plain words what Redis' doctor does.
func cmdLatencyDoctor(c *Call) error {
	list, threshold := c.Node.Latency.All(), c.Node.Latency.Threshold()
	var b strings.Builder
	switch {
	case len(list) == 0 && threshold == 0:
		b.WriteString("The latency monitor is off. CONFIG SET latency-monitor-threshold MILLISECONDS turns it on.\n")
	case len(list) == 0:
		fmt.Fprintf(&b, "Nothing took %v or longer.\n", threshold)
	}
	for i := range list {
		s := &list[i]
		mean, deviation := s.meanAndDeviation()
		period := s.Last().At.Sub(s.Samples[0].At).Seconds() / float64(max(1, len(s.Samples)-1))
		fmt.Fprintf(&b, "%d. %s: %d latency spikes (average %.0fms, mean deviation %.0fms, period %.2f sec). "+
			"Worst all time event %dms.\n", i+1, s.Event, len(s.Samples), mean, deviation, period, s.Max.Milliseconds())
		if advice := latencyAdvice[s.Event]; advice != "" {
			b.WriteString("   " + advice + "\n")
		}
	}
	c.Out.Verbatim("txt", b.String())
	return nil
}

// latencyAdvice says for each event where to look.
var latencyAdvice = map[string]string{
	"command":                 "SLOWLOG GET shows which commands take long.",
	"fast-command":            "These commands do little: look for a busy machine, or one that swaps.",
	"command-unblocking":      "Clients that waited for a key were served with much data.",
	"expire-cycle":            "Many keys expire at the same time: spread the times at which they do.",
	"aof-fsync-always":        "The disk is slow to sync: appendfsync everysec does not make writes wait for it.",
	"aof-write-pending-fsync": "The disk is slow to sync the log: writes had to wait for it.",
}

// meanAndDeviation are in milliseconds.
func (s *LatencySeries) meanAndDeviation() (mean, deviation float64) {
	n := float64(len(s.Samples))
	for _, sample := range s.Samples {
		mean += float64(sample.Took.Milliseconds()) / n
	}
	for _, sample := range s.Samples {
		deviation += math.Abs(float64(sample.Took.Milliseconds())-mean) / n
	}
	return mean, deviation
}
