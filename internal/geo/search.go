package geo

import "math"

const (
	earthRadius = 6372797.560856 // metres
	mercatorMax = 20037726.37    // metres
)

func radians(degrees float64) float64 { return degrees * (math.Pi / 180) }
func degrees(radians float64) float64 { return radians / (math.Pi / 180) }

// Distance returns the metres between two points.
func Distance(a, b Point) float64 {
	v := math.Sin((radians(b.Lon) - radians(a.Lon)) / 2)
	if v == 0 {
		return latDistance(a, b)
	}
	u := math.Sin((radians(b.Lat) - radians(a.Lat)) / 2)
	h := float64(u*u) + float64(math.Cos(radians(a.Lat))*math.Cos(radians(b.Lat))*v*v)
	return 2 * earthRadius * math.Asin(math.Sqrt(h))
}

// latDistance returns the metres between the latitudes of two points.
func latDistance(a, b Point) float64 { return earthRadius * math.Abs(radians(b.Lat)-radians(a.Lat)) }

// Shape is what a search covers.
type Shape struct {
	Center Point
	// In metres. A circle has a radius, a box the other two.
	radius, width, height float64
	box                   bool
	// What is more than so many degrees away is not in a circle, whatever is rounded.
	farLat, farLon float64
}

// Circle returns the points that are at most radius metres away from a point.
func Circle(center Point, radius float64) Shape {
	s := Shape{Center: center, radius: radius, farLat: math.Inf(1), farLon: math.Inf(1)}
	if b := s.bounds(); b.minLat > -89 && b.maxLat < 89 { // otherwise meridians meet in the circle
		const factor, least = 1 + 1e-6, 1e-9
		s.farLat, s.farLon = (b.maxLat-center.Lat)*factor+least, (b.maxLon-center.Lon)*factor+least
	}
	return s
}

// Box returns the points in a box of so many metres around a point.
func Box(center Point, width, height float64) Shape {
	return Shape{Center: center, width: width, height: height, box: true}
}

// Contains reports whether a point lies in the shape, and how many metres it is from the
// center.
func (s *Shape) Contains(p Point) (distance float64, ok bool) {
	if !s.box {
		// Most of what lies in the cells of a search is ruled out by these two.
		lon := math.Abs(p.Lon - s.Center.Lon)
		if math.Abs(p.Lat-s.Center.Lat) > s.farLat || min(lon, 360-lon) > s.farLon {
			return 0, false
		}
		distance = Distance(s.Center, p)
		return distance, distance <= s.radius
	}
	if latDistance(s.Center, p) > s.height/2 ||
		Distance(p, Point{Lon: s.Center.Lon, Lat: p.Lat}) > s.width/2 {
		return 0, false
	}
	return Distance(s.Center, p), true
}

// bounds returns what is sure to have the shape in it.
func (s *Shape) bounds() area {
	width, height := s.radius, s.radius
	if s.box {
		width, height = s.width/2, s.height/2
	}
	c := s.Center
	lat := degrees(height / earthRadius)
	widest := c.Lat + lat
	if c.Lat < 0 {
		widest = c.Lat - lat
	}
	lon := degrees(width / earthRadius / math.Cos(radians(widest)))
	return area{minLon: c.Lon - lon, maxLon: c.Lon + lon, minLat: c.Lat - lat, maxLat: c.Lat + lat}
}

// steps returns how small the cells may be so that the shape lies in nine of them.
func (s *Shape) steps() int {
	r := s.radius
	if s.box {
		r = math.Sqrt(s.width/2*(s.width/2) + s.height/2*(s.height/2))
	}
	if r == 0 {
		return maxSteps
	}
	steps := -1
	for ; r < mercatorMax; r *= 2 {
		steps++
	}
	switch lat := math.Abs(s.Center.Lat); { // cells are narrower towards the poles
	case lat > 80:
		steps -= 2
	case lat > 66:
		steps--
	}
	return min(max(steps, 1), maxSteps)
}

// around are the cells of a search beside the one in the middle, in the order in which
// Redis looks into them: by how far they are to the east and to the north.
var around = [8]struct{ east, north int }{{0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}

// Cells returns the cells in which the points of the shape lie, in the order in which they
// are to be looked into.
func (s *Shape) Cells() []Cell {
	bounds, steps := s.bounds(), s.steps()
	center := cellOf(s.Center, maxLat, steps)
	if steps > 1 && center.tooSmall(&bounds) {
		steps--
		center = cellOf(s.Center, maxLat, steps)
	}
	a := center.area()
	cells := append(make([]Cell, 0, 9), center)
	for _, d := range around {
		// A neighbour is needed only if the shape reaches beyond the middle on its side.
		useless := steps >= 2 && (d.north < 0 && a.minLat < bounds.minLat || d.north > 0 && a.maxLat > bounds.maxLat ||
			d.east < 0 && a.minLon < bounds.minLon || d.east > 0 && a.maxLon > bounds.maxLon)
		cell := center.move(d.east, d.north)
		if useless || len(cells) > 1 && cell == cells[len(cells)-1] { // a few large cells lie around the earth
			continue
		}
		cells = append(cells, cell)
	}
	return cells
}

// tooSmall reports whether the cell and its neighbours do not cover bounds.
func (c Cell) tooSmall(bounds *area) bool {
	return c.move(0, 1).area().maxLat < bounds.maxLat || c.move(0, -1).area().minLat > bounds.minLat ||
		c.move(1, 0).area().maxLon < bounds.maxLon || c.move(-1, 0).area().minLon > bounds.minLon
}
