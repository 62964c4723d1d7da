package geo

import (
	"math"
	"math/rand/v2"
	"testing"
)

var palermo, catania = Point{13.361389, 38.115556}, Point{15.087269, 37.502669}

// TestPalermo: the values that Redis documents.
func TestPalermo(t *testing.T) {
	if got := palermo.Score(); got != 3479099956230698 {
		t.Errorf("score %.0f", got)
	}
	if got := PointOf(palermo.Score()).Hash(); got != "sqc8b49rny0" {
		t.Errorf("hash %s", got)
	}
	if got := Distance(PointOf(palermo.Score()), PointOf(catania.Score())); math.Abs(got-166274.1516) > 0.0001 {
		t.Errorf("distance %.4f", got)
	}
}

// TestScores: a point comes back from its score to a metre, also at the ends of the ranges.
func TestScores(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		p := Point{rnd.Float64()*360 - 180, rnd.Float64()*2*maxLat - maxLat}
		if d := Distance(p, PointOf(p.Score())); d > 1 {
			t.Fatalf("%v comes back %.2f m away", p, d)
		}
	}
	for _, p := range []Point{{180, 85.05112878}, {-180, -85.05112878}, {180, 0}, {0, 85.05112878}} {
		back := PointOf(p.Score())
		if !p.Valid() || math.Abs(back.Lat-p.Lat) > 1e-4 || math.Abs(back.Lon-p.Lon) > 1e-4 {
			t.Errorf("%v comes back as %v", p, back)
		}
	}
	if (Point{180.1, 0}).Valid() || (Point{0, 85.06}).Valid() || (Point{math.NaN(), 0}).Valid() {
		t.Error("a point outside is valid")
	}
}

// TestCells: the cells of a search have every point of the shape in them, away from the
// poles and the ends of the longitudes, where Redis misses some, too.
func TestCells(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		center := Point{rnd.Float64()*200 - 100, rnd.Float64()*120 - 60}
		radius := math.Pow(10, 1+5*rnd.Float64())
		shape := Circle(center, radius)
		if rnd.IntN(2) == 0 {
			shape = Box(center, radius, radius*2*rnd.Float64())
		}
		cells := shape.Cells()
		for range 20 {
			lat := degrees(radius / earthRadius)
			p := Point{center.Lon + (rnd.Float64()*2-1)*lat, center.Lat + (rnd.Float64()*2-1)*lat}
			score := p.Score()
			if _, ok := shape.Contains(PointOf(score)); ok && !covered(cells, score) {
				t.Fatalf("%v is in %+v, but in none of its cells", p, shape)
			}
		}
	}
}

// TestContains: what a circle rules out without looking closely is not in it.
func TestContains(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	in := 0
	for range 200_000 {
		center := Point{rnd.Float64()*360 - 180, rnd.Float64()*2*maxLat - maxLat}
		radius := math.Pow(10, 8*rnd.Float64())
		reach := 2 * degrees(radius/earthRadius)
		p := Point{center.Lon + (rnd.Float64()*2-1)*reach, center.Lat + (rnd.Float64()*2-1)*reach}
		if math.Abs(p.Lon) > 180 && math.Abs(p.Lon) <= 540 {
			p.Lon -= math.Copysign(360, p.Lon)
		}
		if !p.Valid() {
			continue
		}
		shape := Circle(center, radius)
		d, ok := shape.Contains(p)
		if want := Distance(center, p); ok != (want <= radius) || ok && d != want {
			t.Fatalf("%v is %v m from %v, in a circle of %v m: %v", p, want, center, radius, ok)
		}
		if ok {
			in++
		}
	}
	if in < 10_000 {
		t.Errorf("only %d points are in a circle", in)
	}
}

func covered(cells []Cell, score float64) bool {
	for _, c := range cells {
		if from, to := c.Scores(); from <= score && score < to {
			return true
		}
	}
	return false
}

func BenchmarkCells(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		shape := Circle(palermo, 100_000)
		shape.Cells()
	}
}
