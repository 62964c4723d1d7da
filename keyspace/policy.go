package keyspace

import (
	"errors"
	"fmt"
)

// ErrOutOfMemory refuses a write that needs memory when MaxMemory is reached and the
// policy leaves nothing to evict. Its text is the error reply of the Redis protocol
// (docs/spec.md §11).
var ErrOutOfMemory = errors.New("OOM command not allowed when used memory > 'maxmemory'.")

// Policy says which key goes when memory is short.
type Policy uint8

const (
	NoEviction     Policy = iota // none: writes fail with ErrOutOfMemory
	AllKeysLRU                   // the one used longest ago
	AllKeysLFU                   // the one used least often
	AllKeysRandom                // any
	VolatileLRU                  // as AllKeysLRU, among keys with an expiry
	VolatileLFU                  // as AllKeysLFU, among keys with an expiry
	VolatileRandom               // any with an expiry
	VolatileTTL                  // the one that expires first
)

var policyNames = [...]string{"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random",
	"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"}

// String returns the name that redis.conf uses.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

func (p Policy) lfu() bool { return p == AllKeysLFU || p == VolatileLFU }

// volatile reports whether only keys with an expiry may go.
func (p Policy) volatile() bool { return p >= VolatileLRU && p <= VolatileTTL }

// ParsePolicy reads a name as redis.conf writes it.
func ParsePolicy(name string) (Policy, error) {
	for i, n := range policyNames {
		if n == name {
			return Policy(i), nil
		}
	}
	return 0, fmt.Errorf("keyspace: %q is not an eviction policy (%v)", name, policyNames)
}
