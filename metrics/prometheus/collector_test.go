package prometheus_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/metrics"
	"github.com/slotmesh/slotmesh/metrics/prometheus"
)

// start returns a node that is a cluster by itself and keeps a log, with a cache, both used.
func start(t *testing.T) (*slotmesh.Node, metrics.Cache) {
	t.Helper()
	node, err := slotmesh.New(slotmesh.Config{Addr: "127.0.0.1:0", Dir: t.TempDir(),
		Log: slotmesh.LogConfig{Sync: slotmesh.LogAlways}})
	if err != nil {
		t.Fatal(err)
	}
	values, err := cache.New(node, cache.Config[string]{Name: "values", TTL: time.Minute,
		Load: func(context.Context, string) (string, error) { return "v", nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	if err := slotmesh.Create(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := values.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := node.Do(t.Context(), "LPUSH", "values:k", "v"); err == nil {
		t.Error("LPUSH to a string")
	}
	return node, values
}

func families(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func text(t *testing.T, node *slotmesh.Node, values metrics.Cache) string {
	t.Helper()
	var b bytes.Buffer
	if err := metrics.Write(&b, node, values); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The text and the collector have the same metrics with the same values; both are read by
// client_golang's own code. What asking itself changes is the time and the calls of INFO.
func TestSameAsText(t *testing.T) {
	node, values := start(t)
	registry := client.NewPedanticRegistry()
	registry.MustRegister(prometheus.NewCollector(node, values))
	text(t, node, values) // from the first INFO on, its series are there
	written := families(t, text(t, node, values))
	list, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(written) || len(list) < 100 {
		t.Errorf("%d metrics are collected, %d written", len(list), len(written))
	}
	compared := 0
	for _, collected := range list {
		name := collected.GetName()
		w := written[name]
		if w == nil || w.GetType() != collected.GetType() || w.GetHelp() != collected.GetHelp() {
			t.Errorf("%s is collected as %v, written as %v", name, collected.GetType(), w)
			continue
		}
		if got, want := series(collected), series(w); len(got) != len(want) {
			t.Errorf("%s is collected as %v, written as %v", name, got, want)
		} else {
			for labels, value := range want {
				if other, ok := got[labels]; !ok || other != value && !changes(name, labels) {
					t.Errorf("%s{%s} is collected as %q, written as %q", name, labels, other, value)
				}
				compared++
			}
		}
	}
	if compared < 120 {
		t.Errorf("%d series were compared", compared)
	}
}

// changes reports whether a series may change because of the asking, or by itself.
func changes(name, labels string) bool {
	return strings.Contains(labels, `"info"`) || strings.Contains(labels, `"cluster|info"`) ||
		strings.Contains(name, "cpu") || strings.Contains(name, "seconds") || strings.Contains(name, "rss") ||
		strings.Contains(name, "fragmentation") ||
		name == "redis_commands_processed_total" || name == "slotmesh_events_total"
}

func series(f *dto.MetricFamily) map[string]string {
	all := make(map[string]string)
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
		slices.Sort(labels)
		value := &dto.Metric{Counter: m.Counter, Gauge: m.Gauge, Histogram: m.Histogram}
		if value.Histogram != nil {
			value.Histogram.Bucket = finite(value.Histogram.Bucket)
		}
		all[strings.Join(labels, ",")] = value.String()
	}
	return all
}

// finite leaves out the bucket of all values, which the text has and the collector implies.
func finite(list []*dto.Bucket) (kept []*dto.Bucket) {
	for _, b := range list {
		if b.GetUpperBound() < 1e300 {
			kept = append(kept, b)
		}
	}
	return kept
}

// inherited are the names of redis_exporter that the linter does not like: they are kept for
// the sake of its dashboards.
var inherited = map[string]bool{
	"redis_total_error_replies": true, // a counter without _total
}

func TestLint(t *testing.T) {
	node, values := start(t)
	found, err := promlint.New(strings.NewReader(text(t, node, values))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	collected, err := testutil.CollectAndLint(prometheus.NewCollector(node, values))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(found, collected...) {
		if !inherited[p.Metric] {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// Two nodes of one process are told apart by a label; what the handler serves, with the
// process's own metrics, is text that Prometheus reads.
func TestTwoNodes(t *testing.T) {
	registry := client.NewPedanticRegistry()
	for _, name := range []string{"a", "b"} {
		node, values := start(t)
		client.WrapRegistererWith(client.Labels{"node": name}, registry).MustRegister(prometheus.NewCollector(node, values))
		w := httptest.NewRecorder()
		metrics.Handler(node, values).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if served := families(t, w.Body.String()); served["redis_up"] == nil || served["process_start_time_seconds"] == nil {
			t.Errorf("the handler serves %d metrics", len(served))
		}
	}
	if n, err := testutil.GatherAndCount(registry, "redis_up"); err != nil || n != 2 {
		t.Errorf("%d nodes: %v", n, err)
	}
}
