package bus

import (
	"fmt"
	"net"
	"time"
)

// maxReason is how many letters of an error the log shows: the certificate of a stranger
// may have long names.
const maxReason = 300

// warnAccepted says in the log that a connection that came in was refused. Connections are
// tried again and again, and by strangers too, so it says the same of one host now and
// then only.
func (b *Bus) warnAccepted(from net.Addr, err error) {
	host, _, splitErr := net.SplitHostPort(from.String())
	if splitErr != nil {
		host = from.String()
	}
	reason := fmt.Sprintf("%.*s", maxReason, err.Error())
	if due, more := b.refusals.Due(time.Now(), "from "+host+": "+reason); due {
		b.cfg.Logger.Warn("refused a connection of another node", "from", from, "error", reason, "more", more)
	}
}

// warnDialled says why a node cannot be reached, now and then.
func (b *Bus) warnDialled(addr string, kind Kind, err error) {
	if due, more := b.refusals.Due(time.Now(), "to "+addr+": "+err.Error()); due {
		b.cfg.Logger.Warn("cannot connect to another node", "to", addr, "kind", kind, "error", err, "more", more)
	}
}
