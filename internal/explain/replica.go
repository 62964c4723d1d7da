package explain

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/replication/replicator"
)

// Unsynced says what a replica waits for; "" on a master.
func Unsynced(s replicator.Status, now time.Time) string {
	if s.IsMaster() {
		return ""
	}
	text := fmt.Sprintf("this replica does not hold the data of its master %s (%s) yet", s.Master.ID.Short(),
		s.Master.Addr.Client())
	switch {
	case s.Link == replicator.LinkSync:
		text += fmt.Sprintf(": it has received %d keys of %d", s.Progress.Keys, s.Progress.Total)
	case s.Link != replicator.LinkConnected && s.DownSince.IsZero():
		text += ": there is no link to it"
	case s.Link != replicator.LinkConnected:
		text += ": the link broke " + ago(s.DownSince, now)
	}
	return text
}
