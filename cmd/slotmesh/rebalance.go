package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/migrate"
)

func rebalanceVerb(t *task) *verb {
	m := &mover{task: t}
	r := admin.Rebalance{Weights: make(map[string]float64)}
	return &verb{
		name: "rebalance", args: "HOST:PORT [--cluster-weight NODE=W …] [--cluster-use-empty-masters]",
		summary: "Give each master its share of slots, with as few moves as possible.",
		help:    movingHelp + "\nA master of weight 0 is emptied; drain does the same for one.",
		examples: []string{
			"slotmesh rebalance 127.0.0.1:7001 --cluster-use-empty-masters --yes",
			"slotmesh rebalance 127.0.0.1:7001 --cluster-weight 07c37dfe=2 --cluster-weight 67ed2db8=0.5 --dry-run",
		},
		flags: func(f *flag.FlagSet) {
			m.moving(f)
			f.Func("cluster-weight", "`node=weight`: its share in relation to others, 1 without it; may be repeated, or "+
				"more of them may follow", func(text string) error {
				return addWeights(r.Weights, text)
			})
			f.BoolVar(&r.UseEmptyMasters, "cluster-use-empty-masters", false, "give slots to masters that own none, too")
			f.Float64Var(&r.Threshold, "cluster-threshold", migrate.DefaultThreshold,
				"`percent` by which a master may be off its share before slots move")
			f.BoolVar(&m.dry, "cluster-simulate", false, "the same as --dry-run")
			tribNames(f, "weight", "use-empty-masters", "threshold", "simulate")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			var rest []string
			for _, a := range args {
				if !strings.Contains(a, "=") {
					rest = append(rest, a)
				} else if err := addWeights(r.Weights, a); err != nil {
					return usagef("%v", err)
				}
			}
			v, _, err := t.agreed(ctx, rest, 0)
			if err != nil {
				return err
			}
			plan, err := admin.PlanRebalance(v, r)
			if err != nil {
				return err
			}
			if plan.Empty() {
				return t.done(struct {
					Slots int `json:"slots"`
				}{}, "*** No rebalancing needed! All nodes are within the %.2f%% threshold.", r.Threshold)
			}
			return m.move(ctx, v, plan)
		}),
	}
}

// addWeights reads "node=weight", several separated by commas.
func addWeights(weights map[string]float64, text string) error {
	for _, part := range strings.Split(text, ",") {
		node, number, ok := strings.Cut(part, "=")
		w, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil || w < 0 || node == "" {
			return fmt.Errorf("%q is not node=weight, with a weight from 0 up", part)
		}
		weights[node] = w
	}
	return nil
}
