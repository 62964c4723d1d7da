package server

import (
	"strings"
	"testing"
)

func TestCommandSetFindsEveryName(t *testing.T) {
	for _, c := range allCommands {
		set := commands
		if c.parent != nil {
			set = c.parent.subs
		}
		for _, name := range []string{c.lastName(), strings.ToUpper(c.lastName()), strings.ToUpper(c.lastName()[:1]) +
			c.lastName()[1:]} {
			if set.find([]byte(name)) != c {
				t.Errorf("%s is not found", name)
			}
		}
	}
	for _, name := range []string{"", "ge", "gett", "g\x45t\x00", "GE\x14", "g%t", "@get", strings.Repeat("a", 33),
		"client|list"} {
		if c := commands.find([]byte(name)); c != nil {
			t.Errorf("%q finds %s", name, c.name)
		}
	}
}

func BenchmarkCommandLookup(b *testing.B) {
	b.ReportAllocs()
	name := []byte("GET")
	for b.Loop() {
		if commands.find(name) == nil {
			b.Fatal("GET is not found")
		}
	}
}
