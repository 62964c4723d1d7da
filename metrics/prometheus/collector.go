// Package prometheus has a collector of the metrics of a node, for programs with a registry
// of github.com/prometheus/client_golang.
//
//	registry.MustRegister(prometheus.NewCollector(node))
//
// It is a module of its own, so that other users of slotmesh have nothing to do with
// client_golang. The metrics are those of package github.com/slotmesh/slotmesh/metrics, with
// the same names, labels and values.
//
// Nodes in one process are told apart by a label of the registry:
//
//	client.WrapRegistererWith(client.Labels{"node": "a"}, registry).MustRegister(prometheus.NewCollector(a))
package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/metrics"
)

// Collector collects the metrics of a node. It is safe for concurrent use.
type Collector struct {
	node   *slotmesh.Node
	caches []metrics.Cache
	descs  map[*metrics.Desc]*client.Desc
}

// NewCollector returns the collector of a node and of caches on it. The node may be one that
// is not started yet; after its end it has redis_up with 0.
func NewCollector(node *slotmesh.Node, caches ...metrics.Cache) *Collector {
	c := &Collector{node: node, caches: caches, descs: make(map[*metrics.Desc]*client.Desc)}
	for _, d := range metrics.Descs() {
		c.descs[d] = client.NewDesc(d.Name, d.Help, d.Labels, nil)
	}
	return c
}

// Describe sends the descriptions of all metrics, whether the node has values of them or not.
func (c *Collector) Describe(ch chan<- *client.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect sends the values.
func (c *Collector) Collect(ch chan<- client.Metric) {
	for _, f := range metrics.Gather(c.node, c.caches...) {
		for i := range f.Samples {
			ch <- c.metric(&f, &f.Samples[i])
		}
	}
}

func (c *Collector) metric(f *metrics.Family, s *metrics.Sample) client.Metric {
	d := c.descs[f.Desc]
	var m client.Metric
	var err error
	switch f.Type {
	case metrics.Histogram:
		buckets := make(map[float64]uint64, len(s.Buckets))
		for _, b := range s.Buckets {
			buckets[b.Max] = b.Count
		}
		m, err = client.NewConstHistogram(d, s.Count, s.Value, buckets, s.Labels...)
	case metrics.Counter:
		m, err = client.NewConstMetric(d, client.CounterValue, s.Value, s.Labels...)
	default:
		m, err = client.NewConstMetric(d, client.GaugeValue, s.Value, s.Labels...)
	}
	if err != nil { // a label that is not UTF-8
		return client.NewInvalidMetric(d, err)
	}
	return m
}
