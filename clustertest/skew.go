package clustertest

import "time"

// now is the clock of a node: Config.Clock.
func (m *member) now() time.Time { return time.Now().Add(time.Duration(m.skew.Load())) }

// Skew sets the clock of node i ahead by d from now on, or back if d is negative; 0 sets
// it right. It is the wall clock, by which keys expire: timeouts go by another one, as
// they do on real machines. It stays so over Restart and Heal.
func (c *Cluster) Skew(i int, d time.Duration) {
	c.t.Helper()
	m := c.member(i)
	c.story.did("Skew node %d by %v", i, d)
	m.skew.Store(int64(d))
}
