package server

// hashTemplates are the commands on hashes.
var hashTemplates = []template{
	{40, "HSET key (field value)+", exact, nil},
	{5, "HMSET key (field value)+", exact, nil},
	{10, "HSETNX key field value", exact, nil},
	{10, "HGET key field", exact, nil},
	{10, "HMGET key field+", exact, nil},
	{3, "HGETALL key", pairs, nil},
	{2, "HKEYS key", unordered, nil},
	{2, "HVALS key", unordered, nil},
	{5, "HLEN key", exact, nil},
	{20, "HDEL key field+", exact, nil},
	{5, "HEXISTS key field", exact, nil},
	{5, "HSTRLEN key field", exact, nil},
	{10, "HINCRBY key field int", exact, nil},
	{10, "HINCRBYFLOAT key field float", exact, nil},
	{2, "HRANDFIELD key", shape, nil},
	{4, "HRANDFIELD key count [WITHVALUES]", shape, nil},
	{2, "!HRANDFIELD key 100000 WITHVALUES", pairs, nil}, // all of them
	{1, "!HRANDFIELD key 9223372036854775807 WITHVALUES", exact, nil},
	{3, "HSCAN key 0 [MATCH pattern] [COUNT limit]", nil, scanAll(2)},
}
