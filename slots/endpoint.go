package slots

import (
	"fmt"
	"strings"
)

// EndpointType says under what name clients are told to reach a node, in MOVED and ASK,
// CLUSTER SLOTS and CLUSTER SHARDS: the directive cluster-preferred-endpoint-type of
// Redis 7.
type EndpointType uint8

const (
	EndpointIP       EndpointType = iota // Addr.Host; the default
	EndpointHostname                     // Hostname
	EndpointUnknown                      // none: the host that the client is connected to, with the node's port
)

var endpointNames = [...]string{"ip", "hostname", "unknown-endpoint"}

// ParseEndpointType reads "ip", "hostname" or "unknown-endpoint".
func ParseEndpointType(s string) (EndpointType, error) {
	for i, name := range endpointNames {
		if strings.EqualFold(s, name) {
			return EndpointType(i), nil
		}
	}
	return 0, fmt.Errorf("slots: %q is no type of endpoint: use %s", s, strings.Join(endpointNames[:], ", "))
}

// Valid reports whether t is one of the constants.
func (t EndpointType) Valid() bool { return int(t) < len(endpointNames) }

// String returns the word that ParseEndpointType reads.
func (t EndpointType) String() string {
	if !t.Valid() {
		return fmt.Sprintf("EndpointType(%d)", uint8(t))
	}
	return endpointNames[t]
}

// NoHostname is what clients are told in place of the host name of a node that has none.
const NoHostname = "?"

// Of returns the name under which clients reach n: "" if they must use the host they
// know, NoHostname if it should be a host name and n has none.
func (t EndpointType) Of(n *Node) string {
	switch {
	case t == EndpointUnknown:
		return ""
	case t == EndpointIP:
		return n.Addr.Host
	case n.Hostname == "":
		return NoHostname
	}
	return n.Hostname
}
