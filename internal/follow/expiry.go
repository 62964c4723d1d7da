package follow

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// Lifetime is what a command does to the time to live of its first key.
type Lifetime uint8

// What commands do to times to live.
const (
	KeepsExpiry  Lifetime = iota // nothing
	EndsExpiry                   // the key is gone, or has none
	SetsExpiry                   // the one returned with it
	MovesExpiry                  // the second key gets that of the first
	CopiesExpiry                 // the same, and the first keeps it
)

// Expiry says what a command does to times to live. at is of SetsExpiry, in Unix
// milliseconds; times that count from when the command is carried out begin at now. blind
// says that the command does not depend on what the key was before.
func Expiry(args [][]byte, now int64) (l Lifetime, at int64, blind bool) {
	number := func(i int, unit, from int64) (Lifetime, int64, bool) {
		if i >= len(args) {
			return KeepsExpiry, 0, false
		}
		n, ok := resp.ParseInt(args[i])
		if !ok || n > 1<<53 {
			return KeepsExpiry, 0, false
		}
		return SetsExpiry, n*unit + from, false
	}
	switch strings.ToLower(string(args[0])) {
	case "del", "unlink", "getdel", "mset", "msetnx":
		return EndsExpiry, 0, true
	case "persist":
		return EndsExpiry, 0, false
	case "set":
		return set(args, now)
	case "setex":
		l, at, _ = number(2, 1000, now)
		return l, at, true
	case "psetex":
		l, at, _ = number(2, 1, now)
		return l, at, true
	case "getset", "sinterstore", "sunionstore", "sdiffstore", "zunionstore", "zinterstore", "zdiffstore", "zrangestore",
		"geosearchstore":
		return EndsExpiry, 0, false
	case "expire":
		return number(2, 1000, now)
	case "pexpire":
		return number(2, 1, now)
	case "expireat":
		return number(2, 1000, 0)
	case "pexpireat":
		return number(2, 1, 0)
	case "getex":
		_, at, _ = set(append([][]byte{args[0], nil}, args[1:]...), now)
		if at == 0 {
			return EndsExpiry, 0, false
		}
		return SetsExpiry, at, false
	case "restore", "restore-asking":
		from := now
		if hasWord(args[min(4, len(args)):], "ABSTTL") {
			from = 0
		}
		if l, at, _ = number(2, 1, from); at == from {
			return EndsExpiry, 0, true
		}
		return l, at, true
	case "rename", "renamenx":
		return MovesExpiry, 0, false
	case "copy":
		return CopiesExpiry, 0, false
	}
	return KeepsExpiry, 0, false
}

// set reads the options of SET.
func set(args [][]byte, now int64) (l Lifetime, at int64, blind bool) {
	l, blind = EndsExpiry, true
	for i := 3; i < len(args); i++ {
		unit, from := int64(0), int64(0)
		switch strings.ToUpper(string(args[i])) {
		case "KEEPTTL":
			return KeepsExpiry, 0, false
		case "NX", "XX", "IFEQ":
			blind = false
		case "EX":
			unit, from = 1000, now
		case "PX":
			unit, from = 1, now
		case "EXAT":
			unit = 1000
		case "PXAT":
			unit = 1
		}
		if unit == 0 || i+1 == len(args) {
			continue
		}
		if n, ok := resp.ParseInt(args[i+1]); ok && n < 1<<53 {
			l, at = SetsExpiry, n*unit+from
			i++
		}
	}
	return l, at, blind
}
