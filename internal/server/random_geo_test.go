package server

// geoTemplates are the commands on places. Where results are sorted, those at one distance
// may come in any order. None stores distances: their last bits are up to the sine function
// of a system.
var geoTemplates = []template{
	{30, "!GEOADD key (lon lat field)+", exact, nil},
	{5, "GEOADD key [NX|XX] [CH] (lon lat field)+", exact, nil},
	{5, "GEODIST key field field [unit]", exact, nil},
	{5, "GEOHASH key field+", exact, nil},
	{5, "GEOPOS key field+", exact, nil},
	{10, "GEOSEARCH key FROMLONLAT lon lat BYRADIUS radius unit [WITHDIST] [WITHHASH] [WITHCOORD]", exact, nil},
	{10, "GEOSEARCH key FROMLONLAT lon lat BYBOX radius radius unit [WITHDIST] [WITHCOORD]", exact, nil},
	{5, "GEOSEARCH key FROMMEMBER field BYRADIUS radius unit [COUNT count ANY] [WITHDIST]", exact, nil},
	{5, "!GEOSEARCH key FROMMEMBER field BYBOX radius radius unit <ASC|DESC> [WITHHASH]", unordered, nil},
	{5, "GEORADIUS key lon lat radius unit [WITHDIST] [WITHHASH] [WITHCOORD]", exact, nil},
	{5, "GEORADIUS key lon lat radius unit [STORE key]", exact, nil},
	{5, "GEORADIUSBYMEMBER key field radius unit [STORE key|WITHDIST]", exact, nil},
	{3, "GEORADIUS_RO key lon lat radius unit [COUNT count ANY] [WITHCOORD]", exact, nil},
	{3, "GEORADIUSBYMEMBER_RO key field radius unit [WITHDIST]", exact, nil},
	{5, "GEOSEARCHSTORE key key FROMLONLAT lon lat BYRADIUS radius unit", exact, nil},
	{3, "GEOSEARCHSTORE key key FROMMEMBER field BYBOX radius radius unit [COUNT count ANY]", exact, nil},
	{2, "GEOSEARCH key [FROMMEMBER field|FROMLONLAT lon lat] [FROMMEMBER field|BYRADIUS radius unit] " +
		"[BYBOX radius radius unit|WITHDIST] [COUNT count ANY|ANY]", exact, nil},
	{2, "GEORADIUS key lon lat radius unit [WITHDIST] [STORE key|ANY] [WITHCOORD]", exact, nil},
	{1, "!COMMAND GETKEYS GEORADIUS key lon lat radius unit STOREDIST key", exact, nil},
	{1, "!COMMAND GETKEYSANDFLAGS GEORADIUSBYMEMBER key field radius unit STORE key", exact, nil},
	{1, "!COMMAND GETKEYS GEOSEARCHSTORE key key FROMMEMBER field BYBOX radius radius unit", exact, nil},
	{5, "ZREM key field+", exact, nil},
	{3, "ZSCORE key field", exact, nil},
	{1, "DEL key", exact, nil},
}
