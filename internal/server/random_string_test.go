package server

// stringTemplates are the commands on strings.
var stringTemplates = []template{
	{30, "SET key value", exact, nil},
	{10, "SET key value [NX|XX] [GET] [EX seconds|PX millis|EXAT unix|PXAT unixms|KEEPTTL]", exact, nil},
	{10, "GET key", exact, nil},
	{4, "SETNX key value", exact, nil},
	{2, "SETEX key seconds value", exact, nil},
	{2, "PSETEX key millis value", exact, nil},
	{3, "GETSET key value", exact, nil},
	{3, "GETDEL key", exact, nil},
	{3, "GETEX key [EX seconds|PX millis|EXAT unix|PXAT unixms|PERSIST]", exact, nil},
	{5, "MGET key+", exact, nil},
	{5, "MSET (key value)+", exact, nil},
	{2, "MSETNX (key value)+", exact, nil},
	{10, "APPEND key value", exact, nil},
	{5, "STRLEN key", exact, nil},
	{5, "GETRANGE key index index", exact, nil},
	{1, "SUBSTR key index index", exact, nil},
	{5, "SETRANGE key index value", exact, nil},
	{5, "INCR key", exact, nil},
	{5, "DECR key", exact, nil},
	{5, "INCRBY key int", exact, nil},
	{5, "DECRBY key int", exact, nil},
	{5, "INCRBYFLOAT key float", exact, nil},
}
