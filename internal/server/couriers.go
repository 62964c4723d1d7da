package server

import (
	"slices"
	"sync"
	"time"
)

const (
	courierRest = 10 * time.Second // how long an idle connection is kept, as in Redis
	maxCouriers = 64               // that are kept, as in Redis
	keepPayload = 1 << 20          // bytes of buffer that an idle one keeps
)

// couriers are the idle ones.
type couriers struct {
	mu     sync.Mutex // guards what follows
	closed bool
	idle   []*courier
}

// take returns an idle courier to an address, nil if there is none.
func (cs *couriers) take(a address) *courier {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for i, c := range cs.idle {
		if c.address == a {
			cs.idle = slices.Delete(cs.idle, i, i+1)
			c.expiry.Stop()
			return c
		}
	}
	return nil
}

// put keeps a courier for its next use.
func (cs *couriers) put(c *courier) {
	c.used = true
	if cap(c.payload) > keepPayload {
		c.payload = nil
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed || len(cs.idle) == maxCouriers {
		c.conn.Close()
		return
	}
	c.expiry = time.AfterFunc(courierRest, func() { cs.expire(c) })
	cs.idle = append(cs.idle, c)
}

func (cs *couriers) expire(c *courier) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if i := slices.Index(cs.idle, c); i >= 0 {
		cs.idle = slices.Delete(cs.idle, i, i+1)
		c.conn.Close()
	}
}

// close ends all; couriers that are under way end with the server's life.
func (cs *couriers) close() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for _, c := range cs.idle {
		c.expiry.Stop()
		c.conn.Close()
	}
	cs.idle = nil
}
