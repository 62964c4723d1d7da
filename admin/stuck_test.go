package admin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// A move that nodes make by themselves waits for a target that dies, perhaps for ever.
// Check tells of it, fix does not wait too, and once the target is given up and forgotten
// no slot is open.
func TestTargetOfAMoveDies(t *testing.T) {
	for name, under := range map[string]time.Duration{"before the first key": 0, "in the middle": 700 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := operate(t)
				target := s.id(3)
				if under == 0 {
					s.c.Kill(3)
				} else {
					s.c.Delay(100 * time.Millisecond)
				}
				s.do(0, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 0, 999, "NODE", target)
				if under > 0 {
					time.Sleep(under)
					s.c.Kill(3)
					s.c.Delay(0)
				}
				time.Sleep(time.Minute)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				d, err := s.admin.Diagnose(ctx, s.view())
				if err != nil {
					t.Fatal(err)
				}
				if !d.Report.Has(admin.StuckMove) {
					t.Errorf("found\n%s", d.Report)
				}
				if _, err := s.admin.Fix(ctx, d.View, admin.FixOptions{WithUnreachableMasters: true}); err != nil {
					t.Fatal(err)
				}
				plan, err := s.admin.PlanDelNode(ctx, s.view(), target.String())
				if err == nil {
					err = s.admin.DelNode(ctx, s.view(), plan)
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if d, err = s.admin.Diagnose(ctx, s.view()); err != nil {
					t.Fatal(err)
				}
				if len(d.Report) > 0 {
					t.Errorf("at the end\n%s", d.Report)
				}
				for _, n := range d.View.Nodes {
					for _, j := range n.JobsNow {
						if !j.Ended() {
							t.Errorf("%s: a move is still under way: %+v", n.Name(), j)
						}
					}
				}
			})
		})
	}
}

// Who interrupts a move that nodes make by themselves is told that it goes on, and how to
// stop it.
func TestInterruptedJobGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := operate(t)
		s.c.Delay(50 * time.Millisecond)
		v := s.view()
		part := admin.Reshard{Slots: 1000, To: s.id(0).String(), From: []string{s.id(3).String()}}
		plan, err := s.admin.PlanReshard(v, part)
		if err != nil {
			t.Fatal(err)
		}
		ctx, interrupt := context.WithTimeout(t.Context(), time.Second)
		defer interrupt()
		err = s.admin.Move(ctx, v, plan, admin.MoveOptions{})
		var stopped *admin.StepError
		if !errors.As(err, &stopped) || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "goes on by itself; to stop it, send CLUSTER CANCELSLOTMIGRATIONS to "+
				s.c.Addrs()[3]) {
			t.Errorf("interrupted: %v", err)
		}
		s.c.Delay(0)
		if plan, err = s.admin.PlanReshard(s.view(), part); err == nil {
			err = s.admin.Move(t.Context(), s.view(), plan, admin.MoveOptions{})
		}
		if err != nil {
			t.Errorf("again: %v", err)
		}
		if owned := s.c.Node(0).Map().Self().Slots; owned.Len() != 5096 {
			t.Errorf("the target owns %d slots, want the 4096 it had and 1000", owned.Len())
		}
		s.sound()
	})
}

// A run whose slots another run has begun to move a moment before, interrupted or not, waits
// for that move.
func TestMoveThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := operate(t)
		v := s.view()
		plan, err := s.admin.PlanReshard(v, admin.Reshard{Slots: 1000, To: s.id(0).String(),
			From: []string{s.id(3).String()}})
		if err != nil {
			t.Fatal(err)
		}
		s.c.Delay(50 * time.Millisecond)
		ended := make(chan error)
		for range 2 {
			go func() { ended <- s.admin.Move(t.Context(), v, plan, admin.MoveOptions{}) }()
		}
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		s.c.Delay(0)
		if owned := s.c.Node(0).Map().Self().Slots; owned.Len() != 5096 {
			t.Errorf("the target owns %d slots, want the 4096 it had and 1000", owned.Len())
		}
		s.sound()
	})
}

// A master that gives away its last slot becomes a replica. Those who took its slots hear
// nevertheless that the moves are over: the next verb would wait for them.
func TestDrainedMasterLeavesNoMoveUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := operate(t)
		v := s.view()
		plan, err := admin.PlanDrain(v, s.id(3).String())
		if err == nil {
			err = s.admin.Move(t.Context(), v, plan, admin.MoveOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for _, n := range s.view().Nodes {
			for _, j := range n.JobsNow {
				if !j.Succeeded() {
					t.Errorf("%s tells of a move of slots %s: %s %s", n.Name(), j.Slots, j.State, j.Message)
				}
			}
		}
	})
}
