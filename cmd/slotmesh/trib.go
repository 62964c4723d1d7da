package main

import (
	"flag"
	"fmt"
)

// tribNames declares flags a second time under the names that redis-trib.rb, the tool
// before redis-cli --cluster, has for them: those of redis-cli without "cluster-".
func tribNames(f *flag.FlagSet, names ...string) {
	for _, name := range names {
		same := f.Lookup("cluster-" + name)
		kind, _ := flag.UnquoteUsage(same)
		if kind != "" { // a switch takes nothing
			kind = " `" + kind + "`"
		}
		f.Var(same.Value, name, fmt.Sprintf("redis-trib's name of --cluster-%s%s", name, kind))
	}
}
