package main

import (
	"context"
	"flag"

	"github.com/slotmesh/slotmesh/admin"
)

func createVerb(t *task) *verb {
	replicas := 0
	return &verb{
		name: "create", args: "HOST:PORT … [--cluster-replicas N]",
		summary: "Make a cluster of nodes that are fresh.",
		help: "Masters get even ranges of slots; a replica runs on another host than its master where that is possible.\n" +
			"Nodes that hold keys or belong to a cluster are refused. Interrupted, the same command continues.",
		examples: []string{
			"slotmesh create 10.0.0.1:7001 10.0.0.2:7001 10.0.0.3:7001",
			"slotmesh create 127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7003 127.0.0.1:7004 127.0.0.1:7005 127.0.0.1:7006 " +
				"--cluster-replicas 1 --yes",
		},
		flags: func(f *flag.FlagSet) {
			t.asking(f)
			f.IntVar(&replicas, "cluster-replicas", 0, "`number` of replicas for each master")
			tribNames(f, "replicas")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			plan, err := admin.PlanCreate(args, replicas)
			if err != nil {
				return err
			}
			built, err := t.client.Inspect(ctx, plan)
			if err != nil {
				return err
			}
			if !built {
				if err := t.confirm(ctx, plan, "Can I set the above configuration?"); err != nil {
					return err
				}
			}
			if err := t.client.Create(ctx, plan); err != nil {
				return err
			}
			v, err := t.client.View(ctx, args[0])
			if err != nil {
				return err
			}
			// Redis takes two seconds until it serves and its replicas have links: no reason to
			// warn of its youth.
			return t.report(ctx, v, admin.StateFail, admin.ReplicaLag)
		}),
	}
}
