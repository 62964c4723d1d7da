package replication

import "time"

// Status returns where the node stands.
func (r *Replicator) Status() Status {
	s := Status{
		History:         r.cfg.Log.History(),
		Backlog:         r.cfg.Log.Info(),
		FullSyncs:       r.full.Load(),
		PartialSyncs:    r.partial.Load(),
		RefusedPartials: r.refused.Load(),
	}
	now := time.Now()
	for _, p := range *r.replicas.Load() {
		if !p.known.Load() || p.cause.Load() != nil {
			continue
		}
		heard := r.timeOf(p.heard.Load())
		replica := Replica{ID: p.id, Addr: p.addr, Remote: p.conn.RemoteAddr().String(), Offset: p.held.Load(),
			Lag: now.Sub(heard)}
		if p.online.Load() {
			replica.State = ReplicaOnline
		}
		s.Replicas = append(s.Replicas, replica)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.follower; p != nil {
		s.Master, s.Link, s.Progress = p.master, p.state, p.progress
		if p.state != LinkConnected {
			s.DownSince = p.down
		} else {
			s.Lagging = max(0, p.offset.Load()-s.History.Offset)
		}
		if heard := p.heard.Load(); heard != 0 {
			s.LastHeard = r.timeOf(heard)
		}
	}
	return s
}
