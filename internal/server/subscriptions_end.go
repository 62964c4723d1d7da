package server

import (
	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/slots"
)

// Subscriptions end otherwise than by the client's wish when the slot of a channel leaves
// the shard, and, together with the connection, when the client's user loses the right to a
// channel.

// MapChanged ends subscriptions to channels of slots that this node had under the map before
// and has no more, and forgets what the slots have used. The map after it must be in force already.
//
// A failover within the shard ends none: the messages of the new master reach its replicas,
// of which the old one is one. Redis ends them at the old master and its replicas.
func (s *Server) MapChanged(before, after *slots.Map) {
	if before == nil {
		return
	}
	s.tracker.mapChanged(before, after)
	gone, kept := before.ChannelSlots(), after.ChannelSlots()
	gone.Subtract(&kept)
	if gone.Len() == 0 {
		return
	}
	s.engine.Store().Barrier(&gone) // no SSUBSCRIBE acts on the map before any more
	s.engine.Store().ForgetUse(&gone)
	if n := s.cfg.Pubsub.DropSlots(&gone); n > 0 {
		s.cfg.Logger.Debug("subscriptions ended with their slots", "subscriptions", n, "slots", gone.Len())
	}
}

// channelRights are the rights of a user before they change.
type channelRights struct {
	user  *acl.User // nil: there was none
	rules *acl.Rules
}

func (s *Server) channelRights(name string) channelRights {
	u := s.users.Lookup(name)
	if u == nil {
		return channelRights{}
	}
	return channelRights{u, u.Rules()}
}

// disconnectSubscribers closes the connections of a user that have subscribed to channels
// which the user has lost the right to; the session's own after the reply.
func (s *session) disconnectSubscribers(before channelRights) {
	if before.user == nil || !before.user.Rules().MayLoseChannels(before.rules) {
		return
	}
	rules := before.user.Rules()
	for _, other := range s.srv.clients() {
		if other.shared.user.Load() == before.user && other.hasFlag(clientPubsub) && !other.allSubscriptionsAllowed(rules) {
			s.srv.cfg.Logger.Debug("client closed: its user has lost the right to a channel", "client", other.id,
				"addr", other.conn.RemoteAddr(), "user", before.user.Name())
			s.kill(other)
		}
	}
}

func (s *session) allSubscriptionsAllowed(rules *acl.Rules) bool {
	s.subs.mu.Lock()
	defer s.subs.mu.Unlock()
	for kind, names := range s.subs.names {
		for name := range names {
			if !rules.AllowsChannel([]byte(name), pubsub.Kind(kind) == pubsub.Pattern) {
				return false
			}
		}
	}
	return true
}

// stillMaySubscribe closes the client if its user has lost the right to a channel since the
// command was checked: disconnectSubscribers may not have seen the subscription.
func (s *session) stillMaySubscribe(kind pubsub.Kind, name []byte) {
	if !s.user.Unrestricted() && !s.user.Rules().AllowsChannel(name, kind == pubsub.Pattern) {
		s.hangUp = true
	}
}
