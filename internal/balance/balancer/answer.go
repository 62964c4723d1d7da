package balancer

import (
	"context"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/internal/balance"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Answer answers a request of a member, and carries out what a coordinator orders.
func (b *Balancer) Answer(ctx context.Context, request []byte) ([]byte, error) {
	ask, order, err := balance.DecodeRequest(request)
	if err != nil {
		return nil, err
	}
	if order != nil {
		return nil, b.obey(ctx, order)
	}
	m := b.cfg.Map()
	b.mu.Lock()
	answer, _ := b.core.OnAsk(ask, m, time.Now())
	b.mu.Unlock()
	if err := b.keepPause(); err != nil {
		return nil, err
	}
	answer.Report = b.report(m, ask)
	return answer.Append(nil), nil
}

// keepPause saves the pause if it is news, before anybody hears that it is known here.
func (b *Balancer) keepPause() error {
	b.saving.Lock()
	defer b.saving.Unlock()
	b.mu.Lock()
	p, known := b.core.Pause(), b.saved
	b.mu.Unlock()
	if p == known {
		return nil
	}
	if err := storage.WriteFile(b.cfg.Disk, b.cfg.File, balance.AppendPause(nil, p)); err != nil {
		return fmt.Errorf("balance: saving the pause: %w", err)
	}
	b.mu.Lock()
	b.saved = p
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	if p.On != known.On {
		b.log.Info("balancing was paused or goes on", "paused", p.On, "by", p.By)
		b.emit(balance.PauseChanged{On: p.On, By: p.By})
	}
	return nil
}

// report says what moves from here, and what the slots weigh.
func (b *Balancer) report(m *slots.Map, ask *balance.Ask) (r balance.Report) {
	r.Jobs = b.jobs(m.Self())
	self := m.Self()
	if ask.Load == balance.BySlots || self.Slots == nil {
		return r
	}
	for slot := range self.Slots.All() {
		load := b.load(slot, ask.Load)
		r.Total += load
		if ask.EachSlot {
			r.Loads = append(r.Loads, load)
		}
	}
	return r
}

// pageSize is in how many bytes a slot's memory is told, rounded up. Beside that a slot
// counts 1, as much as one of them, so that few bytes in an empty cluster do not matter.
const pageSize = 128

// load returns what a slot weighs; 0 if it is asked for what this version does not know.
func (b *Balancer) load(slot slots.Slot, of balance.Load) int64 {
	switch of {
	case balance.ByKeys:
		return int64(b.cfg.Keys(slot))
	case balance.ByBytes:
		return (b.cfg.Bytes(slot) + pageSize - 1) / pageSize
	}
	return 0
}

// jobs returns the moves from here that are on their way.
func (b *Balancer) jobs(self *slots.Node) (jobs []balance.Job) {
	for _, s := range b.cfg.Node.Migrations() {
		if !s.Import && !s.Over() && s.Job.Kind == migrate.KindMove {
			jobs = append(jobs, balance.Job{From: self.ID, To: s.Job.Target, Slots: s.Job.Slots})
		}
	}
	return jobs
}

// obey carries out an order.
func (b *Balancer) obey(ctx context.Context, o *balance.Order) error {
	m := b.cfg.Map()
	self := m.Self()
	if o.Step.Node != self.ID {
		return fmt.Errorf("balance: the order is for node %s", o.Step.Node)
	}
	b.mu.Lock()
	paused := b.core.Pause().On
	obeys := !paused && b.core.Obeys(o.Term)
	b.mu.Unlock()
	switch {
	case paused:
		return fmt.Errorf("balance: it is paused")
	case !obeys:
		return fmt.Errorf("balance: term %d of node %s is over", o.Term, o.From)
	}
	b.log.Info("carrying out an order", "term", o.Term, "coordinator", o.From, "step", o.Step)
	switch s := &o.Step; s.Kind {
	case balance.Move:
		return b.move(ctx, self, s)
	case balance.Follow:
		if self.HasSlots() {
			return fmt.Errorf("balance: node %s has slots", self.ID)
		}
		if err := b.cfg.Node.Replicate(ctx, s.Peer); err != nil {
			return fmt.Errorf("balance: following %s: %w", s.Peer, err)
		}
		return nil
	case balance.Claim:
		return b.cfg.Node.AddSlots(ctx, s.Slots)
	}
	return fmt.Errorf("balance: step %d is not known to this version", o.Step.Kind)
}

// move starts a job for those of the slots that are still here and in no other job.
func (b *Balancer) move(ctx context.Context, self *slots.Node, s *balance.Step) error {
	set := s.Slots
	if self.Slots == nil {
		set = slots.Set{}
	} else {
		set.Intersect(self.Slots)
	}
	for _, job := range b.jobs(self) {
		set.Subtract(&job.Slots)
	}
	if set.Empty() {
		return fmt.Errorf("balance: none of the slots is at node %s and free to move", self.ID)
	}
	_, err := b.cfg.Node.MigrateSlots(ctx, set, s.Peer)
	return err
}
