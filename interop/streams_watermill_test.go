package interop

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"
)

// topics are two streams of watermill, one of which moves: users publish in them, and the
// consumers of a group take what they hold, by XREADGROUP, XPENDING, XCLAIM and XACK.
type topics struct {
	s         *libraries
	names     []string
	rdb       *redis.ClusterClient
	publisher *redisstream.Publisher
	next      atomic.Int64
	done      tally
	accepted  accepted
	consumers *consumers
}

// watermillGroup is the name of the group.
const watermillGroup = "workers"

func newTopics(s *libraries) *topics {
	w := &topics{s: s, rdb: s.c.client(), names: []string{"topic:{" + s.tags[0] + "}", "topic:{" + s.still[0] + "}"}}
	w.consumers = newConsumers(s.T)
	var err error
	w.publisher, err = redisstream.NewPublisher(redisstream.PublisherConfig{Client: w.rdb, DefaultMaxlen: 1_000_000}, nil)
	if err != nil {
		s.Fatal(err)
	}
	for _, topic := range w.names {
		w.abandon(topic)
		for range 3 {
			messages := w.subscribe(w.consumers.ctx, topic)
			w.consumers.running.Go(func() {
				for m := range messages {
					w.done.add(string(m.Payload))
					m.Ack() // the subscriber tries XACK until it succeeds
				}
			})
		}
	}
	return w
}

func (w *topics) subscribe(ctx context.Context, topic string) <-chan *message.Message {
	w.s.Helper()
	subscriber, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{Client: w.rdb, ConsumerGroup: watermillGroup,
		MaxIdleTime: 2 * time.Second, ClaimInterval: time.Second / 2, CheckConsumersInterval: time.Second}, nil)
	if err != nil {
		w.s.Fatal(err)
	}
	messages, err := subscriber.Subscribe(ctx, topic)
	if err != nil {
		w.s.Fatal(err)
	}
	return messages
}

// abandon lets a consumer have a message that it never acknowledges: another will claim it.
func (w *topics) abandon(topic string) {
	w.s.Helper()
	ctx, stop := context.WithCancel(w.consumers.ctx)
	defer stop()
	messages := w.subscribe(ctx, topic)
	name := "abandoned in " + topic
	if err := w.publisher.Publish(topic, message.NewMessage(name, []byte(name))); err != nil {
		w.s.Fatal(err)
	}
	w.accepted.add(name)
	if m := <-messages; string(m.Payload) != name {
		w.s.Errorf("watermill: %q came first", m.Payload)
	}
}

func (w *topics) usage() *usage {
	return &usage{name: "watermill", users: 2, check: w.check, use: func(_ context.Context, user int) error {
		room := w.accepted.room(&w.done)
		if room == 0 {
			return errBusy
		}
		for range room {
			name := fmt.Sprint("message ", w.next.Add(1))
			m := message.NewMessage(name, []byte(name))
			m.Metadata.Set("user", fmt.Sprint(user))
			if err := w.publisher.Publish(w.names[user%2], m); err != nil {
				return err
			}
			w.accepted.add(name)
		}
		return nil
	}}
}

func (w *topics) check(ctx context.Context, t *testing.T) {
	w.accepted.await(&w.done)
	for _, topic := range w.names {
		w.s.giver.eventually("nothing of "+topic+" is pending", time.Minute, func() bool {
			return groupIsEmpty(ctx, w.rdb, topic, watermillGroup)
		})
	}
	if more := w.accepted.compare(t, "watermill", &w.done, once); more > w.accepted.len()/10 {
		t.Errorf("watermill: %d messages were handled twice", more)
	}
}
