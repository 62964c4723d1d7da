package commands

import (
	"fmt"
	"strings"
	"time"
)

// The graph of LATENCY GRAPH: a column for each sample, four rows high, with its age below.
const (
	graphRows    = 4
	graphColumns = 80
	graphMarks   = "_o#" // the lower, the middle and the upper third of a row, in ascending order
)

func cmdLatencyGraph(c *Call) error {
	s, ok := c.Node.Latency.Series(string(c.Args[2]))
	if !ok {
		return ReplyError("ERR No samples available for event '" + string(Clip(c.Args[2], 128)) + "'")
	}
	c.Out.Verbatim("txt", s.graph(c.Node.Now()))
	return nil
}

// graph draws the samples as Redis does.
func (s *LatencySeries) graph(now time.Time) string {
	low, high := s.Samples[0].Took, s.Samples[0].Took
	for _, sample := range s.Samples {
		low, high = min(low, sample.Took), max(high, sample.Took)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n%s\n", s.Event, high.Milliseconds(),
		low.Milliseconds(), s.Max.Milliseconds(), strings.Repeat("-", graphColumns))
	for i := 0; i < len(s.Samples); i += graphColumns {
		if i > 0 {
			b.WriteByte('\n')
		}
		list := s.Samples[i:min(i+graphColumns, len(s.Samples))]
		drawColumns(&b, list, now, low.Milliseconds(), high.Milliseconds())
	}
	return b.String()
}

// drawColumns draws samples whose values lie between two bounds.
func drawColumns(b *strings.Builder, list []LatencySample, now time.Time, low, high int64) {
	steps := len(graphMarks) * graphRows
	span := max(1, high-low)
	labels, longest := make([]string, len(list)), 0
	for i, sample := range list {
		labels[i] = age(now.Sub(sample.At))
		longest = max(longest, len(labels[i]))
	}
	for row := range graphRows {
		for _, sample := range list {
			step := min(int((sample.Took.Milliseconds()-low)*int64(steps)/span), steps-1)
			switch at := step - (graphRows-row-1)*len(graphMarks); {
			case at >= len(graphMarks):
				b.WriteByte('|')
			case at >= 0:
				b.WriteByte(graphMarks[at])
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString(strings.Repeat(" ", len(list)) + "\n")
	for i := range longest {
		for _, label := range labels {
			if i < len(label) {
				b.WriteByte(label[i])
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
}

// age is a time in the largest unit that fits.
func age(d time.Duration) string {
	switch seconds := int64(d / time.Second); {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm", seconds/60)
	case seconds < 86400:
		return fmt.Sprintf("%dh", seconds/3600)
	default:
		return fmt.Sprintf("%dd", seconds/86400)
	}
}
