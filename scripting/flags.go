package scripting

// Flags is what a script or function says about itself
// (https://redis.io/docs/manual/programmability/lua-api, Script flags).
type Flags uint8

// The flags of Redis 7.0.
const (
	NoWrites           Flags = 1 << iota // it only reads
	AllowOOM                             // it may run when memory is short
	AllowStale                           // it may run at a replica that has lost its master
	NoCluster                            // it must not run in a cluster
	AllowCrossSlotKeys                   // it uses keys of several slots
)

// names are in the order in which Redis lists them.
var names = []struct {
	flag Flags
	name string
}{
	{NoWrites, "no-writes"}, {AllowOOM, "allow-oom"}, {AllowStale, "allow-stale"}, {NoCluster, "no-cluster"},
	{AllowCrossSlotKeys, "allow-cross-slot-keys"},
}

// Has reports whether all flags of other are set.
func (f Flags) Has(other Flags) bool { return f&other == other }

// Names returns the names of the flags that are set.
func (f Flags) Names() []string {
	var list []string
	for _, n := range names {
		if f.Has(n.flag) {
			list = append(list, n.name)
		}
	}
	return list
}

// ParseFlag returns the flag of a name; ok is false if there is none.
func ParseFlag(name string) (flag Flags, ok bool) {
	for _, n := range names {
		if n.name == name {
			return n.flag, true
		}
	}
	return 0, false
}
