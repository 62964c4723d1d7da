package server

// bitmapTemplates are the commands on bits of strings, and others that make strings.
var bitmapTemplates = []template{
	{10, "SET key value", exact, nil},
	{5, "GET key", exact, nil},
	{3, "SETRANGE key index value", exact, nil},
	{5, "STRLEN key", exact, nil},
	{20, "SETBIT key bitoffset bit", exact, nil},
	{10, "GETBIT key bitoffset", exact, nil},
	{5, "BITCOUNT key", exact, nil},
	{10, "BITCOUNT key index index [BYTE|BIT]", exact, nil},
	{5, "BITPOS key bit", exact, nil},
	{5, "BITPOS key bit index", exact, nil},
	{10, "BITPOS key bit index index [BYTE|BIT]", exact, nil},
	{10, "BITOP <AND|OR|XOR> key key+", exact, nil},
	{3, "BITOP NOT key key", exact, nil},
	{20, "BITFIELD key [OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL] (INCRBY width fieldoffset int)+", exact, nil},
	{10, "BITFIELD key (SET width fieldoffset int)+ [OVERFLOW SAT|OVERFLOW FAIL] GET width fieldoffset", exact, nil},
	{5, "BITFIELD key (GET width fieldoffset)+", exact, nil},
	{5, "BITFIELD_RO key (GET width fieldoffset)+", exact, nil},
	{5, "LCS key key [LEN|IDX] [MINMATCHLEN count] [WITHMATCHLEN]", exact, nil},
}
