package messages

import (
	"sync/atomic"

	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/slots"
)

// Publish sends a message to the other nodes that have a subscriber of the channel, or of a
// pattern that it matches. It never blocks.
func (m *Messenger) Publish(channel, payload []byte) {
	receivers := *m.receivers.Load()
	if len(receivers) == 0 {
		return
	}
	digest := interest.Digest(channel)
	for _, r := range receivers {
		r.mu.RLock()
		wants := r.wants.WantsMessage(digest, channel)
		r.mu.RUnlock()
		if wants {
			m.post(r, typeChannel, &m.counts.sent, channel, payload)
		}
	}
}

// PublishShard sends a message to the other nodes that have a subscriber of the sharded
// channel: those of the shard that owns slot and, of kind interest.FarShard, any. It never
// blocks.
func (m *Messenger) PublishShard(slot slots.Slot, channel, payload []byte) {
	receivers := *m.receivers.Load()
	if len(receivers) == 0 {
		return
	}
	members := m.cfg.Map()
	owner := members.Owner(slot)
	if owner == nil {
		return
	}
	digest := interest.Digest(channel)
	for _, r := range receivers {
		n := members.Node(r.id)
		local := n != nil && shardOf(n) == owner.ID
		r.mu.RLock()
		wants := r.wants.WantsShard(digest, local)
		r.mu.RUnlock()
		if wants {
			m.post(r, typeShard, &m.counts.sentShard, channel, payload)
		}
	}
}

func (m *Messenger) post(r *Receiver, kind byte, sent *atomic.Uint64, channel, payload []byte) {
	if r.out.post(kind, channel, payload) {
		sent.Add(1)
	} else {
		m.counts.dropped.Add(1)
	}
}
