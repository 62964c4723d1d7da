package commands

import (
	"strings"
	"testing"
)

func testTable() *Table { return NewTable(StringGroup, KeyGroup, ServerGroup, ClusterGroup) }

func TestTableFindsEveryName(t *testing.T) {
	table := testTable()
	for _, c := range table.All() {
		set := table.names
		if c.parent != nil {
			set = c.parent.subs
		}
		for _, name := range []string{c.lastName(), strings.ToUpper(c.lastName()), strings.ToUpper(c.lastName()[:1]) +
			c.lastName()[1:]} {
			if set.find([]byte(name)) != c {
				t.Errorf("%s is not found", name)
			}
		}
		if table.find([]byte(c.Name)) != c {
			t.Errorf("%s is not found by its whole name", c.Name)
		}
	}
	for _, name := range []string{"", "ge", "gett", "g\x45t\x00", "GE\x14", "g%t", "@get", strings.Repeat("a", 33),
		"client|list"} {
		if c := table.Find([]byte(name)); c != nil {
			t.Errorf("%q finds %s", name, c.Name)
		}
	}
}

// Rows are the same for all tables, so that a table must not change them.
func TestTablesLeaveTheirRowsAlone(t *testing.T) {
	one := testTable()
	two := testTable().With([]Command{{Name: "own", Arity: 1}}).Renamed(map[string]string{"get": "read", "config": "c",
		"own": "own"})
	if c := one.Find([]byte("config")); c.Name != "config" || c.Subs[0].Name != "get" || c.list[0].Name != "config|get" {
		t.Errorf("%s has the rows %s and %s", c.Name, c.Subs[0].Name, c.list[0].Name)
	}
	for name, want := range map[string]string{"read": "get", "c": "config", "own": "own", "set": "NULL", "get": "NULL"} {
		if got := two.Find([]byte(name)).FullName(); got != want {
			t.Errorf("%s finds %s, want %s", name, got, want)
		}
	}
	if got := two.Find([]byte("own")).ID; got != one.Rows() || two.Rows() != got+1 {
		t.Errorf("a further row has number %d of %d, want %d", got, two.Rows(), one.Rows())
	}
}

func BenchmarkTableFind(b *testing.B) {
	b.ReportAllocs()
	table := testTable()
	name := []byte("GET")
	for b.Loop() {
		if table.Find(name) == nil {
			b.Fatal("GET is not found")
		}
	}
}
