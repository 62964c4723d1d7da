package acl

import (
	"fmt"
	"testing"
)

func TestCatalogErrors(t *testing.T) {
	for _, list := range [][]Command{
		{{Name: ""}}, {{Name: "GET"}}, {{Name: "a b"}}, {{Name: "get"}, {Name: "get"}}, {{Name: "config|get"}},
		{{Name: "config"}, {Name: "config|"}}, {{Name: "config"}, {Name: "config|get|x"}},
	} {
		if _, err := NewCatalog(list); err == nil {
			t.Errorf("%v: no error", list)
		}
	}
}

func TestMembers(t *testing.T) {
	c := testUsers(t).Catalog()
	if got := fmt.Sprint(c.Members(CategoryDangerous)); got != "[client|list config|get config|set shutdown]" {
		t.Error(got)
	}
	if got := c.Members(CategoryGeo); len(got) != 0 {
		t.Error(got)
	}
}

func TestCategories(t *testing.T) {
	for i, name := range Categories() {
		if c, ok := CategoryNamed(name); !ok || c != 1<<i {
			t.Errorf("%s: %v", name, c)
		}
	}
	if c, ok := CategoryNamed("DANGEROUS"); !ok || c != CategoryDangerous {
		t.Error(c)
	}
	if c, ok := CategoryNamed("all"); ok {
		t.Error(c)
	}
	if got := fmt.Sprint((CategoryScripting | CategoryKeyspace).Names()); got != "[keyspace scripting]" {
		t.Error(got)
	}
}
