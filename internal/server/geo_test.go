package server

import "testing"

func TestGeoStoreDist(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	expect(t, c, "GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2")
	expect(t, c, "GEODIST k Palermo Catania KM", `"166.2742"`)
	expect(t, c, "GEOSEARCHSTORE {k}2 k FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 3 STOREDIST", ":2")
	expect(t, c, "GEORADIUS k 15 37 200 km STOREDIST {k}3", ":2")
	for _, key := range []string{"{k}2", "{k}3"} { // in kilometres
		expect(t, c, "ZRANGE "+key+" 0 -1", `["Catania", "Palermo"]`)
		expect(t, c, "ZCOUNT "+key+" 56.4412 56.4413", ":1")
		expect(t, c, "ZCOUNT "+key+" 190.4424 190.4425", ":1")
	}
	expect(t, c, "GEOSEARCHSTORE {k}2 none FROMLONLAT 15 37 BYRADIUS 1 m", ":0")
	expect(t, c, "EXISTS {k}2", ":0")
	expect(t, c, "SET s v", "+OK")
	expect(t, c, "GEOADD s 1 1 m", "-WRONGTYPE Operation against a key holding the wrong kind of value")
}
