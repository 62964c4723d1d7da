package main

import (
	"context"

	"github.com/slotmesh/slotmesh/admin"
)

func infoVerb(t *task) *verb {
	return &verb{
		name: "info", args: "HOST:PORT",
		summary:  "Show keys, slots and replicas of each master.",
		examples: []string{"slotmesh info 127.0.0.1:7001"},
		flags:    t.common,
		run: t.run(func(ctx context.Context, args []string) error {
			v, _, err := t.view(ctx, args, 0)
			if err != nil {
				return err
			}
			s := admin.Summarize(v)
			return t.result(struct {
				Keys        int64                 `json:"keys"`
				KeysPerSlot float64               `json:"keys_per_slot"`
				Masters     []admin.MasterSummary `json:"masters"`
				Witnesses   []admin.MasterSummary `json:"witnesses,omitempty"`
			}{s.Keys, s.KeysPerSlot(), s.Masters, s.Witnesses}, s)
		}),
	}
}
