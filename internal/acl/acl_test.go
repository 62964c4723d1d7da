package acl

import "testing"

// testCommands is a small command table in the manner of Redis.
var testCommands = []Command{
	{Name: "get", Categories: CategoryRead | CategoryString | CategoryFast},
	{Name: "set", Categories: CategoryWrite | CategoryString | CategorySlow},
	{Name: "mget", Categories: CategoryRead | CategoryString | CategoryFast},
	{Name: "del", Categories: CategoryKeyspace | CategoryWrite | CategorySlow},
	{Name: "exists", Categories: CategoryKeyspace | CategoryRead | CategoryFast},
	{Name: "rename", Categories: CategoryKeyspace | CategoryWrite | CategorySlow},
	{Name: "config", Categories: CategorySlow},
	{Name: "config|get", Categories: CategoryAdmin | CategorySlow | CategoryDangerous},
	{Name: "config|set", Categories: CategoryAdmin | CategorySlow | CategoryDangerous},
	{Name: "config|help", Categories: CategorySlow},
	{Name: "client", Categories: CategorySlow},
	{Name: "client|list", Categories: CategoryAdmin | CategorySlow | CategoryDangerous | CategoryConnection},
	{Name: "client|id", Categories: CategorySlow | CategoryConnection},
	{Name: "client|odd", Categories: CategoryFast}, // not in a category of its container
	{Name: "select", Categories: CategoryFast | CategoryConnection},
	{Name: "ping", Categories: CategoryFast | CategoryConnection},
	{Name: "auth", Categories: CategoryFast | CategoryConnection, NoAuth: true},
	{Name: "publish", Categories: CategoryPubSub | CategoryFast},
	{Name: "psubscribe", Categories: CategoryPubSub | CategorySlow},
	{Name: "shutdown", Categories: CategoryAdmin | CategorySlow | CategoryDangerous},
}

func testUsers(t testing.TB) *Users {
	t.Helper()
	c, err := NewCatalog(testCommands)
	if err != nil {
		t.Fatal(err)
	}
	return NewUsers(c)
}

func mustSet(t testing.TB, us *Users, name string, modifiers ...string) *User {
	t.Helper()
	if err := us.SetUser(name, modifiers); err != nil {
		t.Fatalf("SETUSER %s %q: %v", name, modifiers, err)
	}
	return us.Lookup(name)
}
