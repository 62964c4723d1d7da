package main

import (
	"context"
	"flag"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

func addNodeVerb(t *task) *verb {
	var a admin.AddNode
	return &verb{
		name: "add-node", args: "NEW-HOST:PORT HOST:PORT [--cluster-slave [--cluster-master-id ID]]",
		summary: "Add a node to a cluster, as a master without slots or as a replica.",
		help: "A replica without --cluster-master-id goes to the master that has the fewest. Nodes that hold keys or " +
			"belong to another\n" +
			"cluster are refused, and so are those with other functions than the cluster has; a new master gets these.",
		examples: []string{
			"slotmesh add-node 127.0.0.1:7007 127.0.0.1:7001",
			"slotmesh add-node 127.0.0.1:7008 127.0.0.1:7001 --cluster-slave --cluster-master-id 07c37dfe",
		},
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.BoolVar(&a.Replica, "cluster-slave", false, "add it as a replica")
			f.BoolVar(&a.Replica, "cluster-replica", false, "the same as --cluster-slave")
			f.StringVar(&a.Master, "cluster-master-id", "", "`node` to replicate: id, its beginning, or address")
			tribNames(f, "slave", "master-id")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			fresh, rest, err := address(args)
			if err != nil {
				return err
			}
			v, _, err := t.view(ctx, rest, 0)
			if err != nil {
				return err
			}
			a.Node = fresh
			plan, err := t.client.PlanAddNode(ctx, v, a)
			if err != nil {
				return err
			}
			t.say("%s", strings.TrimSpace(plan.String()))
			if err := t.client.AddNode(ctx, v, plan); err != nil {
				return err
			}
			return t.done(struct {
				Node string `json:"node"`
			}{fresh}, "[OK] New node added correctly.")
		}),
	}
}
