//go:build !unix

package slotmesh

// openFileLimit returns 0: this system bounds no descriptors.
func openFileLimit() int { return 0 }
