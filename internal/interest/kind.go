package interest

import "github.com/cespare/xxhash/v2"

// Kind is what an interest is about.
type Kind uint8

// The kinds, by their numbers between nodes.
const (
	Channel  Kind = iota // a channel of pub/sub
	Shard                // a sharded channel, for nodes of the shard
	FarShard             // a sharded channel, wherever the node is
	Pattern              // channels whose names match a glob
	kinds
	nothing = kinds // a change that nobody is told of
)

// Digest returns what stands for the name of a channel.
func Digest[T ~string | ~[]byte](name T) uint64 { return xxhash.Sum64([]byte(name)) }
