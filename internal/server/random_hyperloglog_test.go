package server

// hyperLogLogTemplates are the commands on HyperLogLogs. PFCOUNT has two keys or more: in
// Redis that of one key, which is a read, writes the estimate into the header. None corrupts
// a sketch: Redis keeps what a PFADD has changed before it finds that out.
var hyperLogLogTemplates = []template{
	{20, "PFADD key field+", exact, nil},
	{5, "PFADD key", exact, nil},
	{15, "!PFCOUNT key key+", exact, nil},
	{5, "PFMERGE key key+", exact, nil},
	{1, "PFMERGE key", exact, nil},
	{10, "GETRANGE key 0 7", exact, nil},
	{20, "GETRANGE key 16 -1", exact, nil},
	{5, "STRLEN key", exact, nil},
	{1, "DEL key", exact, nil},
}
