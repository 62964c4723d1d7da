package slotmesh

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestConfigNames(t *testing.T) {
	for field, cfg := range map[string]Config{
		"Config.Hostname":      {Hostname: "a b"},
		"Config.Zone":          {Zone: "eu,central"},
		"Config.Announce.Host": {Announce: slots.Addr{Host: "1.2.3.4\nforged"}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", field, err)
		}
	}
	n, err := New(Config{Hostname: "node-1.example.org", Announce: slots.Addr{Host: "::1"}})
	if err != nil {
		t.Fatal(err)
	}
	n.Close()
}
