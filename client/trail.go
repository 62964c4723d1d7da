package client

import (
	"fmt"
	"strings"
)

// trail is where a call was redirected to. It has a fixed size, so that it costs no
// allocation: most calls that are redirected are so once.
type trail struct {
	redirects int
	last      [trailLength]Endpoint // a ring
}

const trailLength = 4

func (t *trail) add(to Endpoint) {
	t.last[t.redirects%trailLength] = to
	t.redirects++
}

// String describes a redirect loop; it is "" if there were too few redirects for one.
func (t *trail) String() string {
	if t.redirects < maxHops {
		return ""
	}
	var names []string
	for i := range trailLength {
		names = append(names, t.last[(t.redirects+i)%trailLength].Addr.Client())
	}
	return fmt.Sprintf("redirected %d times, at last to %s: these nodes do not agree who serves the key", t.redirects,
		strings.Join(names, ", then "))
}
