// Package geo turns places on earth into the scores of sorted sets and back, and finds the
// ranges of scores that an area covers, exactly as Redis does: so sorted sets of places are
// the same here and there, and so is the order in which a search meets them.
//
// # Vocabulary
//
//   - A [Point] is a longitude and a latitude in degrees. Latitudes go to ±85.05112878, as
//     in EPSG:3857.
//   - A geohash halves the ranges of longitude and latitude in turns, a bit for each half. A
//     score is one of 52 bits; a [Cell] is one of fewer, and covers a range of scores.
//   - A [Shape] is what a search covers: a circle or a box around a point.
//
// Distances are those of the haversine formula on a sphere of 6,372,797.560856 m.
//
// # Example
//
//	score := geo.Point{Lon: 13.361389, Lat: 38.115556}.Score()
//	for _, cell := range geo.Circle(geo.Point{Lon: 15, Lat: 37}, 200_000).Cells() {
//		from, to := cell.Scores() // members with from <= score < to are candidates
//	}
package geo
