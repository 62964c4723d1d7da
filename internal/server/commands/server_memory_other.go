//go:build !linux

package commands

// systemMemory is known on Linux only.
func systemMemory() int64 { return 0 }
