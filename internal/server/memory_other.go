//go:build !linux

package server

// systemMemory is known on Linux only.
func systemMemory() int64 { return 0 }
