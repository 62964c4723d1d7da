package main

import (
	"context"

	"github.com/slotmesh/slotmesh/admin"
)

func drainVerb(t *task) *verb {
	m := &mover{task: t}
	return &verb{
		name: "drain", args: "HOST:PORT NODE",
		summary: "Empty a master: its slots go where the fewest are.",
		help: movingHelp + "\nA cluster that balances by itself gives the node no slots again until " +
			"\"slotmesh balance HOST:PORT include NODE\".",
		examples: []string{"slotmesh drain 127.0.0.1:7001 127.0.0.1:7004 --yes"},
		flags:    m.moving,
		run: t.run(func(ctx context.Context, args []string) error {
			v, rest, err := t.agreed(ctx, args, 1)
			if err != nil {
				return err
			}
			if len(rest) == 0 {
				return usagef("name the master to empty: its id or address")
			}
			plan, err := admin.PlanDrain(v, rest[0])
			if err != nil {
				return err
			}
			return m.move(ctx, v, plan)
		}),
	}
}
