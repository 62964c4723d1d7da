package metrics

import "fmt"

// Type is how a metric's values are to be read.
type Type string

// The types, by their names in the text format.
const (
	Counter   Type = "counter"   // only grows until the node ends, or CONFIG RESETSTAT
	Gauge     Type = "gauge"     // how things are now
	Histogram Type = "histogram" // how many values, such as times, were how great
)

// Desc describes a metric.
type Desc struct {
	Name   string
	Type   Type
	Help   string
	Labels []string // names
}

// Family is a metric with its values, one for each combination of labels that there is.
type Family struct {
	*Desc
	Samples []Sample
}

// Sample is one value of a metric.
type Sample struct {
	Labels  []string // values, in the order of Desc.Labels
	Value   float64  // of a histogram: the sum of all values
	Count   uint64   // of a histogram: how many values there are
	Buckets []Bucket // of a histogram, ascending, without the one of all values
}

// Bucket is how many values of a histogram are not greater than Max.
type Bucket struct {
	Max   float64
	Count uint64 // those of the buckets before it included
}

// Descs returns the descriptions of all metrics, those included of which a node has no value
// now. They must not be changed.
func Descs() []*Desc { return descs }

var descs, descOf = allDescs()

func allDescs() (list []*Desc, byName map[string]*Desc) {
	byName = make(map[string]*Desc)
	add := func(d *Desc) {
		list, byName[d.Name] = append(list, d), d
	}
	for i := range infoFields {
		add(&infoFields[i].Desc)
	}
	for i := range redisDescs {
		add(&redisDescs[i])
	}
	for i := range ownDescs {
		add(&ownDescs[i])
	}
	return list, byName
}

// gathering collects samples; families come in the order of their first sample.
type gathering struct {
	families []Family
	at       map[string]int // by name, in families
}

func (g *gathering) add(name string, value float64, labels ...string) {
	g.sample(name, Sample{Labels: labels, Value: value})
}

// addIf adds 1 or 0.
func (g *gathering) addIf(name string, is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	g.add(name, value, labels...)
}

func (g *gathering) sample(name string, s Sample) {
	i, known := g.at[name]
	if !known {
		i = len(g.families)
		g.at[name] = i
		d := descOf[name]
		if d == nil || len(d.Labels) != len(s.Labels) {
			panic(fmt.Sprintf("metrics: %s with the labels %q is not in the tables", name, s.Labels))
		}
		g.families = append(g.families, Family{Desc: d})
	}
	g.families[i].Samples = append(g.families[i].Samples, s)
}
