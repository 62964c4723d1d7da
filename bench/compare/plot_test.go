package main

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

func TestPlotIsXMLWithAllPoints(t *testing.T) {
	p := plot{title: "a < b", x: "n", y: "ms", ticks: []string{"1", "2", "3"},
		series: []series{{"ours", []float64{0.5, 20, 300}}, {"theirs & others'", []float64{1, math.NaN(), 1000}}}}
	svg := p.svg()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(svg, "<circle"); n != 5 {
		t.Errorf("%d points are drawn, not 5", n)
	}
	if low, high := p.decades(); low != -1 || high != 3 {
		t.Errorf("the axis goes from 10^%d to 10^%d, not from 10^-1 to 10^3", low, high)
	}
	if low, high := (&plot{}).decades(); low >= high {
		t.Errorf("without values the axis goes from %d to %d", low, high)
	}
}
