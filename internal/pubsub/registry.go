package pubsub

import (
	"bytes"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/slots"
)

// Subscriber gets messages. Its methods are called under locks of the registry, on the
// goroutine that publishes: they must not wait, and must not call the registry. It
// must be comparable: one subscriber subscribes to a name once.
type Subscriber interface {
	// Deliver takes a message.
	Deliver(m *Message)
	// Drop tells that the slot of a shard's channel has left this node. The subscription has
	// ended, and no message of that channel comes after it, unless it stays: a subscriber
	// that is no client may get the messages of other shards.
	Drop(channel string) (stays bool)
}

// Config configures a Registry.
type Config struct {
	// Interest is told when a name gets its first subscriber on this node (on) and when it
	// has lost its last one, in order for each name. It is called under a lock: it must not
	// wait, and must not call the registry. nil: nobody wants to know.
	Interest func(kind Kind, name string, on bool)
}

// Registry has the subscriptions of one node. It is safe for concurrent use.
type Registry struct {
	interest func(kind Kind, name string, on bool)
	seed     maphash.Seed
	channels [stripes]stripe // by a hash of the name
	shards   [stripes]stripe // by the slot
	patterns patterns
}

// stripes is a power of two.
const stripes = 64

// stripe is a part of the channels.
type stripe struct {
	mu     sync.RWMutex
	topics map[string]*topic
}

// patterns are few, and a message is compared with all of them.
type patterns struct {
	count  atomic.Int64 // len(list): most nodes have none
	mu     sync.RWMutex
	list   []pattern
	byName map[string]int // in list
}

type pattern struct {
	*topic
	wild   []byte // its name
	prefix int    // bytes of wild that every match begins with
}

func newPattern(name string) pattern {
	p := pattern{topic: &topic{name: name}, wild: []byte(name), prefix: len(name)}
	if i := strings.IndexAny(name, `*?[\`); i >= 0 {
		p.prefix = i
	}
	return p
}

// matches costs little for the many patterns that differ from the channel early. As in
// Redis, a name without a letter matches no pattern but the one without a letter.
func (p *pattern) matches(channel []byte) bool {
	if len(channel) == 0 {
		return len(p.wild) == 0
	}
	return bytes.HasPrefix(channel, p.wild[:p.prefix]) && glob.Match(p.wild[p.prefix:], channel[p.prefix:])
}

// New returns a registry without subscriptions.
func New(cfg Config) *Registry {
	r := &Registry{interest: cfg.Interest, seed: maphash.MakeSeed()}
	if r.interest == nil {
		r.interest = func(Kind, string, bool) {}
	}
	return r
}

// stripeOf returns where a channel, which is no pattern, belongs.
func (r *Registry) stripeOf(kind Kind, name string) *stripe {
	if kind == Shard {
		return &r.shards[slots.OfString(name)%stripes]
	}
	return &r.channels[maphash.String(r.seed, name)%stripes]
}

// Subscribe reports whether s had not subscribed to the name yet.
func (r *Registry) Subscribe(s Subscriber, kind Kind, name string) (added bool) {
	if kind == Pattern {
		return r.subscribePattern(s, name)
	}
	st := r.stripeOf(kind, name)
	st.mu.Lock()
	defer st.mu.Unlock()
	t := st.topics[name]
	if t == nil {
		t = &topic{name: name}
		if st.topics == nil {
			st.topics = make(map[string]*topic)
		}
		st.topics[name] = t
		r.interest(kind, name, true)
	}
	return t.add(s)
}

func (r *Registry) subscribePattern(s Subscriber, name string) (added bool) {
	p := &r.patterns
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := p.byName[name]
	if !ok {
		if p.byName == nil {
			p.byName = make(map[string]int)
		}
		i = len(p.list)
		p.list = append(p.list, newPattern(name))
		p.byName[name] = i
		p.count.Store(int64(len(p.list)))
		r.interest(Pattern, name, true)
	}
	return p.list[i].add(s)
}

// Unsubscribe reports whether s had subscribed to the name. No message of it comes after.
func (r *Registry) Unsubscribe(s Subscriber, kind Kind, name string) (removed bool) {
	if kind == Pattern {
		return r.unsubscribePattern(s, name)
	}
	st := r.stripeOf(kind, name)
	st.mu.Lock()
	defer st.mu.Unlock()
	t := st.topics[name]
	if t == nil {
		return false
	}
	removed, left := t.remove(s)
	if left == 0 {
		delete(st.topics, name)
		r.interest(kind, name, false)
	}
	return removed
}

func (r *Registry) unsubscribePattern(s Subscriber, name string) (removed bool) {
	p := &r.patterns
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := p.byName[name]
	if !ok {
		return false
	}
	removed, left := p.list[i].remove(s)
	if left > 0 {
		return removed
	}
	last := len(p.list) - 1
	p.byName[p.list[last].name] = i
	delete(p.byName, name)
	p.list[i], p.list[last] = p.list[last], pattern{}
	p.list = p.list[:last]
	p.count.Store(int64(last))
	r.interest(Pattern, name, false)
	return removed
}

// Publish hands a message to the subscribers of its channel, and to those of each pattern
// that the channel matches. It returns how many that were: one that has subscribed twice
// over counts twice. It copies channel and payload if anybody wants them.
func (r *Registry) Publish(channel, payload []byte) (receivers int) {
	return r.PublishBy(nil, channel, payload)
}

// PublishBy is Publish with the name of the publisher, which may be a subscriber itself:
// [Message.Publisher].
func (r *Registry) PublishBy(publisher Subscriber, channel, payload []byte) (receivers int) {
	st := &r.channels[maphash.Bytes(r.seed, channel)%stripes]
	receivers = st.publish(Channel, publisher, channel, payload)
	p := &r.patterns
	if p.count.Load() == 0 {
		return receivers
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	for i := range p.list {
		if t := &p.list[i]; t.matches(channel) {
			receivers += t.publish(Pattern, publisher, channel, payload)
		}
	}
	return receivers
}

// PublishShard hands a message to the subscribers of a shard's channel.
func (r *Registry) PublishShard(channel, payload []byte) (receivers int) {
	return r.PublishShardBy(nil, channel, payload)
}

// PublishShardBy is PublishShard with the name of the publisher.
func (r *Registry) PublishShardBy(publisher Subscriber, channel, payload []byte) (receivers int) {
	st := &r.shards[slots.Of(channel)%stripes]
	return st.publish(Shard, publisher, channel, payload)
}

func (st *stripe) publish(kind Kind, publisher Subscriber, channel, payload []byte) int {
	st.mu.RLock()
	t := st.topics[string(channel)]
	st.mu.RUnlock()
	if t == nil {
		return 0
	}
	return t.publish(kind, publisher, channel, payload)
}

// DropSlots ends the subscriptions to the shards' channels of slots that have left this
// node, tells the subscribers, and returns how many subscriptions that were. Nobody may
// subscribe to a channel of these slots any more when it is called.
func (r *Registry) DropSlots(gone *slots.Set) (dropped int) {
	for i := range r.shards {
		st := &r.shards[i]
		if st.len() > 0 {
			dropped += r.dropFrom(st, gone)
		}
	}
	return dropped
}

func (r *Registry) dropFrom(st *stripe, gone *slots.Set) (dropped int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for name, t := range st.topics {
		if !gone.Has(slots.OfString(name)) {
			continue
		}
		n, left := t.drop()
		dropped += n
		if left == 0 {
			delete(st.topics, name)
			r.interest(Shard, name, false)
		}
	}
	return dropped
}
