package geo

import "math"

const (
	maxLon = 180.0
	maxLat = 85.05112878

	// maxSteps is how often each range is halved for a score.
	maxSteps = 26
)

// Point is a place on earth, in degrees.
type Point struct{ Lon, Lat float64 }

// Valid reports whether the point has a score.
func (p Point) Valid() bool { return math.Abs(p.Lon) <= maxLon && math.Abs(p.Lat) <= maxLat }

// Score returns the score of a member of a sorted set that stands for the point.
func (p Point) Score() float64 { return float64(cellOf(p, maxLat, maxSteps).bits) }

// PointOf returns the point that a score stands for: the middle of its cell.
func PointOf(score float64) Point {
	a := Cell{bits: uint64(score), steps: maxSteps}.area()
	return Point{
		Lon: min(max((a.minLon+a.maxLon)/2, -maxLon), maxLon),
		Lat: min(max((a.minLat+a.maxLat)/2, -maxLat), maxLat),
	}
}

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// Hash returns the geohash of the point in its standard form, 11 characters. Its latitudes
// go to ±90; the last character has no bits left and is 0.
func (p Point) Hash() string {
	bits := cellOf(p, 90, maxSteps).bits
	var text [11]byte
	for i := range 10 {
		text[i] = alphabet[bits>>(52-5*(i+1))&31]
	}
	text[10] = alphabet[0]
	return string(text[:])
}

// Cell is the area of a geohash.
type Cell struct {
	bits  uint64 // latitude in the even bits, longitude in the odd ones
	steps int    // how often each range has been halved; 0: no cell
}

// cellOf returns the cell of a point where latitudes go up to highest.
func cellOf(p Point, highest float64, steps int) Cell {
	scale := float64(uint64(1) << steps)
	lat := (p.Lat + highest) / (2 * highest) * scale
	lon := (p.Lon + maxLon) / (2 * maxLon) * scale
	return Cell{spread(uint32(lat)) | spread(uint32(lon))<<1, steps}
}

// spread puts the bits of v into the even bits.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// gather is the opposite of spread.
func gather(x uint64) uint32 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}

// Scores returns the scores in the cell: from <= score < to.
func (c Cell) Scores() (from, to float64) {
	shift := 2 * (maxSteps - c.steps)
	return float64(c.bits << shift), float64((c.bits + 1) << shift)
}

// area is what a cell covers.
type area struct{ minLon, maxLon, minLat, maxLat float64 }

func (c Cell) area() area {
	scale := float64(uint64(1) << c.steps)
	lat, lon := float64(gather(c.bits)), float64(gather(c.bits>>1))
	return area{
		minLat: -maxLat + float64(lat/scale*(2*maxLat)), maxLat: -maxLat + float64((lat+1)/scale*(2*maxLat)),
		minLon: -maxLon + float64(lon/scale*(2*maxLon)), maxLon: -maxLon + float64((lon+1)/scale*(2*maxLon)),
	}
}

// move returns the cell so many cells to the east and to the north; at the end of a range
// it begins anew. A point on the upper end of a range lies beyond the last cell, and stays
// there unless it is moved along that range.
func (c Cell) move(east, north int) Cell {
	mask := uint64(1)<<c.steps - 1
	lat, lon := uint64(gather(c.bits)), uint64(gather(c.bits>>1))
	if north != 0 {
		lat = (lat + uint64(north)) & mask
	}
	if east != 0 {
		lon = (lon + uint64(east)) & mask
	}
	return Cell{spread(uint32(lat)) | spread(uint32(lon))<<1, c.steps}
}
