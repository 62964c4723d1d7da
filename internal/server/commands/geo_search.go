package commands

import (
	"cmp"
	"slices"

	"github.com/slotmesh/slotmesh/internal/geo"
	"github.com/slotmesh/slotmesh/keyspace"
)

// GeoSearchGroup is the commands that find places.
var GeoSearchGroup = []Command{
	{Name: "georadius", Arity: -6, Flags: Write | DenyOOM | MovableKeys, Keys: OneKey, StoreKey: geoStoreKey(6),
		Group: "geo", Since: "3.2.0", KeyFlags: "RO access,?STORE:6:OW update,?STOREDIST:6:OW update",
		Summary: "Finds places around a point, and stores them if asked to.", Tx: cmdGeoRadius},
	{Name: "georadius_ro", Arity: -6, Flags: ReadOnly, Keys: OneKey, Group: "geo", Since: "3.2.10",
		KeyFlags: "RO access", Summary: "Finds places around a point.", Tx: cmdGeoRadiusRO},
	{Name: "georadiusbymember", Arity: -5, Flags: Write | DenyOOM | MovableKeys, Keys: OneKey,
		StoreKey: geoStoreKey(5), Group: "geo", Since: "3.2.0",
		KeyFlags: "RO access,?STORE:5:OW update,?STOREDIST:5:OW update",
		Summary:  "Finds places around a member, and stores them if asked to.", Tx: cmdGeoRadiusByMember},
	{Name: "georadiusbymember_ro", Arity: -5, Flags: ReadOnly, Keys: OneKey, Group: "geo", Since: "3.2.10",
		KeyFlags: "RO access", Summary: "Finds places around a member.", Tx: cmdGeoRadiusByMemberRO},
	{Name: "geosearch", Arity: -7, Flags: ReadOnly, Keys: OneKey, Group: "geo", Since: "6.2.0",
		KeyFlags: "RO access", Summary: "Finds places in a circle or a box.", Tx: cmdGeoSearch},
	{Name: "geosearchstore", Arity: -8, Flags: Write | DenyOOM, Keys: TwoKeys, Group: "geo", Since: "6.2.0",
		KeyFlags: "OW update,RO access", Summary: "Finds places in a circle or a box, and stores them.",
		Tx: cmdGeoSearchStore},
}

// geoStoreKey finds the key that GEORADIUS stores to: that of the last STORE or STOREDIST
// from an argument on.
func geoStoreKey(from int) func(args [][]byte) int {
	return func(args [][]byte) (at int) {
		for i := min(from, 5); i+1 < len(args); i++ {
			if IsWord(args[i], "STORE") || IsWord(args[i], "STOREDIST") {
				i++
				at = i
			}
		}
		return at
	}
}

// geoForm is which of the commands it is.
type geoForm struct {
	search   bool // GEOSEARCH and GEOSEARCHSTORE, whose shape is an option
	member   bool // the center is a member, otherwise a point
	mayStore bool
}

func cmdGeoRadius(c *Call, tx *keyspace.Tx) error   { return c.geoSearch(tx, geoForm{mayStore: true}) }
func cmdGeoRadiusRO(c *Call, tx *keyspace.Tx) error { return c.geoSearch(tx, geoForm{}) }
func cmdGeoRadiusByMember(c *Call, tx *keyspace.Tx) error {
	return c.geoSearch(tx, geoForm{member: true, mayStore: true})
}
func cmdGeoRadiusByMemberRO(c *Call, tx *keyspace.Tx) error {
	return c.geoSearch(tx, geoForm{member: true})
}
func cmdGeoSearch(c *Call, tx *keyspace.Tx) error { return c.geoSearch(tx, geoForm{search: true}) }
func cmdGeoSearchStore(c *Call, tx *keyspace.Tx) error {
	return c.geoSearch(tx, geoForm{search: true, mayStore: true})
}

// found is a place that a search has found.
type found struct {
	from, to int // of the member, in the query's names
	score    float64
	distance float64 // metres from the center
}

func (c *Call) geoSearch(tx *keyspace.Tx, form geoForm) error {
	source := 1
	if form.search && form.mayStore {
		source = 2
	}
	z, there, err := places(tx, c.Args[source])
	if err != nil {
		return err
	}
	q := geoQuery{geoForm: form, unit: 1, z: z, there: there}
	if form.search && form.mayStore {
		q.store = c.Args[1]
	}
	if err := c.geoQuery(&q, source+1); err != nil {
		return err
	}
	if !there {
		if q.store == nil {
			c.Out.Array(0)
			return nil
		}
		return c.storeFound(tx, &q, nil)
	}
	list := q.find()
	if q.order != geoUnordered {
		slices.SortStableFunc(list, func(a, b found) int { return int(q.order) * cmp.Compare(a.distance, b.distance) })
	}
	if q.count > 0 && int64(len(list)) > q.count {
		list = list[:q.count]
	}
	if q.store != nil {
		return c.storeFound(tx, &q, list)
	}
	return c.replyFound(&q, list)
}

// find returns the places in the shape, in the order of the cells.
func (q *geoQuery) find() (list []found) {
	limit := 0
	if q.any {
		limit = int(min(q.count, 1<<40))
	}
	for _, cell := range q.shape.Cells() {
		from, to := cell.Scores()
		for member, score := range q.z.From(q.z.RankOfScore(from, false)) {
			if score >= to || limit > 0 && len(list) >= limit {
				break
			}
			if distance, ok := q.shape.Contains(geo.PointOf(score)); ok {
				if list == nil {
					const most = 32 // of what is found by most searches
					list, q.names = make([]found, 0, most), make([]byte, 0, most*len(member))
				}
				from := len(q.names)
				q.names = append(q.names, member...)
				list = append(list, found{from, len(q.names), score, distance})
			}
		}
	}
	return list
}

func (c *Call) replyFound(q *geoQuery, list []found) error {
	c.Out.Array(len(list))
	options := btoi(q.withDistance) + btoi(q.withHash) + btoi(q.withPoint)
	for i := range list {
		f := &list[i]
		if options > 0 {
			c.Out.Array(1 + options)
		}
		c.Out.Bulk(q.names[f.from:f.to])
		if q.withDistance {
			c.distance(f.distance / q.unit)
		}
		if q.withHash {
			c.Out.Int(int64(f.score))
		}
		if q.withPoint {
			c.coordinates(geo.PointOf(f.score))
		}
		if len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
	}
	return nil
}

// storeFound makes places the value of the key that the query names.
func (c *Call) storeFound(tx *keyspace.Tx, q *geoQuery, list []found) error {
	var result scoredMembers
	for i := range list {
		score := list[i].score
		if q.storeDistance {
			score = list[i].distance / q.unit
		}
		result.add(q.names[list[i].from:list[i].to], score)
	}
	event := "georadiusstore"
	if q.search {
		event = "geosearchstore"
	}
	return c.storeScored(tx, q.store, &result, event)
}

// geoQuery is what a search asks for.
type geoQuery struct {
	geoForm
	z             keyspace.ZSetRef
	there         bool // z is
	shape         geo.Shape
	unit          float64 // of distances, in metres
	withDistance  bool
	withHash      bool
	withPoint     bool
	order         geoOrder
	count         int64 // 0: all
	any           bool  // the first that are found, not the nearest
	store         []byte
	storeDistance bool
	names         []byte // of the members found, copied

	// What options have said of the shape.
	center         geo.Point
	fromMember     bool
	fromPoint      bool
	byRadius       bool
	byBox          bool
	radius, height float64 // of a box, radius is the width
}

type geoOrder int

const (
	geoUnordered geoOrder = 0
	geoNearest   geoOrder = 1
	geoFarthest  geoOrder = -1
)

const (
	errGeoMember = ReplyError("ERR could not decode requested zset member")
	errGeoAny    = ReplyError("ERR the ANY argument requires COUNT argument")
	errGeoCount  = ReplyError("ERR COUNT must be > 0")
)

// geoQuery reads the arguments behind the key, from argument next on.
func (c *Call) geoQuery(q *geoQuery, next int) (err error) {
	if !q.search {
		if next, err = c.geoCircle(q, next); err != nil {
			return err
		}
	}
	for next < len(c.Args) {
		n, err := c.geoOption(q, next)
		if err == nil && n == 0 {
			n, err = c.geoShape(q, next)
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrSyntax
		}
		next += n
	}
	if err := c.checkGeoQuery(q); err != nil {
		return err
	}
	if q.count > 0 && q.order == geoUnordered && !q.any {
		q.order = geoNearest
	}
	q.shape = geo.Circle(q.center, q.radius*q.unit)
	if q.byBox {
		q.shape = geo.Box(q.center, q.radius*q.unit, q.height*q.unit)
	}
	return nil
}

// geoCircle reads the circle of GEORADIUS. If the key is not there, Redis does not look at
// the one around a member.
func (c *Call) geoCircle(q *geoQuery, next int) (after int, err error) {
	switch {
	case !q.member:
		if q.center, err = c.pointArgs(next); err != nil {
			return 0, err
		}
		next += 2
	case !q.there:
		return next + 3, nil
	default:
		if err := q.centerOn(c.Args[next]); err != nil {
			return 0, err
		}
		next++
	}
	if q.radius, err = c.lengthArg(next, "radius"); err != nil {
		return 0, err
	}
	if q.radius < 0 {
		return 0, ReplyError("ERR radius cannot be negative")
	}
	q.unit, err = c.unitArg(next + 1)
	return next + 2, err
}

func (q *geoQuery) centerOn(member []byte) error {
	score, ok := q.z.Score(member)
	if !ok {
		return errGeoMember
	}
	q.center = geo.PointOf(score)
	return nil
}

func (c *Call) lengthArg(i int, what string) (float64, error) {
	f, ok := parseScore(c.Args[i])
	if !ok {
		return 0, ReplyError("ERR need numeric " + what)
	}
	return f, nil
}

// geoOption reads an option that all searches have, and returns how many arguments it is;
// 0: it is none.
func (c *Call) geoOption(q *geoQuery, i int) (n int, err error) {
	more := len(c.Args) - 1 - i
	switch {
	case c.Word(i, "WITHDIST"):
		q.withDistance = true
	case c.Word(i, "WITHHASH"):
		q.withHash = true
	case c.Word(i, "WITHCOORD"):
		q.withPoint = true
	case c.Word(i, "ANY"):
		q.any = true
	case c.Word(i, "ASC"):
		q.order = geoNearest
	case c.Word(i, "DESC"):
		q.order = geoFarthest
	case c.Word(i, "COUNT") && more > 0:
		if q.count, err = c.Number(i + 1); err == nil && q.count <= 0 {
			err = errGeoCount
		}
		return 2, err
	case c.Word(i, "STOREDIST") && q.search && q.mayStore:
		q.storeDistance = true
	case (c.Word(i, "STORE") || c.Word(i, "STOREDIST")) && !q.search && q.mayStore && more > 0:
		q.store, q.storeDistance = c.Args[i+1], c.Word(i, "STOREDIST")
		return 2, nil
	default:
		return 0, nil
	}
	return 1, nil
}

// geoShape reads an option of GEOSEARCH that says where to search, as geoOption does.
func (c *Call) geoShape(q *geoQuery, i int) (n int, err error) {
	more := len(c.Args) - 1 - i
	switch {
	case !q.search:
		return 0, nil
	case c.Word(i, "FROMMEMBER") && more >= 1 && !q.fromPoint:
		q.fromMember = true
		if q.there {
			err = q.centerOn(c.Args[i+1])
		}
		return 2, err
	case c.Word(i, "FROMLONLAT") && more >= 2 && !q.fromMember:
		q.fromPoint = true
		q.center, err = c.pointArgs(i + 1)
		return 3, err
	case c.Word(i, "BYRADIUS") && more >= 2 && !q.byBox:
		q.byRadius = true
		if q.radius, err = c.lengthArg(i+1, "radius"); err != nil {
			return 0, err
		}
		if q.radius < 0 {
			return 0, ReplyError("ERR radius cannot be negative")
		}
		q.unit, err = c.unitArg(i + 2)
		return 3, err
	case c.Word(i, "BYBOX") && more >= 3 && !q.byRadius:
		q.byBox = true
		if q.radius, err = c.lengthArg(i+1, "width"); err != nil {
			return 0, err
		}
		if q.height, err = c.lengthArg(i+2, "height"); err != nil {
			return 0, err
		}
		if q.radius < 0 || q.height < 0 {
			return 0, ReplyError("ERR height or width cannot be negative")
		}
		q.unit, err = c.unitArg(i + 3)
		return 4, err
	}
	return 0, nil
}

func (c *Call) checkGeoQuery(q *geoQuery) error {
	name := string(c.Args[0])
	switch {
	case q.store != nil && (q.withDistance || q.withHash || q.withPoint):
		what := "STORE option in GEORADIUS"
		if q.search {
			what = "GEOSEARCHSTORE"
		}
		return ReplyError("ERR " + what + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	case q.search && !q.fromMember && !q.fromPoint:
		return ReplyError("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name)
	case q.search && !q.byRadius && !q.byBox:
		return ReplyError("ERR exactly one of BYRADIUS and BYBOX can be specified for " + name)
	case q.any && q.count == 0:
		return errGeoAny
	}
	return nil
}
