package main

import (
	"context"
	"strconv"
)

func setTimeoutVerb(t *task) *verb {
	return &verb{
		name: "set-timeout", args: "HOST:PORT MILLISECONDS",
		summary:  "Change the node timeout of all nodes, in their configuration files too.",
		examples: []string{"slotmesh set-timeout 127.0.0.1:7001 5000"},
		flags:    t.common,
		run: t.run(func(ctx context.Context, args []string) error {
			addr, rest, err := address(args)
			if err != nil {
				return err
			}
			if len(rest) != 1 {
				return usagef("give the timeout in milliseconds")
			}
			ms, err := strconv.Atoi(rest[0])
			if err != nil {
				return usagef("%q is not a number of milliseconds", rest[0])
			}
			v, err := t.client.View(ctx, addr)
			if err != nil {
				return err
			}
			if err := t.client.SetTimeout(ctx, v, ms); err != nil {
				return err
			}
			return t.done(struct {
				Milliseconds int `json:"milliseconds"`
				Nodes        int `json:"nodes"`
			}{ms, len(v.Nodes)}, "[OK] New node timeout set. %d OK, 0 ERR.", len(v.Nodes))
		}),
	}
}
