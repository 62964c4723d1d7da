package powercut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/storage"
)

// step is one thing that a node does. The error is of the disk, or an invariant is broken.
func (n *node) step() error {
	defer n.promise()
	switch k := n.r.IntN(33); {
	case k < 12:
		n.write()
		return nil
	case k < 19:
		return n.pump()
	case k < 21:
		return n.log.Flush()
	case k < 25:
		if err := n.endSync(); err != nil {
			return err
		}
		return n.log.Sync()
	case k < 27:
		return n.beginSync()
	case k < 28:
		return n.endSync()
	case k < 29:
		if err := n.endSync(); err != nil {
			return err
		}
		n.note("rotate at %d", n.log.Offset())
		return n.log.Rotate()
	case k < 32:
		n.log.Reserve(int64(n.r.IntN(500)))
	}
	return nil
}

// beginSync begins a Sync that goes on beside the steps that follow.
func (n *node) beginSync() error {
	if err := n.endSync(); err != nil {
		return err
	}
	p, err := n.log.BeginSync()
	if err == nil {
		n.point = &p
	}
	return err
}

func (n *node) endSync() error {
	p := n.point
	if n.point = nil; p == nil {
		return nil
	}
	return n.log.EndSync(*p, p.Sync())
}

// run has a node work until it ends, by an error of the disk or otherwise.
func (n *node) run() error {
	for {
		err := n.step()
		switch k := n.r.IntN(60); {
		case err != nil:
		case k < 2:
			n.note("rename at %d", n.stream.Offset())
			n.rename()
		case k < 4:
			err = n.rewrite()
		case k < 5:
			n.note("another history from %d on", n.stream.Offset())
			n.clear()
			n.in.Close()
			err = n.found()
		case k < 6:
			n.note("kill")
			return nil
		case k < 7:
			return n.close()
		}
		if err != nil {
			if n.disk.Down() || errors.Is(err, errInvariant) || n.r.IntN(2) == 0 {
				return err
			}
			n.note("anew after %v", err)
			n.disk.Limit(-1)
			if err := n.anew(); err != nil {
				return err
			}
		}
	}
}

func (n *node) rewrite() error {
	if err := n.endSync(); err != nil {
		return err
	}
	if n.r.IntN(4) > 0 { // without, the old segments remain
		if err := n.log.Rotate(); err != nil {
			return err
		}
	}
	if err := n.rebase(); err != nil {
		return err
	}
	return n.sweep()
}

func (n *node) close() error {
	for at := int64(-1); at != n.in.Offset(); {
		at = n.in.Offset()
		if err := n.pump(); err != nil {
			return err
		}
	}
	if err := n.endSync(); err != nil {
		return err
	}
	err := n.log.Close()
	if err == nil {
		n.line.promised = max(n.line.promised, n.in.Offset())
		n.note("closed at %d", n.in.Offset())
	}
	return err
}

// simulate runs processes on one disk, through some power cuts.
func simulate(seed uint64, planted bug) (w *world, err error) {
	r := rand.New(rand.NewPCG(seed, 19))
	disk := New(r)
	w = &world{r: r, disk: disk, seen: planted.on(disk), bug: planted}
	for range 1 + r.IntN(4) {
		disk.CutAfter(1 + r.IntN([]int{8, 40, 150}[r.IntN(3)]))
		disk.FailSync(max(0, r.IntN(60)-20))
		if r.IntN(10) == 0 {
			disk.Limit(r.IntN(5000))
		}
		if err := w.untilCut(); err != nil {
			return w, err
		}
		w.cuts++
		w.note("power cut: %v", disk)
		disk.Restart()
	}
	_, err = w.start()
	return w, err
}

// untilCut has one process after the other run until the power is cut.
func (w *world) untilCut() error {
	for !w.disk.Down() {
		n, err := w.start()
		if err == nil {
			err = n.run()
		}
		if err != nil {
			w.note("error: %v", err)
		}
		if errors.Is(err, errInvariant) {
			return err
		}
		if err != nil && !w.disk.Down() && !errors.Is(err, ErrSync) && !errors.Is(err, ErrFull) {
			return broken("an error that the disk has not given: %w", err)
		}
		if errors.Is(err, ErrFull) {
			w.disk.Limit(-1)
		}
		w.disk.Kill()
	}
	return nil
}

// seeds returns how many simulations to run.
func seeds(t *testing.T, n int) uint64 {
	if v := os.Getenv("SLOTMESH_SEEDS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	return uint64(n)
}

// Whatever a power cut leaves, a start succeeds, with all that clients were told is on
// disk, and with the first writes of the history and no others.
func TestSimulation(t *testing.T) {
	cuts := 0
	for seed := range seeds(t, 300) {
		w, err := simulate(seed, noBug)
		if cuts += w.cuts; err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, strings.Join(w.log, "\n"))
		}
	}
	t.Logf("%d power cuts", cuts)
}

// bug is one that is planted, for the simulation to find.
type bug string

const (
	noBug           bug = ""
	replyBeforeSync bug = "clients are told before the bytes are synced"
	namesNotSynced  bug = "the folder is not synced"
	syncTriedAgain  bug = "a Sync that failed is tried again"
	linkedTooSoon   bug = "the manifest names a segment whose header is not synced"
)

func TestSimulationFindsPlantedBugs(t *testing.T) {
	for _, planted := range []bug{replyBeforeSync, namesNotSynced, syncTriedAgain, linkedTooSoon} {
		var found error
		seed := uint64(0)
		for ; found == nil && seed < 2000; seed++ {
			if _, err := simulate(seed, planted); errors.Is(err, errInvariant) {
				found = err
			} else if err != nil {
				t.Fatalf("%s, seed %d: %v", planted, seed, err)
			}
		}
		if found == nil {
			t.Errorf("not found: %s", planted)
		}
		t.Logf("%s: found after %d simulations: %v", planted, seed, found)
	}
}

// on returns the disk as a program with the bug uses it.
func (b bug) on(d *Disk) storage.LogDisk {
	switch b {
	case namesNotSynced, syncTriedAgain, linkedTooSoon:
		return &buggyDisk{d, b}
	}
	return d
}

type buggyDisk struct {
	*Disk
	bug bug
}

func (d *buggyDisk) SyncNames() error {
	if d.bug == namesNotSynced {
		return nil
	}
	return d.Disk.SyncNames()
}

func (d *buggyDisk) Append(name string) (storage.LogFile, error) {
	f, err := d.Disk.Append(name)
	if err != nil {
		return nil, err
	}
	return &buggyFile{f, d.bug, 0}, nil
}

type buggyFile struct {
	storage.LogFile
	bug   bug
	syncs int
}

func (f *buggyFile) Sync() error {
	f.syncs++
	if f.bug == linkedTooSoon && f.syncs == 1 {
		return nil
	}
	err := f.LogFile.Sync()
	if err != nil && f.bug == syncTriedAgain {
		err = f.LogFile.Sync()
	}
	return err
}

func (b bug) String() string { return fmt.Sprintf("%q", string(b)) }

// A byte that changes on the disk stops the start, which names the file, or the start finds
// the first writes of a history that there was. After Fix it does.
func TestSimulationOfDamage(t *testing.T) {
	named := 0
	for seed := range seeds(t, 100) {
		w, err := simulate(seed, noBug)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, l := range w.lines {
			l.promised = -1 // what is at the end may be taken for torn
		}
		names, _ := w.disk.List("log.")
		name := names[w.r.IntN(len(names))]
		w.disk.Damage(name, int(w.r.Uint32()>>1), 1<<w.r.IntN(8))
		var damage *oplog.DamageError
		if _, err = w.start(); err == nil {
			continue
		}
		if named++; !errors.As(err, &damage) || damage.File != name {
			t.Fatalf("seed %d, damage in %s: %v", seed, name, err)
		}
		if _, _, err := oplog.Fix(w.disk); (err == nil) != damage.Mendable() {
			t.Fatalf("seed %d, damage in %s: Fix: %v", seed, name, err)
		}
		if !damage.Mendable() {
			continue
		}
		if _, err := w.start(); err != nil {
			t.Fatalf("seed %d, after damage in %s and Fix: %v", seed, name, err)
		}
	}
	t.Logf("damage was named %d times", named)
}
