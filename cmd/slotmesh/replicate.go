package main

import "context"

func replicateVerb(t *task) *verb {
	return &verb{
		name: "replicate", args: "HOST:PORT NODE MASTER",
		summary:  "Make a node a replica of a master.",
		help:     "NODE is a replica of another one, or a master without slots and keys.",
		examples: []string{"slotmesh replicate 127.0.0.1:7001 127.0.0.1:7004 127.0.0.1:7002"},
		flags:    t.common,
		run: t.run(func(ctx context.Context, args []string) error {
			v, rest, err := t.view(ctx, args, 2)
			if err != nil {
				return err
			}
			if len(rest) < 2 {
				return usagef("name the node and the master it is to replicate, by id or address")
			}
			if err := t.client.Replicate(ctx, v, rest[0], rest[1]); err != nil {
				return err
			}
			return t.done(struct {
				Node   string `json:"node"`
				Master string `json:"master"`
			}{rest[0], rest[1]}, "[OK] %s replicates %s.", rest[0], rest[1])
		}),
	}
}
