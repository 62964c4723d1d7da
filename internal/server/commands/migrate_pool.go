package commands

import (
	"slices"
	"sync"
	"time"
)

const (
	migrateIdle     = 10 * time.Second // how long an idle connection is kept, as in Redis
	maxMigrateConns = 64               // that are kept, as in Redis
	keepPayload     = 1 << 20          // bytes of buffer that an idle one keeps
)

// migrateConns are the idle ones.
type migrateConns struct {
	mu     sync.Mutex // guards what follows
	closed bool
	idle   []*migrateConn
}

// get returns an idle connection to an address, nil if there is none.
func (cs *migrateConns) get(a address) *migrateConn {
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

// put keeps a connection for its next use.
func (cs *migrateConns) put(c *migrateConn) {
	c.used = true
	if cap(c.payload) > keepPayload {
		c.payload = nil
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed || len(cs.idle) == maxMigrateConns {
		c.conn.Close()
		return
	}
	c.expiry = time.AfterFunc(migrateIdle, func() { cs.expire(c) })
	cs.idle = append(cs.idle, c)
}

func (cs *migrateConns) expire(c *migrateConn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if i := slices.Index(cs.idle, c); i >= 0 {
		cs.idle = slices.Delete(cs.idle, i, i+1)
		c.conn.Close()
	}
}

// close ends all; connections that are under way end with the server's life.
func (cs *migrateConns) close() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for _, c := range cs.idle {
		c.expiry.Stop()
		c.conn.Close()
	}
	cs.idle = nil
}

// count returns how many connections are idle.
func (cs *migrateConns) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.idle)
}
