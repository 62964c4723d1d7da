package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// table gathers what a section measured.
type table struct {
	match      *regexp.Regexp // nil: of all rows
	rows       []row
	histograms []histogram
}

// row is a figure, that of a peer in the same run, and what their quotient may be.
// Without a peer, limit is that of the figure.
type row struct {
	what   string
	figure float64
	unit   string
	peer   string
	peers  float64
	ratio  float64
	limit  float64 // 0: there is no target, the row is for comparison
}

// histogram is how long something took, in ns.
type histogram struct {
	what  string
	times *hdrhistogram.Histogram
}

// percentiles are those that are shown of a histogram; 100 is the greatest.
var percentiles = []float64{50, 90, 99, 99.9, 99.99, 99.999, 100}

// add adds a row and shows it on standard error: a whole run takes its time.
func (t *table) add(r row) {
	t.rows = append(t.rows, r)
	fmt.Fprintf(os.Stderr, "%s: %.4g %s, %s %.4g, ratio %.2f\n", r.what, r.figure, r.unit, r.peer, r.peers, r.ratio)
}

// wanted reports whether a row is to be measured.
func (t *table) wanted(what string) bool { return t.match == nil || t.match.MatchString(what) }

func (t *table) addHistogram(what string, times *hdrhistogram.Histogram) {
	t.histograms = append(t.histograms, histogram{what, times})
}

// met reports whether the target is met.
func (r *row) met() bool {
	if r.peer == "" {
		return r.figure <= r.limit
	}
	return r.ratio <= r.limit
}

// markdown returns the table, and that of the histograms if there are any.
func (t *table) markdown() string {
	var w strings.Builder
	fmt.Fprintln(&w, "| what | figure | peer | ratio | target | |")
	fmt.Fprintln(&w, "|---|---|---|---|---|---|")
	for _, r := range t.rows {
		peer, quotient, target, verdict := "", "", "", ""
		if r.peer != "" {
			peer, quotient = fmt.Sprintf("%s: %.4g", r.peer, r.peers), fmt.Sprintf("%.2f", r.ratio)
		}
		if r.limit != 0 {
			target, verdict = fmt.Sprintf("≤ %.4g", r.limit), "missed"
			if r.met() {
				verdict = "met"
			}
			if r.peer != "" {
				target += " ×"
			}
		}
		fmt.Fprintf(&w, "| %s | %.4g %s | %s | %s | %s | %s |\n", r.what, r.figure, r.unit, peer, quotient, target, verdict)
	}
	if len(t.histograms) == 0 {
		return w.String()
	}
	fmt.Fprint(&w, "\n| percentile, in ms |")
	for _, q := range percentiles {
		fmt.Fprintf(&w, " %s |", number(q))
	}
	fmt.Fprint(&w, " samples |\n|---|", strings.Repeat("---|", len(percentiles)), "---|\n")
	for _, h := range t.histograms {
		fmt.Fprintf(&w, "| %s |", h.what)
		for _, q := range percentiles {
			fmt.Fprintf(&w, " %.3g |", float64(h.times.ValueAtQuantile(q))/1e6)
		}
		fmt.Fprintf(&w, " %d |\n", h.times.TotalCount())
	}
	return w.String()
}

// replaceSection returns page with text between the two lines that mark a section. A page
// without the marks is an error: what was measured should not get lost.
func replaceSection(page []byte, section, text string) ([]byte, error) {
	begin := fmt.Appendf(nil, "<!-- compare %s -->\n", section)
	end := []byte("<!-- end -->\n")
	at := bytes.Index(page, begin)
	if at < 0 {
		return nil, fmt.Errorf("there is no line %q", bytes.TrimSpace(begin))
	}
	at += len(begin)
	length := bytes.Index(page[at:], end)
	if length < 0 {
		return nil, fmt.Errorf("there is no line %q after %q", bytes.TrimSpace(end), bytes.TrimSpace(begin))
	}
	return bytes.Join([][]byte{page[:at], []byte(text), page[at+length:]}, nil), nil
}

// count writes round numbers as people do.
func count(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1_000 && n%1_000 == 0:
		return fmt.Sprintf("%dk", n/1_000)
	}
	return fmt.Sprint(n)
}

func number(f float64) string { return fmt.Sprintf("%.6g", f) }
