package migrate

import (
	"testing"
	"time"
)

// Jobs are in order also when the clock has been set back.
func TestJobsAreInOrder(t *testing.T) {
	c, now := NewRegistry(), time.UnixMilli(1e12).Add(time.Microsecond)
	var last time.Time
	for i := range 5 {
		at := c.Later(now)
		if !at.After(last) || at != at.Truncate(time.Millisecond) {
			t.Errorf("job %d begins at %v, the one before at %v", i, at, last)
		}
		c.Add(Job{ID: JobID{byte(i)}, Created: at}, now)
		last, now = at, now.Add(-time.Hour)
	}
}
