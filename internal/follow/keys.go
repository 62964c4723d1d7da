package follow

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// Scope is how much of the data a command is about.
type Scope uint8

// The scopes of commands.
const (
	ScopeKeys      Scope = iota // Keys
	ScopeAll                    // every key of the database, as FLUSHDB
	ScopeServer                 // every key of all databases, as FLUSHALL
	ScopeFunctions              // libraries of functions
	ScopeMessage                // a message to subscribers
	ScopeSwap                   // databases change places
	ScopeNone                   // no key
	ScopeUnknown                // not known here: the server that sent it can tell the keys
)

// Access is what Analyze finds out about a command.
type Access struct {
	Scope   Scope
	Keys    [][]byte // all that it names, of its database; they alias the arguments
	Written [][]byte // those of them that it may change
	// Other says that the command depends on what Keys do not tell, so that elsewhere its
	// effect may be another.
	Other bool
	// Each says that the command is as good as one command for each key, with Step
	// arguments each.
	Each bool
	Step int
}

// shape is where the keys of a command stand.
type shape struct {
	first, last, step int // as COMMAND INFO tells them: last -1 is the last argument
	written           shapeWritten
}

type shapeWritten uint8

const (
	all    shapeWritten = iota // every key may be changed
	head                       // the first key only
	second                     // the second key only
)

var (
	oneKey    = shape{1, 1, 1, all}
	twoKeys   = shape{1, 2, 1, all}
	fromOther = shape{1, 2, 1, head} // a destination before its source
	fromMany  = shape{1, -1, 1, head}
)

// shapes are those of the commands that a master sends to its replicas, but for those
// that accessOf knows.
var shapes = map[string]shape{
	"xgroup": {2, 2, 1, all}, "bitop": {2, -1, 1, head}, "copy": {1, 2, 1, second},
	"rename": twoKeys, "renamenx": twoKeys, "smove": twoKeys, "lmove": twoKeys, "rpoplpush": twoKeys, "blmove": twoKeys,
	"brpoplpush": twoKeys, "del": {1, -1, 1, all}, "unlink": {1, -1, 1, all}, "mset": {1, -1, 2, all},
	"msetnx": {1, -1, 2, all}, "zrangestore": fromOther, "geosearchstore": fromOther, "sinterstore": fromMany,
	"sunionstore": fromMany, "sdiffstore": fromMany, "pfmerge": fromMany, "pfcount": {1, -1, 1, all},
}

func init() {
	for name := range strings.FieldsSeq(`set setex psetex setnx getset getdel getex append incr decr incrby decrby
		incrbyfloat setrange setbit bitfield expire pexpire expireat pexpireat persist restore restore-asking
		lpush rpush lpushx rpushx lpop rpop lrem lset ltrim linsert sadd srem spop
		zadd zincrby zrem zremrangebyscore zremrangebyrank zremrangebylex zpopmin zpopmax
		hset hmset hsetnx hincrby hincrbyfloat hdel hexpire hpexpire hexpireat hpexpireat hpersist hgetdel hgetex hsetex
		pfadd geoadd xadd xdel xtrim xsetid xack xclaim xautoclaim`) {
		shapes[name] = oneKey
	}
}

// Analyze says what a command of a stream is about. Commands whose arguments it does not
// understand are ScopeUnknown.
func Analyze(args [][]byte) Access {
	name := strings.ToLower(string(args[0]))
	if s, ok := shapes[name]; ok {
		return s.access(name, args)
	}
	switch name {
	case "flushall":
		return Access{Scope: ScopeServer}
	case "flushdb":
		return Access{Scope: ScopeAll}
	case "swapdb":
		return Access{Scope: ScopeSwap}
	case "function":
		return Access{Scope: ScopeFunctions}
	case "publish", "spublish":
		return Access{Scope: ScopeMessage}
	case "ping", "replconf", "select", "multi", "exec", "script":
		return Access{Scope: ScopeNone}
	case "zunionstore", "zinterstore", "zdiffstore":
		return counted(args, 1, 2, head)
	case "eval", "evalsha", "fcall":
		a := counted(args, 0, 2, all)
		a.Other = true
		return a
	case "sort", "georadius", "georadiusbymember":
		return storing(name, args)
	case "move": // to another database, or from one
		a := oneKey.access(name, args)
		a.Other = true
		return a
	}
	return Access{Scope: ScopeUnknown}
}

func (s shape) access(name string, args [][]byte) (a Access) {
	last := s.last
	if last < 0 {
		last = len(args) - 1
	}
	if s.first >= len(args) || last >= len(args) {
		return Access{Scope: ScopeUnknown}
	}
	switch name {
	case "del", "unlink":
		a.Each, a.Step = true, 1
	case "mset", "msetnx": // a master sends one that was carried out
		if len(args)%2 == 0 {
			return Access{Scope: ScopeUnknown}
		}
		a.Each, a.Step = true, 2
	}
	for i := s.first; i <= last; i += s.step {
		a.Keys = append(a.Keys, args[i])
	}
	a.Written = a.Keys
	switch s.written {
	case head:
		a.Written = a.Keys[:1]
	case second:
		a.Written = a.Keys[1:2]
	}
	// COPY … DB n: one of the two keys is in another database.
	a.Other = name == "copy" && len(args) > 3 && hasWord(args[3:], "DB")
	return a
}

// counted finds keys whose number stands before them, and the one key at dst if that is
// not 0.
func counted(args [][]byte, dst, number int, w shapeWritten) (a Access) {
	if number >= len(args) {
		return Access{Scope: ScopeUnknown}
	}
	n, ok := resp.ParseInt(args[number])
	if !ok || n < 0 || n > int64(len(args)-number-1) {
		return Access{Scope: ScopeUnknown}
	}
	if dst > 0 {
		a.Keys = append(a.Keys, args[dst])
	}
	a.Keys = append(a.Keys, args[number+1:number+1+int(n)]...)
	a.Written = a.Keys
	if w == head {
		a.Written = a.Keys[:1]
	}
	return a
}

// storing finds the key of a command that has its destination behind STORE.
func storing(name string, args [][]byte) (a Access) {
	if len(args) < 2 {
		return Access{Scope: ScopeUnknown}
	}
	a.Keys = [][]byte{args[1]}
	for i := 2; i+1 < len(args); i++ {
		if is(args[i], "STORE") || is(args[i], "STOREDIST") && name != "sort" {
			a.Keys = append(a.Keys, args[i+1])
			a.Written = [][]byte{args[i+1]}
			i++
		}
	}
	a.Other = name == "sort" // its patterns name other keys
	if a.Written == nil {
		return Access{Scope: ScopeNone}
	}
	return a
}

func hasWord(args [][]byte, word string) bool {
	for _, a := range args {
		if is(a, word) {
			return true
		}
	}
	return false
}

// OtherDatabase returns the database that a MOVE or a COPY names; ok is false if it is
// another command, or names none.
func OtherDatabase(args [][]byte) (db int64, ok bool) {
	switch {
	case is(args[0], "MOVE") && len(args) == 3:
		return resp.ParseInt(args[2])
	case is(args[0], "COPY"):
		for i := 3; i+1 < len(args); i++ {
			if is(args[i], "DB") {
				return resp.ParseInt(args[i+1])
			}
		}
	}
	return 0, false
}

// Drifts reports whether a replica that carries out the command may differ from its master
// a little: what a master sends of a consumer that reads or claims entries of a stream does
// not say how many entries its group has read, nor when the consumer was seen.
func Drifts(args [][]byte) bool {
	return is(args[0], "XCLAIM") || is(args[0], "XAUTOCLAIM") || is(args[0], "XGROUP")
}
