package commands

import (
	"fmt"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/geo"
	"github.com/slotmesh/slotmesh/keyspace"
)

// GeoGroup is the commands on places, which are sorted sets: a member's score is a geohash,
// see package geo.
var GeoGroup = []Command{
	{Name: "geoadd", Arity: -5, Flags: Write | DenyOOM | Quick, Keys: OneKey, Group: "geo", Since: "3.2.0",
		KeyFlags: "RW update", Summary: "Adds places by longitude and latitude.", Tx: cmdGeoAdd},
	{Name: "geodist", Arity: -4, Flags: ReadOnly | Quick, Keys: OneKey, Group: "geo", Since: "3.2.0",
		KeyFlags: "RO access", Summary: "Returns the distance between two places.", Tx: cmdGeoDist},
	{Name: "geohash", Arity: -2, Flags: ReadOnly | Quick, Keys: OneKey, Group: "geo", Since: "3.2.0",
		KeyFlags: "RO access", Summary: "Returns the geohashes of places.", Tx: cmdGeoHash},
	{Name: "geopos", Arity: -2, Flags: ReadOnly | Quick, Keys: OneKey, Group: "geo", Since: "3.2.0",
		KeyFlags: "RO access", Summary: "Returns longitudes and latitudes of places.", Tx: cmdGeoPos},
}

// pointArgs reads a longitude and a latitude.
func (c *Call) pointArgs(i int) (p geo.Point, err error) {
	var ok bool
	if p.Lon, ok = parseScore(c.Args[i]); !ok {
		return p, errNotFloat
	}
	if p.Lat, ok = parseScore(c.Args[i+1]); !ok {
		return p, errNotFloat
	}
	if !p.Valid() {
		return p, ReplyError(fmt.Sprintf("ERR invalid longitude,latitude pair %f,%f", p.Lon, p.Lat))
	}
	return p, nil
}

// unitArg reads a unit, and returns how many metres it is.
func (c *Call) unitArg(i int) (float64, error) {
	switch {
	case c.Word(i, "M"):
		return 1, nil
	case c.Word(i, "KM"):
		return 1000, nil
	case c.Word(i, "FT"):
		return 0.3048, nil
	case c.Word(i, "MI"):
		return 1609.34, nil
	}
	return 0, ReplyError("ERR unsupported unit provided. please use M, KM, FT, MI")
}

func cmdGeoAdd(c *Call, tx *keyspace.Tx) error {
	var opt zaddOptions
	first := 2
options:
	for ; first < len(c.Args); first++ {
		switch {
		case c.Word(first, "NX"):
			opt.nx = true
		case c.Word(first, "XX"):
			opt.xx = true
		case c.Word(first, "CH"):
			opt.ch = true
		default:
			break options
		}
	}
	n := (len(c.Args) - first) / 3
	if (len(c.Args)-first)%3 != 0 || n == 0 || opt.nx && opt.xx {
		return ErrSyntax
	}
	scores := make([]float64, n)
	for i := range scores {
		p, err := c.pointArgs(first + 3*i)
		if err != nil {
			return err
		}
		scores[i] = p.Score()
	}
	z, err := tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	added, changed := 0, 0
	for i, score := range scores {
		outcome, err := opt.set(tx, z, c.Args[1], c.Args[first+3*i+2], score)
		if err != nil {
			return err
		}
		added += btoi(outcome.added)
		changed += btoi(outcome.changed)
	}
	if added+changed > 0 {
		tx.Notify(keyspace.ZSetEvents, "zadd", c.Args[1])
	}
	c.Out.Int(int64(added + changed*btoi(opt.ch)))
	return nil
}

// places returns the sorted set of a key, and whether it is there.
func places(tx *keyspace.Tx, key []byte) (z keyspace.ZSetRef, ok bool, err error) {
	z, err = readZSet(tx, key)
	if err != nil {
		return z, false, err
	}
	return z, z.Len() > 0, nil
}

func cmdGeoDist(c *Call, tx *keyspace.Tx) error {
	unit := 1.0
	switch {
	case len(c.Args) > 5:
		return ErrSyntax
	case len(c.Args) == 5:
		var err error
		if unit, err = c.unitArg(4); err != nil {
			return err
		}
	}
	z, ok, err := places(tx, c.Args[1])
	if err != nil {
		return err
	}
	var points [2]geo.Point
	for i := range points {
		var score float64
		if ok {
			score, ok = z.Score(c.Args[2+i])
		}
		points[i] = geo.PointOf(score)
	}
	if !ok {
		c.Out.Null()
		return nil
	}
	c.distance(geo.Distance(points[0], points[1]) / unit)
	return nil
}

// distance writes a distance: with four decimals, as a string.
func (c *Call) distance(d float64) {
	var room [32]byte
	c.Out.Bulk(strconv.AppendFloat(room[:0], d, 'f', 4, 64))
}

// coordinates writes the longitude and the latitude of a point.
func (c *Call) coordinates(p geo.Point) {
	c.Out.Array(2)
	c.Out.LongDouble(p.Lon)
	c.Out.LongDouble(p.Lat)
}

func cmdGeoHash(c *Call, tx *keyspace.Tx) error {
	return c.eachPlace(tx, func(p geo.Point) { c.Out.BulkString(p.Hash()) }, c.Out.Null)
}

func cmdGeoPos(c *Call, tx *keyspace.Tx) error {
	return c.eachPlace(tx, c.coordinates, c.Out.NullArray)
}

// eachPlace replies with an array of an element for each member that is named: there writes
// that of a place, missing that of a member that is not there.
func (c *Call) eachPlace(tx *keyspace.Tx, there func(geo.Point), missing func()) error {
	z, known, err := places(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		score, ok := 0.0, known
		if ok {
			score, ok = z.Score(member)
		}
		if ok {
			there(geo.PointOf(score))
		} else {
			missing()
		}
	}
	return nil
}
