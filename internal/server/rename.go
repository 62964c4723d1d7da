package server

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// The refusals of rename-command, in Redis' words.
var (
	errNoSuchName = errors.New("No such command in rename-command")
	errNameTaken  = errors.New("Target command name already exists")
)

// Renames collects the lines "rename-command" of a configuration file. Each line sees
// what those before it did. The zero Renames has none.
type Renames struct {
	original map[string]string // by the name that clients use, in lower case
}

// Add gives the command that clients call name another name, or takes it away if newName
// is "". Commands of Redis that do not exist here can be renamed as well: that has no
// effect. The error is Redis' text.
func (r *Renames) Add(name, newName string) error {
	if r.original == nil {
		r.original = make(map[string]string)
		for known := range allNames() {
			r.original[known] = known
		}
	}
	name, newName = strings.ToLower(name), strings.ToLower(newName)
	original, ok := r.original[name]
	if !ok {
		return errNoSuchName
	}
	delete(r.original, name)
	if newName == "" {
		return nil
	}
	if _, taken := r.original[newName]; taken {
		return errNameTaken
	}
	r.original[newName] = original
	return nil
}

// Names returns the new names by the original ones, "" for commands that are taken away:
// what Config.Rename takes.
func (r *Renames) Names() map[string]string {
	if r.original == nil {
		return nil
	}
	names := make(map[string]string)
	for original := range allNames() {
		names[original] = ""
	}
	for name, original := range r.original {
		names[original] = name
	}
	maps.DeleteFunc(names, func(original, name string) bool { return original == name })
	return names
}

// CheckRename tells what is wrong with a Config.Rename.
func CheckRename(rename map[string]string) error {
	_, err := namesAfter(rename)
	return err
}

// namesAfter returns the names that clients use, in lower case, by the original ones. All
// changes happen at once: two commands may swap their names.
func namesAfter(rename map[string]string) (map[string]string, error) {
	names := allNames()
	seen := make(map[string]bool)
	for original, name := range rename {
		lower := strings.ToLower(original)
		switch _, known := names[lower]; {
		case !known:
			return nil, fmt.Errorf("there is no command %q", original)
		case seen[lower]:
			return nil, fmt.Errorf("command %q is renamed twice", original)
		}
		seen[lower] = true
		names[lower] = strings.ToLower(name)
	}
	users := make(map[string]string)
	for original, name := range names {
		if other, taken := users[name]; taken && name != "" {
			return nil, fmt.Errorf("commands %q and %q would both be called %q", min(original, other), max(original, other),
				name)
		}
		users[name] = original
	}
	return names, nil
}

// allNames has the commands of this server, of Redis and of Valkey, each under its own
// name.
func allNames() map[string]string {
	names := make(map[string]string)
	for _, c := range builtIn.Top() {
		names[c.Name] = c.Name
	}
	for _, name := range strings.Fields(redisCommands) {
		names[name] = name
	}
	return names
}

// renamedTable returns the commands by the names of Config.Rename, which clients use.
// Calls of the host program and of other nodes, and the statistics, go on with the
// original ones.
func renamedTable(rename map[string]string) (*commands.Table, error) {
	if len(rename) == 0 {
		return builtIn, nil
	}
	names, err := namesAfter(rename)
	if err != nil {
		return nil, fmt.Errorf("server: Config.Rename: %w", err)
	}
	return builtIn.Renamed(names), nil
}

// redisCommands are the commands of Redis 7.4 and Valkey 8.1.
const redisCommands = `
	acl append asking auth bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos blmove blmpop
	blpop brpop brpoplpush bzmpop bzpopmax bzpopmin client cluster command commandlog config copy
	dbsize debug decr decrby del delifeq discard dump echo eval eval_ro evalsha evalsha_ro exec exists
	expire expireat expiretime failover fcall fcall_ro flushall flushdb function geoadd geodist geohash
	geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore get
	getbit getdel getex getrange getset hdel hello hexists hexpire hexpireat hexpiretime hget hgetall
	hincrby hincrbyfloat hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl
	hrandfield hscan hset hsetnx hstrlen httl hvals incr incrby incrbyfloat info keys lastsave latency
	lcs lindex linsert llen lmove lmpop lolwut lpop lpos lpush lpushx lrange lrem lset ltrim memory
	mget migrate module monitor move mset msetnx multi object persist pexpire pexpireat pexpiretime
	pfadd pfcount pfdebug pfmerge pfselftest ping psetex psubscribe psync pttl publish pubsub
	punsubscribe quit randomkey readonly readwrite rename renamenx replconf replicaof reset restore
	restore-asking role rpop rpoplpush rpush rpushx sadd save scan scard script sdiff sdiffstore select
	set setbit setex setnx setrange shutdown sinter sintercard sinterstore sismember slaveof slowlog
	smembers smismember smove sort sort_ro spop spublish srandmember srem sscan ssubscribe strlen
	subscribe substr sunion sunionstore sunsubscribe swapdb sync time touch ttl type unlink unsubscribe
	unwatch wait waitaof watch xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread
	xreadgroup xrevrange xsetid xtrim zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard
	zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore
	zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex
	zrevrangebyscore zrevrank zscan zscore zunion zunionstore
`
