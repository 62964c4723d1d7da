package main

import (
	"context"
	"flag"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

func fixVerb(t *task) *verb {
	var o admin.FixOptions
	dry, timeout := false, 0
	return &verb{
		name: "fix", args: "HOST:PORT [--dry-run]",
		summary: "Repair what check finds, step by step.",
		help: "Slots without owner or with several, open slots, keys away from their slot's owner, nodes that do not " +
			"know each\n" +
			"other. Keys are moved, never deleted. A key that two nodes hold with different values stops the repair.",
		examples: []string{"slotmesh fix 127.0.0.1:7001 --dry-run", "slotmesh fix 127.0.0.1:7001 --yes"},
		flags: func(f *flag.FlagSet) {
			t.asking(f)
			f.BoolVar(&dry, "dry-run", false, "show the steps only")
			f.BoolVar(&o.WithUnreachableMasters, "cluster-fix-with-unreachable-masters", false,
				"give the slots of masters that do not answer to others, without their keys")
			f.BoolVar(&o.Replace, "cluster-replace", false,
				"of a key that two nodes hold, the one that is moved to the owner of its slot overwrites the owner's")
			f.IntVar(&timeout, "cluster-timeout", 60_000, "`milliseconds` that a MIGRATE may take")
			tribNames(f, "timeout")
			f.Bool("cluster-search-multiple-owners", true, "slots with several owners are always looked for; known for "+
				"the sake of scripts")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			o.Timeout = time.Duration(timeout) * time.Millisecond
			v, _, err := t.view(ctx, args, 0)
			if err != nil {
				return err
			}
			d, err := t.client.Diagnose(ctx, v)
			if err != nil {
				return err
			}
			plan, err := admin.PlanFix(d, o)
			if err != nil {
				return err
			}
			if dry {
				return t.result(plan, plan)
			}
			if plan.Empty() {
				t.say("%s", strings.TrimSpace(plan.String()))
				return t.report(ctx, d.View)
			}
			if err := t.confirm(ctx, plan, "Do you want to proceed with these repairs?"); err != nil {
				return err
			}
			if _, err := t.client.Fix(ctx, d.View, o); err != nil {
				return err
			}
			if v, err = t.client.View(ctx, v.Nodes[0].Address); err != nil {
				return err
			}
			return t.report(ctx, v)
		}),
	}
}
