package server

// zsetTemplates are the commands on sorted sets.
var zsetTemplates = []template{
	{30, "ZADD key (score field)+", exact, nil},
	{10, "ZADD key [NX|XX|GT|LT|XX GT|XX LT] [CH] (score field)+", exact, nil},
	{3, "ZADD key [NX|XX|GT|LT] INCR score field", exact, nil},
	{1, "ZADD key [NX|XX|CH|INCR] [GT|LT|NX|XX] [INCR|LT] (score field)+", exact, nil},
	{4, "ZADD key (1 field)+", exact, nil}, // equal scores
	{6, "ZINCRBY key score field", exact, nil},
	{8, "ZREM key field+", exact, nil},
	{2, "ZCARD key", exact, nil},
	{4, "ZSCORE key field", exact, nil},
	{4, "ZMSCORE key field+", exact, nil},
	{4, "ZRANK key field", exact, nil},
	{4, "ZREVRANK key field", exact, nil},
	{4, "ZCOUNT key bound bound", exact, nil},
	{6, "ZRANGE key index index [WITHSCORES]", exact, nil},
	{4, "ZREVRANGE key index index [WITHSCORES]", exact, nil},
	{4, "ZRANGE key index index REV [WITHSCORES]", exact, nil},
	{4, "ZRANGE key bound bound BYSCORE [REV] [LIMIT limit limit] [WITHSCORES]", exact, nil},
	{4, "ZRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT limit limit]", exact, nil},
	{4, "ZREVRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT limit limit]", exact, nil},
	{1, "ZRANGE key bound bound [BYSCORE|BYLEX|REV] [REV|BYLEX] [LIMIT index index]", exact, withEqualScores},
	{3, "ZRANGESTORE key key index index [REV]", exact, nil},
	{3, "ZRANGESTORE key key bound bound BYSCORE [REV] [LIMIT limit limit]", exact, nil},
	{2, "ZREMRANGEBYRANK key index index", exact, nil},
	{2, "ZREMRANGEBYSCORE key bound bound", exact, nil},
	{5, "ZPOPMIN key [count]", exact, nil},
	{5, "ZPOPMAX key [count]", exact, nil},
	{4, "ZMPOP numkeys key+ <MIN|MAX> [COUNT count]", exact, nil},
	{3, "ZUNION numkeys key+ [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]", exact, nil},
	{3, "ZINTER numkeys key+ [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]", exact, nil},
	{2, "ZUNION 2 key key WEIGHTS score score [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]", exact, nil},
	{2, "ZINTER 2 key key WEIGHTS score score [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]", exact, nil},
	{3, "ZDIFF numkeys key+ [WITHSCORES]", exact, nil},
	{2, "ZUNIONSTORE key numkeys key+ [AGGREGATE <SUM|MIN|MAX>]", exact, nil},
	{2, "ZUNIONSTORE key 2 key key WEIGHTS score score [AGGREGATE <SUM|MIN|MAX>]", exact, nil},
	{2, "ZINTERSTORE key numkeys key+ [AGGREGATE <SUM|MIN|MAX>]", exact, nil},
	{2, "ZDIFFSTORE key numkeys key+", exact, nil},
	{3, "ZINTERCARD numkeys key+ [LIMIT limit]", exact, nil},
	{3, "ZSCAN key 0 [MATCH pattern] [COUNT limit]", nil, scanAll(2)},
	{2, "ZRANDMEMBER key", shape, nil},
	{4, "ZRANDMEMBER key count [WITHSCORES]", shape, nil},
	{2, "!ZRANDMEMBER key 100000 [WITHSCORES]", unordered, nil},
	{1, "!ZRANDMEMBER key 9223372036854775807 WITHSCORES", exact, nil},
	{3, "SADD key field+", exact, nil}, // sets are inputs too
	{1, "!COMMAND GETKEYS ZUNIONSTORE key numkeys key+ [WEIGHTS score score]", exact, nil},
	{1, "!COMMAND GETKEYSANDFLAGS ZINTERSTORE key numkeys key+", exact, nil},
	{1, "!COMMAND GETKEYS <ZUNION|ZINTER|ZDIFF|ZINTERCARD> numkeys key+ [AGGREGATE MAX]", exact, nil},
	{1, "!COMMAND GETKEYS ZMPOP numkeys key+ <MIN|MAX> [COUNT count]", exact, nil},
	{1, "!COMMAND GETKEYS ZRANGESTORE key key 0 -1", exact, nil},
	{2, "ZRANGE key lex lex BYLEX [LIMIT limit limit] [WITHSCORES]", exact, withEqualScores},
	{2, "ZRANGE key lex lex BYLEX REV [LIMIT limit limit]", exact, withEqualScores},
	{2, "ZRANGEBYLEX key lex lex [LIMIT limit limit]", exact, withEqualScores},
	{2, "ZREVRANGEBYLEX key lex lex [LIMIT limit limit]", exact, withEqualScores},
	{2, "ZLEXCOUNT key lex lex", exact, withEqualScores},
	{1, "ZREMRANGEBYLEX key lex lex", exact, withEqualScores},
}

// withEqualScores sends a command that is defined only if all scores are equal: it first
// removes the members that have others.
func withEqualScores(r *randomRun, pair connPair, args [][]byte) {
	if len(args) > 1 {
		for _, others := range [][]string{{"-inf", "(1"}, {"(1", "+inf"}} {
			line := byteWords("ZREMRANGEBYSCORE", string(args[1]), others[0], others[1])
			r.remember(line)
			r.mustMatch(pair, exact, line...)
		}
	}
	r.remember(args)
	r.mustMatch(pair, exact, args...)
}
