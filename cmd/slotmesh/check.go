package main

import (
	"context"
	"errors"
	"flag"

	"github.com/slotmesh/slotmesh/admin"
)

var errNotWell = errors.New("the cluster has problems, see above")

func checkVerb(t *task) *verb {
	return &verb{
		name: "check", args: "HOST:PORT",
		summary: "Look for everything that is not as it should be.",
		help: "All nodes are asked, also for what they believe of each other. The exit code is 1 if there are errors; warnings\n" +
			"alone leave it 0. fix repairs most of what is found.",
		examples: []string{"slotmesh check 127.0.0.1:7001", "slotmesh check 127.0.0.1:7001 --json"},
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.Bool("cluster-search-multiple-owners", true, "slots with several owners are always looked for; known for the sake of scripts")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			v, _, err := t.view(ctx, args, 0)
			if err != nil {
				return err
			}
			return t.report(ctx, v)
		}),
	}
}

// report prints the summary and what check finds; an error if that is bad.
func (t *task) report(ctx context.Context, v *admin.View) error {
	d, err := t.client.Examine(ctx, v)
	if err != nil {
		return err
	}
	r := d.Report
	if !t.json {
		if err := t.result(nil, admin.Summarize(v)); err != nil {
			return err
		}
	}
	if err := t.result(struct {
		OK       bool         `json:"ok"`
		Findings admin.Report `json:"findings"`
	}{r.OK(), r}, r); err != nil {
		return err
	}
	if !r.OK() {
		return errNotWell
	}
	return nil
}
