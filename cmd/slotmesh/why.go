package main

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

func whyVerb(t *task) *verb {
	return &verb{
		name: "why", args: "HOST:PORT SLOT|KEY",
		summary:  "Tell who owns a slot, who says so, and whether it moves.",
		help:     "What is not a number from 0 to 16383 is taken for a key; its slot is explained.",
		examples: []string{"slotmesh why 127.0.0.1:7001 9252", "slotmesh why 127.0.0.1:7001 key:test:2"},
		flags:    t.common,
		run: t.run(func(ctx context.Context, args []string) error {
			v, rest, err := t.view(ctx, args, 1)
			if err != nil {
				return err
			}
			if len(rest) == 0 {
				return usagef("name a slot or a key")
			}
			slot, err := slots.Parse(rest[0])
			if err != nil {
				slot = slots.OfString(rest[0])
				t.say("Key %q belongs to slot %d.", rest[0], slot)
			}
			w, err := t.client.Explain(ctx, v, slot)
			if err != nil {
				return err
			}
			keys := make(map[string]int)
			for id, n := range w.Keys {
				keys[id.String()] = n
			}
			owner, epoch := "", uint64(0)
			if w.Owner != nil {
				owner, epoch = w.Owner.ID.String(), w.Owner.Epoch
			}
			var open []string
			for _, o := range w.Open {
				open = append(open, o.Node.ID.String()+" "+o.OpenSlot.String())
			}
			return t.result(struct {
				Slot   slots.Slot     `json:"slot"`
				Owner  string         `json:"owner,omitempty"`
				Epoch  uint64         `json:"epoch"`
				Agreed bool           `json:"agreed"`
				Open   []string       `json:"open,omitempty"`
				Keys   map[string]int `json:"keys,omitempty"`
			}{slot, owner, epoch, len(w.Claims) == 1, open, keys}, w)
		}),
	}
}
