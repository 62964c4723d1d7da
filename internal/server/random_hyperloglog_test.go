package server

// hyperLogLogTemplates are the commands on HyperLogLogs. PFCOUNT of one key, which writes the
// estimate into the header, is in no transaction: in one that only reads it does not. None corrupts a sketch:
// Redis keeps what a PFADD has changed before it finds that out.
var hyperLogLogTemplates = []template{
	{20, "PFADD key field+", exact, nil},
	{5, "PFADD key", exact, nil},
	{10, "PFCOUNT key", exact, outsideTransaction},
	{10, "!PFCOUNT key key+", exact, nil},
	{5, "PFMERGE key key+", exact, nil},
	{1, "PFMERGE key", exact, nil},
	{20, "GETRANGE key 0 -1", exact, nil},
	{5, "STRLEN key", exact, nil},
	{1, "DEL key", exact, nil},
}

func outsideTransaction(r *randomRun, pair connPair, args [][]byte) {
	r.mustMatch(pair, exact, args...)
}
