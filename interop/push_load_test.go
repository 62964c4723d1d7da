package interop

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	messageRate  = 10_000 // a second, of all publishers together
	messageBurst = 25     // that a publisher sends at once
)

// messagesGoOn publishes numbered messages while slots move and a master is killed.
//
// Two publishers at nodes that survive send to a cluster-wide channel, of which each
// subscriber at a node that survives gets every message in order. Two send to a sharded
// channel each, one in a slot that moves, one in a slot of the master that is killed. Their
// subscribers follow: they are told of the end of the subscription, or lose the
// connection, subscribe again where the slot is by now, and get everything that is
// published from then on.
func messagesGoOn(t *testing.T, c *shards) {
	s := &messages{T: t, c: c, stop: make(chan struct{})}
	masters := c.masters()
	giver, taker, victim := masters[0], masters[1], masters[2]
	successor := c.replicaOf(victim)
	client := adminClient(t, admin.Config{})
	agreed(t, client, giver)
	plan, err := client.PlanReshard(view(t, client, giver), admin.Reshard{Slots: 600, To: taker.addr(),
		From: []string{giver.addr()}})
	if err != nil {
		t.Fatal(err)
	}
	moving := plan.Moves.Moves[0].Slots
	movingChannel := ""
	for i := 0; movingChannel == ""; i++ {
		if name := fmt.Sprint("moving:", i); moving.Has(slots.OfString(name)) {
			movingChannel = name
		}
	}
	wide := []*publisher{s.publish("PUBLISH", "wide", giver), s.publish("PUBLISH", "wide", successor)}
	sharded := []*publisher{s.publish("SPUBLISH", movingChannel, giver),
		s.publish("SPUBLISH", c.keysOf(victim, 1)[0], victim)}
	var subscribers []*subscriber
	for _, p := range c.nodes {
		if p != victim {
			subscribers = append(subscribers, s.subscribe("SUBSCRIBE", p, wide...))
		}
	}
	followers := []*subscriber{s.subscribe("SSUBSCRIBE", giver, sharded[0]), s.subscribe("SSUBSCRIBE", victim, sharded[1])}
	all := slices.Concat(wide, sharded)
	began := time.Now()
	for _, p := range all {
		s.publishing.Go(p.run)
	}
	s.progress(all, 2000)
	if err := client.Move(soon(t), view(t, client, giver), plan, admin.MoveOptions{}); err != nil {
		t.Fatal(err)
	}
	s.progress(all, 2000)
	victim.kill(syscall.SIGKILL)
	successor.eventually("is the master", 20*time.Second, func() bool { return successor.info()["role"] == "master" })
	s.progress(all, 2000)
	close(s.stop)
	s.publishing.Wait()
	took, sent := time.Since(began), int64(0)
	for _, p := range all {
		sent += p.next.Load()
	}
	for _, sub := range slices.Concat(subscribers, followers) {
		sub.end()
	}
	for _, sub := range subscribers {
		if sub.times != 1 {
			t.Errorf("the subscriber of %s at %s has subscribed %d times", sub.channel, sub.at, sub.times)
		}
	}
	for _, sub := range followers {
		if sub.times < 2 {
			t.Errorf("the subscriber of %s has never had to follow", sub.channel)
		}
	}
	t.Logf("%d messages in %v, %.0f a second; of the sharded ones %d and %d were published while nobody had subscribed",
		sent, took.Round(time.Millisecond), float64(sent)/took.Seconds(), followers[0].unheard, followers[1].unheard)
}

// messages are publishers and subscribers.
type messages struct {
	*testing.T
	c          *shards
	stop       chan struct{}
	publishing sync.WaitGroup
}

// progress returns when each publisher has had n more messages accepted.
func (s *messages) progress(list []*publisher, n int64) {
	s.Helper()
	want := make([]int64, len(list))
	for i, p := range list {
		want[i] = p.accepted.Load() + n
	}
	s.c.nodes[0].eventually("messages are published", time.Minute, func() bool {
		for i, p := range list {
			if p.accepted.Load() < want[i] {
				return false
			}
		}
		return true
	})
}

// link is a connection to whichever node serves what is asked there.
type link struct {
	redis.Conn
	s  *messages
	at string
}

// dial connects to the node again, or to another one, until one answers.
func (l *link) dial(refused error) {
	if l.Conn != nil {
		l.Close()
	}
	if refused != nil {
		if f := strings.Fields(refused.Error()); len(f) == 3 && f[0] == "MOVED" {
			l.at = f[2]
		} else {
			i := slices.IndexFunc(l.s.c.nodes, func(p *process) bool { return p.addr() == l.at })
			l.at = l.s.c.nodes[(i+1)%len(l.s.c.nodes)].addr()
		}
	}
	for {
		var err error
		if l.Conn, err = redis.Dial("tcp", l.at, redis.DialReadTimeout(time.Minute)); err == nil {
			return
		}
		i := slices.IndexFunc(l.s.c.nodes, func(p *process) bool { return p.addr() == l.at })
		l.at = l.s.c.nodes[(i+1)%len(l.s.c.nodes)].addr()
	}
}

// publisher sends numbered messages to a channel.
type publisher struct {
	link
	command, channel string
	number           int          // of the publisher
	next             atomic.Int64 // message to be sent
	accepted         atomic.Int64 // how many were
	failed           map[int64]bool
}

func (s *messages) publish(command, channel string, at *process) *publisher {
	p := &publisher{link: link{s: s, at: at.addr()}, command: command, channel: channel, number: at.port,
		failed: make(map[int64]bool)}
	p.dial(nil)
	s.Cleanup(func() { p.Close() })
	return p
}

func (p *publisher) run() {
	tick := time.NewTicker(time.Second * 4 * messageBurst / messageRate)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.s.stop:
			return
		}
		first := p.next.Load()
		p.next.Add(messageBurst)
		for i := range int64(messageBurst) {
			p.Send(p.command, p.channel, fmt.Sprint(p.number, " ", first+i))
		}
		var refused error
		p.Flush()
		for i := range int64(messageBurst) {
			if _, err := p.Receive(); err != nil {
				p.failed[first+i], refused = true, err
			} else {
				p.accepted.Add(1)
			}
		}
		if refused != nil {
			p.dial(refused)
		}
	}
}

// subscriber checks what it gets of some publishers to one channel.
type subscriber struct {
	link
	command string
	channel string
	from    map[int]*publisher
	ended   chan struct{}

	times   int
	heard   map[int]map[int64]bool
	spans   map[int][]span
	unheard int64
}

// span is what a publisher had sent when a subscription was confirmed, and the last message
// that came by it.
type span struct{ first, last int64 }

func (s *messages) subscribe(command string, at *process, from ...*publisher) *subscriber {
	sub := &subscriber{link: link{s: s, at: at.addr()}, command: command, channel: from[0].channel,
		from: make(map[int]*publisher), ended: make(chan struct{}), heard: make(map[int]map[int64]bool),
		spans: make(map[int][]span)}
	for _, p := range from {
		sub.from[p.number], sub.heard[p.number] = p, make(map[int64]bool)
	}
	sub.dial(nil)
	s.Cleanup(func() { sub.Close() })
	confirmed := make(chan struct{})
	go sub.run(confirmed)
	<-confirmed
	return sub
}

// run subscribes, again whenever the subscription ends, until all publishers have ended and
// a last message has come.
func (s *subscriber) run(confirmed chan struct{}) {
	defer close(s.ended)
	for {
		reply, err := redis.Values(s.Do(s.command, s.channel))
		if err != nil || len(reply) == 0 {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-s.s.Context().Done():
				return
			}
			s.dial(err)
			continue
		}
		s.times++
		for number, p := range s.from {
			s.spans[number] = append(s.spans[number], span{p.next.Load(), -1})
		}
		if s.times == 1 {
			close(confirmed)
		}
		if s.listen() {
			return
		}
	}
}

// last ends a channel.
const last = "last"

// listen takes messages; done says that the last one has come.
func (s *subscriber) listen() (done bool) {
	for {
		parts, err := redis.Values(s.Receive())
		if err != nil {
			s.dial(nil)
			return false
		}
		kind, _ := redis.String(parts[0], nil)
		if !strings.HasSuffix(kind, "message") {
			return false // the slot has left
		}
		text, _ := redis.String(parts[2], nil)
		if text == last {
			return true
		}
		var number int
		var n int64
		if _, err := fmt.Sscan(text, &number, &n); err != nil {
			s.s.Errorf("%q came to %s", text, s.channel)
			return true
		}
		spans := s.spans[number]
		if at := &spans[len(spans)-1]; n <= at.last {
			s.s.Errorf("message %d of %d comes after %d at %s", n, number, at.last, s.at)
		} else {
			at.last = n
		}
		s.heard[number][n] = true
	}
}

// end publishes the last message, and checks what came.
func (s *subscriber) end() {
	s.s.Helper()
	for _, p := range s.from {
		for {
			_, err := p.Do(p.command, p.channel, last)
			if err == nil {
				break
			}
			p.dial(err)
		}
	}
	select {
	case <-s.ended:
	case <-time.After(pushed):
		s.s.Errorf("the last message of %s does not come to %s", s.channel, s.at)
		s.Close()
		<-s.ended
	}
	for number, p := range s.from {
		missed := 0
		for i, at := range s.spans[number] {
			end := at.last + 1
			if i == len(s.spans[number])-1 {
				end = p.next.Load()
			}
			for n := at.first; n < end; n++ {
				if !s.heard[number][n] && !p.failed[n] {
					missed++
				}
			}
		}
		for n := range p.next.Load() {
			if !s.heard[number][n] && !p.failed[n] {
				s.unheard++
			}
		}
		if missed > 0 {
			s.s.Errorf("%d of %d messages of %d to %s did not come to %s, which had subscribed", missed, p.next.Load(), number,
				s.channel, s.at)
		}
	}
}
