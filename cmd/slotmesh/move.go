package main

import (
	"context"
	"flag"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// mover is what reshard, rebalance and drain have in common.
type mover struct {
	*task
	o       admin.MoveOptions
	timeout int // ms
	dry     bool
}

func (m *mover) moving(f *flag.FlagSet) {
	m.asking(f)
	f.IntVar(&m.o.Pipeline, "cluster-pipeline", 0, "`keys` per MIGRATE; without it as many as keep a node busy for "+
		"about 50 ms")
	f.IntVar(&m.timeout, "cluster-timeout", 60_000, "`milliseconds` that a MIGRATE may take")
	f.BoolVar(&m.o.Replace, "cluster-replace", false, "overwrite keys that the target holds already")
	f.BoolVar(&m.dry, "dry-run", false, "show the plan only")
	tribNames(f, "pipeline", "timeout")
}

const movingHelp = "Nodes that can, move their slots by themselves; elsewhere keys travel by SETSLOT and " +
	"MIGRATE. Clients go on reading and\n" +
	"writing. Interrupted, even by kill -9, the same command finishes the work."

// move shows a plan and carries it out.
func (m *mover) move(ctx context.Context, v *admin.View, plan *admin.MovePlan) error {
	m.o.Timeout = time.Duration(m.timeout) * time.Millisecond
	if m.dry {
		return m.result(plan, plan)
	}
	if !plan.Empty() {
		if err := m.confirm(ctx, plan, "Do you want to proceed with the proposed plan?"); err != nil {
			return err
		}
	}
	begin := time.Now()
	if err := m.client.Move(ctx, v, plan, m.o); err != nil {
		return err
	}
	took, moved, of := time.Since(begin), plan.Finish.Len()+plan.Moves.Len(), m.show.done()
	return m.done(struct {
		Slots   int     `json:"slots"`
		Keys    int64   `json:"keys"`
		Bytes   int64   `json:"bytes,omitempty"`
		Resumed bool    `json:"resumed"`
		Seconds float64 `json:"seconds"`
	}{moved, of.Keys, of.Bytes, plan.Resumed, took.Seconds()}, "[OK] %d slots with %d keys moved in %v.", moved, of.Keys,
		took.Round(time.Millisecond))
}

// missing is the error for a flag that has to be given.
func missing(flag, what string) error { return usagef("%s is missing: %s", flag, what) }
