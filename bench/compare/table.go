package main

import (
	"fmt"
	"io"
	"os"
)

// table gathers what was measured.
type table struct{ rows []row }

// row is a figure, that of a peer in the same run, and what their quotient may be. Without a peer, limit is that of the figure.
type row struct {
	what   string
	figure float64
	unit   string
	peer   string
	peers  float64
	ratio  float64
	limit  float64 // 0: there is no target, the row is for comparison
}

// add adds a row and shows it on standard error: a whole run takes its time.
func (t *table) add(r row) {
	t.rows = append(t.rows, r)
	fmt.Fprintf(os.Stderr, "%s: %.4g %s, %s %.4g, ratio %.2f\n", r.what, r.figure, r.unit, r.peer, r.peers, r.ratio)
}

// met reports whether the target is met.
func (r *row) met() bool {
	if r.peer == "" {
		return r.figure <= r.limit
	}
	return r.ratio <= r.limit
}

func (t *table) print(w io.Writer) {
	fmt.Fprintln(w, "| what | figure | peer | ratio | target | |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
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
		fmt.Fprintf(w, "| %s | %.4g %s | %s | %s | %s | %s |\n", r.what, r.figure, r.unit, peer, quotient, target, verdict)
	}
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

func number(f float64) string { return fmt.Sprintf("%.4g", f) }
