package main

import (
	"context"
	"flag"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

func reshardVerb(t *task) *verb {
	m := &mover{task: t}
	var r admin.Reshard
	from := ""
	return &verb{
		name: "reshard", args: "HOST:PORT --cluster-from all|ID,… --cluster-to ID --cluster-slots N",
		summary: "Move a number of slots to a master, from all others or from named ones.",
		help:    movingHelp,
		examples: []string{
			"slotmesh reshard 127.0.0.1:7001 --cluster-from all --cluster-to 127.0.0.1:7004 --cluster-slots 4096 --yes",
			"slotmesh reshard 127.0.0.1:7001 --cluster-from 07c37dfe --cluster-to 67ed2db8 --cluster-slots 100 --dry-run",
		},
		flags: func(f *flag.FlagSet) {
			m.moving(f)
			f.StringVar(&from, "cluster-from", "all", "`nodes` that give slots: all, or ids or addresses separated by commas")
			f.StringVar(&r.To, "cluster-to", "", "`node` that gets them: id, its beginning, or address")
			f.IntVar(&r.Slots, "cluster-slots", 0, "`number` of slots")
			tribNames(f, "from", "to", "slots")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			switch {
			case r.To == "":
				return missing("--cluster-to", "the id or address of the master that gets the slots")
			case r.Slots < 1:
				return missing("--cluster-slots", "how many slots to move, 1 to 16384")
			}
			if from != "all" && from != "" {
				r.From = strings.Split(from, ",")
			}
			v, _, err := t.agreed(ctx, args, 0)
			if err != nil {
				return err
			}
			plan, err := t.client.PlanReshard(v, r)
			if err != nil {
				return err
			}
			return m.move(ctx, v, plan)
		}),
	}
}
