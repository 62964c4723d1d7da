package metrics

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metrics"

	"github.com/slotmesh/slotmesh"
)

// Gather returns all metrics that a node, and caches on it, have values of now. A node that
// is not started or is closed has redis_up with 0, and what it had counted.
func Gather(node *slotmesh.Node, caches ...Cache) []Family {
	g := &gathering{at: make(map[string]int)}
	g.redis(node)
	g.own(node, caches)
	return g.families
}

// Write writes the metrics of a node, and of caches on it, in the text format of Prometheus.
// The error is the writer's.
func Write(w io.Writer, node *slotmesh.Node, caches ...Cache) error {
	var b bytes.Buffer
	for _, f := range Gather(node, caches...) {
		f.write(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Handler serves what [Write] writes to anybody who asks, and after it the metrics go_… and process_… of the
// process.
func Handler(node *slotmesh.Node, caches ...Cache) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		_ = Write(&b, node, caches...) // a buffer takes it
		metrics.WriteProcessMetrics(&b)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(b.Bytes())
	})
}

func (f *Family) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", f.Name, escapeHelp.Replace(f.Help), f.Name, f.Type)
	w := samples{b}
	for i := range f.Samples {
		s := &f.Samples[i]
		switch f.Type {
		case Histogram:
			for _, bucket := range s.Buckets {
				le := strconv.FormatFloat(bucket.Max, 'g', -1, 64)
				metrics.WriteCounterUint64(w, f.series("_bucket", s, le), bucket.Count)
			}
			metrics.WriteCounterUint64(w, f.series("_bucket", s, "+Inf"), s.Count)
			metrics.WriteCounterFloat64(w, f.series("_sum", s, ""), s.Value)
			metrics.WriteCounterUint64(w, f.series("_count", s, ""), s.Count)
		case Counter:
			writeValue(w, metrics.WriteCounterUint64, metrics.WriteCounterFloat64, f.series("", s, ""), s.Value)
		default:
			writeValue(w, metrics.WriteGaugeUint64, metrics.WriteGaugeFloat64, f.series("", s, ""), s.Value)
		}
	}
}

// writeValue writes a whole number without an exponent.
func writeValue(w io.Writer, whole func(io.Writer, string, uint64), float func(io.Writer, string, float64),
	series string, value float64) {
	const exact = 1 << 53
	if value >= 0 && value < exact && value == math.Trunc(value) {
		whole(w, series, uint64(value))
		return
	}
	float(w, series, value)
}

// series returns the name of a sample with its labels; le is the label of a bucket, "" for
// none.
func (f *Family) series(suffix string, s *Sample, le string) string {
	var b strings.Builder
	b.WriteString(f.Name + suffix)
	sep := byte('{')
	label := func(name, value string) {
		b.WriteByte(sep)
		b.WriteString(name + `="` + escapeLabel.Replace(value) + `"`)
		sep = ','
	}
	for i, name := range f.Labels {
		label(name, s.Labels[i])
	}
	if le != "" {
		label("le", le)
	}
	if sep == ',' {
		b.WriteByte('}')
	}
	return b.String()
}

var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// samples leaves out the lines of metadata that the library writes before each sample, each
// by a call of its own, if the host has turned them on: ours stand once before all samples of
// a metric, and say what it is.
type samples struct{ b *bytes.Buffer }

func (s samples) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("# ")) {
		return len(line), nil
	}
	return s.b.Write(line)
}
