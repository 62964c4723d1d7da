package pubsub

import (
	"fmt"
	"sync/atomic"
	"testing"
)

type counter struct {
	n   atomic.Int64
	buf []byte
}

func (c *counter) Deliver(m *Message) { c.n.Add(1); c.buf = m.RESP2() }
func (c *counter) Drop(string) bool   { return false }

func BenchmarkPublish(b *testing.B) {
	payload := make([]byte, 100)
	for _, subscribers := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			r := New(Config{})
			for range subscribers {
				r.Subscribe(new(counter), Channel, "channel")
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Publish([]byte("channel"), payload)
			}
		})
	}
	b.Run("patterns=1000", func(b *testing.B) {
		r := New(Config{})
		for i := range 1000 {
			r.Subscribe(new(counter), Pattern, fmt.Sprintf("pattern:%d:*", i))
		}
		b.ReportAllocs()
		for b.Loop() {
			r.Publish([]byte("pattern:17:x"), payload)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		r := New(Config{})
		var n atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			channel := fmt.Appendf(nil, "channel:%d", n.Add(1))
			r.Subscribe(new(counter), Channel, string(channel))
			for pb.Next() {
				r.Publish(channel, payload)
			}
		})
	})
}

func BenchmarkSubscribe(b *testing.B) {
	r := New(Config{})
	s := new(counter)
	b.ReportAllocs()
	for b.Loop() {
		r.Subscribe(s, Channel, "channel")
		r.Unsubscribe(s, Channel, "channel")
	}
}
