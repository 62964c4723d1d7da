package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// plot is a chart of lines, drawn as SVG with what the standard library has.
type plot struct {
	title  string
	x, y   string // what the axes show
	ticks  []string
	series []series // y values, one for each tick; NaN leaves the point out
}

type series struct {
	name string
	ys   []float64
}

const (
	plotWidth, plotHeight = 640, 360
	left, right           = 70, 170 // margins; the right one holds the legend
	top, bottom           = 40, 50
)

var colours = []string{"#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf"}

// svg draws the plot; the y axis is logarithmic, from a power of ten to another.
func (p *plot) svg() string {
	low, high := p.decades()
	place := func(y float64) float64 {
		return top + (float64(high)-math.Log10(y))/float64(high-low)*(plotHeight-top-bottom)
	}
	column := func(i int) float64 {
		return left + (float64(i)+0.5)/float64(len(p.ticks))*(plotWidth-left-right)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", plotWidth, plotHeight)
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
	}
	text(left, 20, "start", p.title)
	text((left+plotWidth-right)/2, plotHeight-12, "middle", p.x)
	text(left-8, top-8, "end", p.y)
	for d := low; d <= high; d++ {
		y := place(math.Pow10(d))
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/>`+"\n", left, y, plotWidth-right)
		text(left-8, y+4, "end", short(math.Pow10(d)))
	}
	for i, tick := range p.ticks {
		text(column(i), plotHeight-bottom+18, "middle", tick)
	}
	for i, s := range p.series {
		colour := colours[i%len(colours)]
		var line []string
		for j, y := range s.ys {
			if math.IsNaN(y) || y <= 0 {
				continue
			}
			line = append(line, fmt.Sprintf("%.1f,%.1f", column(j), place(y)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", column(j), place(y), colour)
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(line, " "),
			colour)
		y := float64(top + 18*i)
		fmt.Fprintf(&b, `<path d="M%d %.0fh18" stroke="%s" stroke-width="3"/>`+"\n", plotWidth-right+12, y, colour)
		text(plotWidth-right+36, y+4, "start", s.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// decades returns the powers of ten between which all values are.
func (p *plot) decades() (low, high int) {
	least, greatest := math.Inf(1), math.Inf(-1)
	for _, s := range p.series {
		for _, y := range s.ys {
			if !math.IsNaN(y) && y > 0 {
				least, greatest = min(least, y), max(greatest, y)
			}
		}
	}
	if least > greatest {
		return 0, 1
	}
	low, high = int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(greatest)))
	return low, max(high, low+1)
}

// short writes a power of ten as people do.
func short(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%gM", f/1e6)
	case f >= 1e3:
		return fmt.Sprintf("%gk", f/1e3)
	}
	return fmt.Sprintf("%g", f)
}

// write puts the plot into dir as name.svg; without a dir it is not wanted.
func (p *plot) write(dir, name string) {
	if dir == "" {
		return
	}
	must(os.MkdirAll(dir, 0o755))
	must(os.WriteFile(filepath.Join(dir, name+".svg"), []byte(p.svg()), 0o644))
}
