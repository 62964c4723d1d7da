package archtest

// module is the import path of the root.
const module = "github.com/slotmesh/slotmesh"

// leaves are packages without any opinion about clusters; everything may import
// them, they import none of ours.
var leaves = []string{
	"internal/frame", "internal/glob", "internal/guard", "internal/msgp", "internal/rdb",
	"internal/repeat", "keyspace/stream", "internal/tlsdial", "internal/tlsfiles", "network", "scripting", "storage",
}

// forTests may be imported by every test.
var forTests = []string{"internal/memnet", "internal/testcert", "script"}

// mayImport says for each package which of ours it may import besides leaves. "." is
// the root. A package that is not listed may import none of ours.
var mayImport = map[string][]string{
	"slots":                  {},
	"keyspace":               {"slots", "internal/ranked", "internal/sequence"},
	"gossip":                 {"slots"},
	"gossip/member":          {"slots", "gossip"},
	"replication":            {"slots", "keyspace"},
	"replication/replicator": {"slots", "keyspace", "replication"},
	"replication/oplog":      {"slots", "keyspace", "replication"},
	"replication/oplog/committer": {"slots", "keyspace", "replication", "replication/replicator",
		"replication/oplog"},
	"migrate":               {"slots", "keyspace"},
	"migrate/migrator":      {"slots", "keyspace", "migrate"},
	"network":               {},
	"scripting":             {},
	"script":                {"client", "internal/resp"},
	"storage":               {},
	"internal/acl":          {},
	"internal/aof":          {"internal/resp"},
	"internal/events":       {},
	"internal/frame":        {},
	"internal/glob":         {},
	"internal/guard":        {},
	"internal/memnet":       {},
	"internal/msgp":         {},
	"internal/pubsub":       {"slots"},
	"internal/geo":          {},
	"internal/hll":          {},
	"internal/powercut":     {"slots", "keyspace", "replication", "replication/oplog"},
	"internal/ranked":       {},
	"internal/rdb":          {},
	"internal/repeat":       {},
	"internal/sequence":     {},
	"internal/testcert":     {},
	"internal/tally":        {"slots", "gossip", "migrate"},
	"internal/tlsdial":      {},
	"internal/forming":      {"slots", "gossip"},
	"internal/functions":    {"internal/resp"},
	"internal/interest":     {},
	"internal/messages":     {"slots", "internal/interest", "internal/peer"},
	"internal/dump":         {"slots", "keyspace"},
	"internal/explain":      {"slots", "gossip", "replication", "replication/replicator"},
	"internal/join":         {"slots", "client", "gossip", "internal/resp", "internal/peer", "internal/clusterproto"},
	"internal/leave":        {"slots", "gossip", "migrate"},
	"internal/listen":       {},
	"internal/invalidation": {"slots", "keyspace"},
	"internal/logging":      {},
	"internal/nodedir":      {},
	"internal/overview":     {"slots"},
	"internal/peer":         {"slots", "internal/resp"},
	"internal/resp":         {},
	"internal/histogram":    {},
	"internal/bus":          {"slots", "internal/peer"},
	"internal/clusterproto": {"slots", "internal/resp"},
	"internal/conf":         {},
	"internal/engine":       {"slots", "keyspace"},
	"internal/ownership":    {"slots", "keyspace", "gossip"},
	"internal/tlsfiles":     {},
	"internal/shard": {"slots", "keyspace", "gossip", "replication", "replication/replicator",
		"replication/oplog", "replication/oplog/committer", "internal/engine"},
	"internal/remotetx": {"slots", "keyspace", "internal/resp"},
	"internal/server": {"slots", "keyspace", "migrate", "internal/resp", "internal/engine",
		"internal/acl", "internal/functions", "internal/histogram", "internal/pubsub", "internal/server/commands",
		"internal/psync/sender", "replication/replicator"},
	"internal/psync": {"slots", "keyspace", "replication", "internal/dump", "internal/resp"},
	"internal/psync/sender": {"slots", "keyspace", "replication/replicator", "internal/dump", "internal/psync",
		"internal/resp"},
	"admin": {"slots", "migrate", "internal/aof", "internal/resp", "internal/clusterproto", "internal/follow",
		"internal/follow/follower"},
	".": {"slots", "keyspace", "gossip", "gossip/member", "replication", "replication/replicator",
		"replication/oplog", "replication/oplog/committer", "migrate", "migrate/migrator", "client", "internal/*",
		"internal/balance/balancer", "internal/forming/founder", "internal/follow/follower",
		"internal/follow/replica"},
	"cache":  {".", "slots"},
	"health": {".", "slots", "clustertest"},
	"metrics": {".", "slots", "gossip", "migrate", "cache", "replication", "replication/replicator",
		"replication/oplog/committer", "clustertest"},
	"status":      {".", "slots", "client", "gossip", "migrate", "replication", "health", "clustertest"},
	"clustertest": {".", "slots", "keyspace", "gossip", "admin", "script", "internal/memnet", "internal/testcert"},
	"cmd/slotmesh": {".", "slots", "keyspace", "gossip", "replication", "replication/oplog", "migrate", "admin", "script",
		"health", "metrics", "status", "internal/*"},
	"internal/e2e":      {".", "slots", "clustertest", "script", "internal/resp"},
	"internal/archtest": {},
	"internal/compat":   {},
	"examples/*":        {".", "slots", "keyspace", "admin", "script"},

	"internal/server/commands": {"slots", "keyspace", "migrate", "internal/acl", "internal/dump", "internal/functions",
		"internal/resp", "internal/engine", "internal/geo", "internal/histogram", "internal/hll", "internal/pubsub"},

	"internal/follow":          {"internal/resp"},
	"internal/follow/follower": {"internal/follow"},
	"internal/follow/replica": {"slots", "keyspace", "internal/dump", "internal/engine", "internal/follow",
		"internal/follow/follower"},

	"internal/forming/founder":  {"slots", "gossip", "internal/forming"},
	"internal/balance":          {"slots", "migrate"},
	"internal/balance/balancer": {"slots", "migrate", "internal/balance"},

	"client": {"slots", "keyspace", "internal/peer", "internal/resp", "internal/clusterproto",
		"internal/remotetx"},
}

// neverLeaf are the listed packages that may not even import leaves.
var neverLeaf = []string{"slots", "internal/resp", "internal/memnet"}

// testsOf may import anything: they see the whole house from above.
var testsOf = []string{".", "internal/compat", "internal/e2e", "admin", "cache", "client", "clustertest",
	"cmd/slotmesh"}

// dependencies are the modules the root may require. Another one needs a good reason
// in the commit that adds it.
var dependencies = []string{
	"github.com/VictoriaMetrics/metrics",
	"github.com/cespare/xxhash/v2",
	"github.com/hashicorp/go-hclog",
	"github.com/vmihailenco/msgpack/v5",
	"github.com/yuin/gopher-lua",
}

// onlyIn are dependencies that one package alone may import, so that programs without that
// package do not link them.
var onlyIn = map[string]string{"github.com/VictoriaMetrics/metrics": "metrics", "github.com/yuin/gopher-lua": "script"}

// coresIn are the packages whose files are passive cores. Their drivers are packages below
// them.
var coresIn = []string{"gossip", "internal/balance", "internal/follow", "internal/forming", "internal/interest",
	"migrate", "replication", "replication/oplog"}

// mayAlias are the public packages that may show a type of internal/ under a second name
// of their own. No other package shows one at all.
var mayAlias = []string{".", "admin"}

// maxLines is the length of a file beyond which to look for the second idea in it.
const maxLines = 400
