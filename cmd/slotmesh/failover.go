package main

import (
	"context"
	"flag"

	"github.com/slotmesh/slotmesh/admin"
)

func failoverVerb(t *task) *verb {
	var force, takeover bool
	return &verb{
		name: "failover", args: "HOST:PORT [REPLICA] [--force|--takeover]",
		summary: "Make a replica the master of its shard.",
		help: "Without a flag the master waits until the replica has everything: no write is lost. --force does not " +
			"ask the master,\n" +
			"--takeover nobody. HOST:PORT is the replica itself unless REPLICA names another node.",
		examples: []string{"slotmesh failover 127.0.0.1:7005", "slotmesh failover 127.0.0.1:7001 127.0.0.1:7005 --force"},
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.BoolVar(&force, "force", false, "the master is not asked: it may be down")
			f.BoolVar(&takeover, "takeover", false, "nobody is asked: for when no majority is left")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			mode := admin.Handshake
			switch {
			case force && takeover:
				return usagef("--force and --takeover exclude each other")
			case force:
				mode = admin.Force
			case takeover:
				mode = admin.Takeover
			}
			v, rest, err := t.view(ctx, args, 1)
			if err != nil {
				return err
			}
			replica := v.Nodes[0].Address
			if len(rest) > 0 {
				replica = rest[0]
			}
			if err := t.client.Failover(ctx, v, replica, mode); err != nil {
				return err
			}
			return t.done(struct {
				Master string `json:"master"`
			}{replica}, "[OK] %s is the master now.", replica)
		}),
	}
}
