package server

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/slots"
)

// Acks tells what replicas hold. Offsets count the bytes of the replication stream.
type Acks interface {
	// Term counts the changes of role. It is asked for before a write, since afterwards this
	// node may have become a replica, and its offset another stream's.
	Term() uint64
	// Mark returns a place that covers the writes since Term returned term: an offset in the
	// stream of a term as a master.
	Mark(term uint64) Mark
	// WaitAcked waits until k replicas hold what a client has written, or ctx ends; n is how
	// many do. From then on that is promised, up to k, wherever the slots move.
	WaitAcked(ctx context.Context, w *Written, k int) (n int, err error)
	// WaitDurable waits until k replicas and, if local, this node have on disk what a client
	// has written, or ctx ends. It returns whether this node does, and how many replicas do;
	// what WaitAcked promises of replicas goes for these.
	WaitDurable(ctx context.Context, w *Written, local bool, k int) (here bool, n int)
	// Departed counts how often keys have left this node. It is asked for before a write.
	Departed() uint64
}

// Mark is a place in the replication stream; the zero Mark is that of no write.
type Mark struct {
	Term   uint64
	Offset int64
}

// Written is what a client has written, as far as it may still ask how many replicas hold
// it.
type Written struct {
	To       Mark         // behind the last write
	Slots    []slots.Slot // with writes since an earlier answer …
	Many     bool         // … which may be in any other slot, too
	Departed uint64       // Acks.Departed before the first of these
	// Earlier is the smallest number that earlier writes were answered with, math.MaxInt if
	// there are none.
	Earlier int
}

// manySlots is how many slots a session remembers.
const manySlots = 8

// Copies tells which replies have to wait because other nodes keep copies of keys.
type Copies interface {
	// Mark returns what a write that has just been carried out in slot waits for, 0 if for
	// nothing: then it costs next to nothing. Latest is Mark for a write that may have changed
	// any slot.
	Mark(slot slots.Slot) uint64
	Latest() uint64
	// Await returns when no node serves a copy of what was replaced by a write with this mark
	// or a smaller one, or with ctx's error. It takes a few seconds at most.
	Await(ctx context.Context, mark uint64) error
}

// nobodys are the Copies of a node without others.
type nobodys struct{}

func (nobodys) Mark(slots.Slot) uint64              { return 0 }
func (nobodys) Latest() uint64                      { return 0 }
func (nobodys) Await(context.Context, uint64) error { return nil }

// Disk is the log on disk, as far as replies have to wait for it.
type Disk interface {
	// Behind reports whether a reply has to wait, by Await.
	Behind() bool
	// Await returns when what a reply shows is on disk. After an error no reply that shows or
	// has changed keys must leave; wrote says that there is one to a write.
	Await(ctx context.Context, wrote bool) error
	// MayShow returns why no keys must be shown, nil if they may. It is asked for after
	// Server.SetUnlogged.
	MayShow() error
}

// noDisk is the Disk of a node that keeps no log.
type noDisk struct{}

func (noDisk) Behind() bool                      { return false }
func (noDisk) Await(context.Context, bool) error { return nil }
func (noDisk) MayShow() error                    { return nil }

// writes is what one session has written, and what its client may learn about the copies.
// Every acknowledgement goes this way: a session calls begin before a command or
// transaction that may write and end after it; WAIT asks by held; and where Config.Sync,
// or the Sync of a Call, asks for copies of each write, or other nodes keep copies of what
// was there before, confirm is called before a reply leaves.
type writes struct {
	acks   Acks // nil: there is no replication
	sync   int  // how many replicas must hold a write before its reply leaves
	copies Copies
	stale  uint64 // what the replies wait for of copies

	Written
	term        uint64 // of this node before the present command
	answered    int    // the latest answer, 0 if there was a write since
	unconfirmed bool   // replies wait for replicas
	wrote       bool   // replies that wait are to writes
	shown       bool   // … or show keys
	at          [manySlots]slots.Slot
}

func newWrites(acks Acks, sync int, copies Copies) writes {
	return writes{acks: acks, sync: sync, copies: copies, Written: Written{Earlier: math.MaxInt}}
}

// begin goes before a write.
func (w *writes) begin() {
	if w.acks == nil {
		return
	}
	w.term = w.acks.Term()
	if w.answered > 0 {
		w.Earlier = min(w.Earlier, w.answered)
		w.answered, w.Slots, w.Many = 0, w.at[:0], false
	}
	if len(w.Slots) == 0 && !w.Many {
		w.Departed = w.acks.Departed()
	}
}

// beganAt is begin for a write that another session has carried out, when term and
// departed were what Acks said.
func (w *writes) beganAt(term, departed uint64) {
	w.term = term
	if len(w.Slots) == 0 && !w.Many {
		w.Departed = departed
	}
}

// end goes after a write in slot.
func (w *writes) end(slot slots.Slot) {
	w.stale = max(w.stale, w.copies.Mark(slot))
	w.unconfirmed, w.wrote = w.stale > 0, true
	if w.acks == nil {
		return
	}
	w.To = w.acks.Mark(w.term)
	w.unconfirmed = w.unconfirmed || w.sync > 0
	n := len(w.Slots)
	switch {
	case n > 0 && w.Slots[n-1] == slot || w.Many || slices.Contains(w.Slots, slot):
	case n == manySlots:
		w.Many = true
	default:
		w.Slots = append(w.at[:n], slot)
	}
}

// endAll goes after a write that may have changed every slot, beside end.
func (w *writes) endAll() {
	w.stale = max(w.stale, w.copies.Latest())
	w.unconfirmed, w.wrote = w.unconfirmed || w.stale > 0, true
}

// any reports whether there has been a write.
func (w *writes) any() bool { return w.To != Mark{} }

// held waits until k replicas hold the last write, and returns how many do.
func (w *writes) held(ctx context.Context, k int) (int, error) {
	if !w.any() {
		return w.acks.WaitAcked(ctx, &Written{To: Mark{Term: w.acks.Term()}, Earlier: math.MaxInt}, k)
	}
	n, err := w.acks.WaitAcked(ctx, &w.Written, k)
	if got := min(n, k); got > 0 {
		w.answered = max(w.answered, got)
	}
	return n, err
}

// durable waits until k replicas and, if local, this node have the last write on disk, and
// returns whether this node does and how many replicas do.
func (w *writes) durable(ctx context.Context, local bool, k int) (here bool, n int) {
	if !w.any() {
		return w.acks.WaitDurable(ctx, &Written{To: Mark{Term: w.acks.Term()}, Earlier: math.MaxInt}, local, k)
	}
	here, n = w.acks.WaitDurable(ctx, &w.Written, local, k)
	if got := min(n, k); got > 0 {
		w.answered = max(w.answered, got)
	}
	return here, n
}

// syncTimeout bounds the wait for replicas when replies depend on them.
const syncTimeout = 5 * time.Second

// confirm waits until no node serves copies of what was there before, and as many replicas
// hold the writes as sync asks for; without a deadline of ctx no longer than syncTimeout.
// After an error the replies must not leave: the writes may be lost in a failover, or
// readers may not see them yet.
func (w *writes) confirm(ctx context.Context) error {
	w.unconfirmed = false
	if err := w.awaitCopies(ctx); err != nil {
		return err
	}
	if w.acks == nil || w.sync <= 0 {
		return nil
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, syncTimeout)
		defer cancel()
	}
	_, err := w.held(ctx, w.sync)
	return err
}

// awaitCopies waits until no node serves copies of what was there before the writes.
func (w *writes) awaitCopies(ctx context.Context) error {
	if w.stale == 0 {
		return nil
	}
	mark := w.stale
	w.stale = 0
	return w.copies.Await(ctx, mark)
}

// shows reports whether a reply to cmd may show keys.
func shows(cmd *commands.Command) bool {
	return cmd.Has(commands.ReadOnly|commands.Write|commands.MayWrite) || cmd.Has(commands.Now) && cmd.Name == "exec"
}

// mayShow returns why cmd must not be carried out while the log on disk has failed: it would
// show what could vanish. What is carried out on a slot is asked about there, since this
// node may not be the one that has to answer: see engine.Engine.SetViewVeto.
func mayShow(cmd *commands.Command, disk Disk) error {
	if cmd.Tx != nil || !cmd.Has(commands.ReadOnly) {
		return nil
	}
	return disk.MayShow()
}
