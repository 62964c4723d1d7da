package main

import "context"

func delNodeVerb(t *task) *verb {
	return &verb{
		name: "del-node", args: "HOST:PORT NODE",
		summary: "Remove a node: all forget it, it is reset and shut down.",
		help: "A master that owns slots is refused: drain it first. Its replicas get other masters. A node that is " +
			"gone for good is only\n" +
			"forgotten. HOST:PORT is another node of the cluster.",
		examples: []string{"slotmesh del-node 127.0.0.1:7001 07c37dfeb235213a872192d90877d0cd55635b91",
			"slotmesh del-node 127.0.0.1:7001 127.0.0.1:7008 --yes"},
		flags: t.asking,
		run: t.run(func(ctx context.Context, args []string) error {
			v, rest, err := t.view(ctx, args, 1)
			if err != nil {
				return err
			}
			if len(rest) == 0 {
				return usagef("name the node to remove: its id or address")
			}
			plan, err := t.client.PlanDelNode(ctx, v, rest[0])
			if err != nil {
				return err
			}
			if err := t.confirm(ctx, plan, "Do you want to remove the node?"); err != nil {
				return err
			}
			if err := t.client.DelNode(ctx, v, plan); err != nil {
				return err
			}
			return t.done(struct {
				Node string `json:"node"`
			}{plan.ID.String()}, "[OK] Node %s is removed.", plan.ID)
		}),
	}
}
