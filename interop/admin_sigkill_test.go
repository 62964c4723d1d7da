package interop

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// TestAdminDrainSurvivesKill: an interrupted drain is finished by the same call. It runs
// on slotmesh nodes only: about one in twenty drains of a Redis 7.0 master, interrupted
// or not, leaves a target without one of the slots it was given, which Settle and fix
// give it again; the reason is not known.
func TestAdminDrainSurvivesKill(t *testing.T) {
	t.Parallel()
	const keys = 5000
	c, nodes := created(t, 3, 0, serve)
	verify := fill(t, nodes, keys)
	var victim *process
	// Another node each time: a master that has lost its last slot becomes a replica.
	join := func(int) {
		ctx := soon(t)
		victim = serve(t)
		v := view(t, c, nodes[0])
		add, err := c.PlanAddNode(ctx, v, admin.AddNode{Node: victim.addr()})
		if err == nil {
			err = c.AddNode(ctx, v, add)
		}
		if err != nil {
			t.Fatal(err)
		}
		agreed(t, c, nodes[0])
		v = view(t, c, nodes[0])
		plan, err := c.PlanReshard(v, admin.Reshard{Slots: 60, To: victim.addr()})
		if err == nil {
			err = c.Move(ctx, v, plan, admin.MoveOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		agreed(t, c, nodes[0])
	}
	killEverywhere(t,
		join,
		func(ctx context.Context, c *admin.Client) error {
			v, err := c.View(ctx, nodes[0].addr())
			if err == nil {
				v, err = c.WaitAgreed(ctx, v)
			}
			if err != nil {
				return err
			}
			plan, err := admin.PlanDrain(v, victim.addr())
			if n, e := v.Find(victim.addr()); err != nil && e == nil && !n.IsMaster() {
				return nil // it was killed after the last slot had moved
			}
			if err != nil {
				return err
			}
			return c.Move(ctx, v, plan, admin.MoveOptions{})
		},
		func(bool) {
			healthy(t, c, nodes[0], keys)
			if got := owns(t, c, nodes[0], victim.addr()); got != 0 {
				t.Errorf("the drained master owns %d slots", got)
			}
			ctx := soon(t)
			v := view(t, c, nodes[0])
			plan, err := c.PlanDelNode(ctx, v, victim.addr())
			if err == nil {
				err = c.DelNode(ctx, v, plan)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	verify()
}

// TestCommandKilledInTheMiddle: kill -9 ends the command while slots move; the same
// command line again finishes what it had begun, and moves no slot more.
func TestCommandKilledInTheMiddle(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	eachBackend(t, func(t *testing.T, b backend) {
		const keys, moved = 20_000, 2000
		c, nodes := created(t, 3, 0, b.start)
		verify := fill(t, nodes, keys)
		home := t.TempDir()
		inTheMiddle := 0
		// More rounds where the machine was too slow to kill in time.
		for round := 0; round < 6 || inTheMiddle == 0 && round < 40; round++ {
			agreed(t, c, nodes[0])
			target := nodes[round%3]
			before := owns(t, c, nodes[0], target.addr())
			command := func() (*exec.Cmd, *bytes.Buffer) {
				var out bytes.Buffer
				cmd := exec.Command(path, "reshard", nodes[0].addr(), "--cluster-from", "all", "--cluster-to", target.addr(),
					"--cluster-slots", strconv.Itoa(moved), "--yes")
				cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+home, "HOME="+home)
				cmd.Stdout, cmd.Stderr = &out, &out
				return cmd, &out
			}
			cmd, _ := command()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			killedAt := killOnceItMoves(t, c, target.addr(), before+1+round%6*moved/10, cmd, ended)
			if killedAt >= 0 && killedAt-before < moved {
				inTheMiddle++
			}
			cmd, out := command()
			if killedAt >= 0 {
				if err := cmd.Run(); err != nil {
					t.Fatalf("killed when the target owned %d slots more, the second run: %v\n%s", killedAt-before, err,
						tail(out.String(), 40))
				}
			}
			// Shares are rounded; more would mean that the second run began anew.
			if got := owns(t, c, nodes[0], target.addr()) - before; got < moved-2 || got > moved {
				t.Errorf("round %d: the target got %d slots, want %d; killed at %d\n%s", round, got, moved, killedAt-before,
					tail(out.String(), 40))
			}
			healthy(t, c, nodes[0], keys)
			t.Logf("round %d: killed after %d slots of %d", round, killedAt-before, moved)
		}
		verify()
		if inTheMiddle == 0 {
			t.Error("the command was never killed while it moved slots")
		}
	})
}

// killOnceItMoves kills the command when a node owns so many slots, and returns how many
// it owned then; -1 if the command ended before.
func killOnceItMoves(t *testing.T, c *admin.Client, addr string, slots int, cmd *exec.Cmd, ended chan error) int {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				t.Fatalf("of itself: %v", err)
			}
			return -1
		case <-limit:
			t.Fatal("the command moves nothing")
		default:
		}
		v, err := c.View(soon(t), addr)
		if err != nil {
			t.Fatal(err)
		}
		owned := v.Nodes[0].Slots()
		if owned.Len() < slots {
			continue
		}
		cmd.Process.Kill()
		if <-ended == nil { // it was through already
			return -1
		}
		return owned.Len()
	}
}
