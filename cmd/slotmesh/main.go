// Command slotmesh runs nodes of a slotmesh cluster and administers clusters, those of
// Redis and Valkey included.
//
//	slotmesh up                        # a cluster in this process, to try things out
//	slotmesh serve --port 7001         # one node in the foreground
//	slotmesh check 127.0.0.1:7001      # and create, info, fix, reshard, rebalance …
//	slotmesh help [VERB]
//
// The verbs of administration are those of redis-cli --cluster, with its flags and words;
// each is a thin shell around package admin. Flags are read by the standard library: the
// command needs names, values and defaults, which package flag has, and a command-line
// framework would be a dependency of everybody who imports the module.
//
// It exits with 0 when all went well, or up, serve and top were ended by SIGINT or SIGTERM
// (up: SIGHUP, too); with 1 when something failed, was interrupted or was not confirmed,
// or check found errors; and with 2 when it was called wrongly. The reason is on the
// standard error.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), ends(os.Args[1:])...)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], output{os.Stdout, os.Stderr}))
}
