package server

// listTemplates are the commands on lists.
var listTemplates = []template{
	{25, "<LPUSH|RPUSH> key value+", exact, nil},
	{20, "<LPUSH|RPUSH> key field+", exact, nil},
	{5, "<LPUSHX|RPUSHX> key field+", exact, nil},
	{10, "<LPOP|RPOP> key", exact, nil},
	{5, "<LPOP|RPOP> key count", exact, nil},
	{4, "LLEN key", exact, nil},
	{8, "LINDEX key index", exact, nil},
	{5, "LRANGE key index index", exact, nil},
	{2, "LRANGE key int int", exact, nil},
	{8, "LSET key index <field|value>", exact, nil},
	{15, "LINSERT key <BEFORE|AFTER> field <field|value>", exact, nil},
	{8, "LREM key int <field|value>", exact, nil},
	{4, "LTRIM key index index", exact, nil},
	{6, "LPOS key <field|value>", exact, nil},
	{10, "LPOS key field [RANK int] [COUNT limit] [MAXLEN limit]", exact, nil},
	{2, "LPOS key field [MAXLEN int] [COUNT int] [RANK index]", exact, nil},
	{10, "LMOVE key key <LEFT|RIGHT> <LEFT|RIGHT>", exact, nil},
	{5, "RPOPLPUSH key key", exact, nil},
	{8, "LMPOP numkeys key+ <LEFT|RIGHT> [COUNT limit]", exact, nil},
	{1, "LMPOP int key+ <LEFT|RIGHT> [COUNT int]", exact, nil},
}
