package server

import (
	"maps"
	"slices"
	"sync"

	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// subscriptions are what a client has subscribed to. The session's goroutine changes them;
// only those to channels of shards end elsewhere, too: when their slot leaves this node.
type subscriptions struct {
	mu    sync.Mutex // guards what follows
	names [3]map[string]struct{}
	bytes int // that they take
}

// subscriptionOverhead is what a subscription takes beside its name: here, and in the
// registry.
const subscriptionOverhead = 300

// wordsOf are the first words of what confirms that a subscription has begun and ended.
var wordsOf = [...]struct{ begun, ended string }{
	pubsub.Channel: {"subscribe", "unsubscribe"},
	pubsub.Pattern: {"psubscribe", "punsubscribe"},
	pubsub.Shard:   {"ssubscribe", "sunsubscribe"},
}

// Deliver sends the client a message: see pubsub.Subscriber.
func (s *session) Deliver(m *pubsub.Message) {
	var b []byte
	if s.hasFlag(clientRESP3) {
		b = m.RESP3()
	} else {
		b = m.RESP2()
	}
	switch publisher, _ := m.Publisher.(*session); publisher {
	case nil:
		s.push(b)
	case s:
		s.pushSelf(b)
	default:
		s.pushFrom(&publisher.fanOut, b)
	}
}

// Drop tells the client that a subscription has ended with its slot: see
// pubsub.Subscriber.
func (s *session) Drop(channel string) (stays bool) {
	left := s.noteSubscription(pubsub.Shard, channel, false)
	w := resp.Writer{RESP3: s.hasFlag(clientRESP3)}
	appendConfirmation(&w, wordsOf[pubsub.Shard].ended, []byte(channel), left)
	s.push(w.B)
	return false
}

// subscribe confirms a subscription, which the client may have had before.
func (s *session) subscribe(kind pubsub.Kind, name []byte) {
	if s.subs == nil {
		s.subs = new(subscriptions)
	}
	s.startPushing()
	n := 0
	if s.srv.cfg.Pubsub.Subscribe(s, kind, string(name)) {
		n = s.noteSubscription(kind, string(name), true)
		s.awaitInterest = true
		s.stillMaySubscribe(kind, name)
		s.mayKeepSubscriptions()
	} else {
		n = s.subscribed(kind)
	}
	s.confirm(wordsOf[kind].begun, name, n)
}

// unsubscribe ends subscriptions and confirms it: those that are named, whether the client
// has them or not, or all.
func (s *session) unsubscribe(kind pubsub.Kind, names [][]byte) {
	if len(names) == 0 {
		for _, name := range s.subscriptionNames(kind) {
			names = append(names, []byte(name))
		}
	}
	for _, name := range names {
		s.endSubscription(kind, string(name))
		s.confirm(wordsOf[kind].ended, name, s.subscribed(kind))
	}
	if len(names) == 0 {
		s.confirm(wordsOf[kind].ended, nil, s.subscribed(kind))
	}
}

func (s *session) endSubscription(kind pubsub.Kind, name string) {
	if s.subs != nil && s.srv.cfg.Pubsub.Unsubscribe(s, kind, name) {
		s.noteSubscription(kind, name, false)
	}
}

// unsubscribeAll ends all subscriptions without a word.
func (s *session) unsubscribeAll() {
	for _, kind := range []pubsub.Kind{pubsub.Channel, pubsub.Pattern, pubsub.Shard} {
		for _, name := range s.subscriptionNames(kind) {
			s.endSubscription(kind, name)
		}
	}
	s.Subscribed = false
}

// subscriptionNames returns the names of a kind in their order.
func (s *session) subscriptionNames(kind pubsub.Kind) []string {
	if s.subs == nil {
		return nil
	}
	s.subs.mu.Lock()
	defer s.subs.mu.Unlock()
	return slices.Sorted(maps.Keys(s.subs.names[kind]))
}

// noteSubscription notes that a subscription has begun or ended, and returns the number that
// confirms it.
func (s *session) noteSubscription(kind pubsub.Kind, name string, begun bool) int {
	subs, sh := s.subs, &s.shared
	subs.mu.Lock()
	defer subs.mu.Unlock()
	if begun {
		if subs.names[kind] == nil {
			subs.names[kind] = make(map[string]struct{})
		}
		subs.names[kind][name] = struct{}{}
		subs.bytes += len(name) + subscriptionOverhead
	} else {
		delete(subs.names[kind], name)
		subs.bytes -= len(name) + subscriptionOverhead
	}
	sh.channels.Store(int32(len(subs.names[pubsub.Channel])))
	sh.patterns.Store(int32(len(subs.names[pubsub.Pattern])))
	sh.shardChannels.Store(int32(len(subs.names[pubsub.Shard])))
	sh.subscribed.Store(int64(subs.bytes))
	s.setFlag(clientPubsub, sh.channels.Load()+sh.patterns.Load()+sh.shardChannels.Load() > 0)
	return s.subscribed(kind)
}

// subscribed returns the number that confirms subscriptions of a kind: those to channels of
// shards are counted for themselves.
func (s *session) subscribed(kind pubsub.Kind) int {
	if kind == pubsub.Shard {
		return int(s.shared.shardChannels.Load())
	}
	return int(s.shared.channels.Load() + s.shared.patterns.Load())
}

// confirm tells the client of a subscription. CLIENT REPLY has no say in that.
func (s *session) confirm(word string, name []byte, n int) {
	s.noteSubscribed()
	if s.replies == repliesOn {
		appendConfirmation(&s.Out, word, name, n)
		return
	}
	w := resp.Writer{B: s.loud, RESP3: s.Out.RESP3}
	appendConfirmation(&w, word, name, n)
	s.loud = w.B
}

// appendConfirmation writes that a subscription to name has begun or ended; nil is none.
func appendConfirmation(w *resp.Writer, word string, name []byte, n int) {
	w.Push(3)
	w.BulkString(word)
	if name == nil {
		w.Null()
	} else {
		w.Bulk(name)
	}
	w.Int(int64(n))
}

// mayKeepSubscriptions closes the client if its subscriptions take more memory than a
// command may.
func (s *session) mayKeepSubscriptions() {
	taken := s.shared.subscribed.Load()
	if taken <= int64(s.limits.Query.MaxQuery) || s.hangUp {
		return
	}
	s.srv.cfg.Logger.Warn("client closed: its subscriptions exceed the query buffer limit", "client", s.id,
		"addr", s.conn.RemoteAddr(), "bytes", taken)
	s.hangUp = true
}

// noteSubscribed notes whether the client may do no more than a subscriber.
func (s *session) noteSubscribed() { s.Subscribed = !s.Out.RESP3 && s.hasFlag(clientPubsub) }

// mayWhileSubscribed returns the refusal of a command by a client that speaks RESP2, and so
// could not tell its reply from messages.
func (s *session) mayWhileSubscribed(cmd *commands.Command) error {
	if s.noteSubscribed(); !s.Subscribed {
		return nil
	}
	switch cmd.Name {
	case "ping", "subscribe", "ssubscribe", "psubscribe", "unsubscribe", "sunsubscribe", "punsubscribe", "quit", "reset":
		return nil
	}
	return replyError("ERR Can't execute '" + cmd.Name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / " +
		"RESET are allowed in this context")
}
