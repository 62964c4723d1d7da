package main

import (
	"flag"
	"maps"
	"strings"
	"testing"
)

// TestFlagsOfRedisTrib: what is written for redis-trib.rb 3.2 and 4.0 is understood, and
// means what it means with redis-cli.
func TestFlagsOfRedisTrib(t *testing.T) {
	for _, c := range []struct{ verb, trib, cli string }{
		{"create", "--replicas 1 a:1 b:2", "a:1 b:2 --cluster-replicas 1"},
		{"add-node", "--slave --master-id 07c3 a:1 b:2", "a:1 b:2 --cluster-slave --cluster-master-id 07c3"},
		{"import", "--from c:3 --copy --replace a:1", "a:1 --cluster-from c:3 --cluster-copy --cluster-replace"},
		{"reshard", "--from all --to 07c3 --slots 12 --yes --timeout 34 --pipeline 56 a:1",
			"a:1 --cluster-from all --cluster-to 07c3 --cluster-slots 12 --cluster-yes --cluster-timeout 34 " +
				"--cluster-pipeline 56"},
		{"rebalance", "--weight 07c3=2 --weight 67ed=0 --use-empty-masters --timeout 34 --simulate --pipeline 56 " +
			"--threshold 7 a:1",
			"a:1 --cluster-weight 07c3=2 --cluster-weight 67ed=0 --cluster-use-empty-masters --cluster-timeout 34 " +
				"--cluster-simulate --cluster-pipeline 56 --cluster-threshold 7"},
		{"fix", "--timeout 34 a:1", "a:1 --cluster-timeout 34"},
	} {
		trib, cli := parsed(t, c.verb, c.trib), parsed(t, c.verb, c.cli)
		if !maps.Equal(trib, cli) || maps.Equal(trib, parsed(t, c.verb, "")) {
			t.Errorf("%s: %s means\n%v\n%s means\n%v", c.verb, c.trib, trib, c.cli, cli)
		}
	}
}

// parsed returns the flags of a verb after it has read its arguments, and those left as "".
func parsed(t *testing.T, name, args string) map[string]string {
	t.Helper()
	v, values := findVerb(name), make(map[string]string)
	var set *flag.FlagSet
	declare := v.flags
	v.flags = func(f *flag.FlagSet) { declare(f); set = f }
	if _, err := v.parse(strings.Fields(args)); err != nil {
		t.Fatalf("%s %s: %v", name, args, err)
	}
	set.VisitAll(func(f *flag.Flag) { values[f.Name] = f.Value.String() })
	return values
}
