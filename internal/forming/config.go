package forming

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// Config configures a Core.
type Config struct {
	// Terms are what all nodes must have been given alike.
	Terms
	// Self is this node: its id, what it announces. Without an Addr.Host, the core uses the
	// one under which the node finds itself, see Core.Answer.
	Self Peer
	// Rand is the core's only source of randomness, also for the id of the cluster: seed it
	// well. It must not be used elsewhere.
	Rand *rand.Rand
}

// Terms are the part of the configuration that must be the same at all nodes that form a
// cluster. Each request and reply carries them, so that a node that refuses another one
// can tell both values.
type Terms struct {
	// Name is the name of the cluster, at most MaxName bytes; "" is a name like any other.
	Name string
	// List is the canonical list of addresses to join: see ParseList.
	List []string
	// Expect is how many fresh nodes must be there before they found a cluster: 1 to
	// MaxFounders, or 0 for a node that founds none and waits for one to join.
	Expect int
	// Replicas is how many replicas each master shall have: 0 to MaxReplicas.
	Replicas int
}

const (
	MaxName     = 64  // bytes
	MaxList     = 256 // addresses
	MaxReplicas = 64
	// MaxFounders is how many nodes can found a cluster together. Further ones join it.
	MaxFounders = 1024

	maxHost = 255 // a DNS name is no longer
	maxZone = 128
)

// Discovered is the list of a node that is told by a function which addresses there are.
const Discovered = "discover"

// ParseList returns the canonical form of a list of addresses to join: "host:port", or
// "dns:name:port" for all addresses of a name; sorted, in lower case, each once.
func ParseList(entries []string) ([]string, error) {
	list := make([]string, 0, len(entries))
	for _, e := range entries {
		e = strings.ToLower(strings.TrimSpace(e))
		if e != Discovered {
			host, port, err := net.SplitHostPort(strings.TrimPrefix(e, dnsPrefix))
			if err != nil || !slots.ValidHost(host) || !validPort(port) {
				return nil, fmt.Errorf("forming: %q is no address to join: write host:port, or dns:name:port for all "+
					"addresses of a name", e)
			}
		}
		list = append(list, e)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > MaxList {
		return nil, fmt.Errorf("forming: %d addresses to join, more than %d: a few are enough, or a name with dns:",
			len(list), MaxList)
	}
	return list, nil
}

const dnsPrefix = "dns:"

func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// Dynamic reports whether the addresses are not the list's entries themselves: they come
// from a name service or a function, and may change.
func (t *Terms) Dynamic() bool {
	return slices.ContainsFunc(t.List, func(e string) bool {
		return e == Discovered || strings.HasPrefix(e, dnsPrefix)
	})
}

// difference says in which value t, at this node, is not o, which was there: "at" another
// one, or "when" something was; "" if in none. The text names the remedy.
func (t *Terms) difference(o *Terms, there string) string {
	differs := func(what string, here, theirs any) string {
		return fmt.Sprintf("%s is %v at this node and %v %s: give all nodes the same", what, here, theirs, there)
	}
	switch {
	case t.Name != o.Name:
		return fmt.Sprintf("the cluster's name is %q at this node and %q %s: they are two clusters; take the "+
			"address off the list, or give all nodes the same name", t.Name, o.Name, there)
	case t.Expect != o.Expect:
		return differs("the number of nodes to expect", t.Expect, o.Expect)
	case t.Replicas != o.Replicas:
		return differs("the number of replicas", t.Replicas, o.Replicas)
	case !slices.Equal(t.List, o.List):
		return differs("the list of addresses to join", shortList(t.List), shortList(o.List))
	}
	return ""
}

// shortList prints a list for a text that somebody reads.
func shortList(list []string) string {
	const most = 16
	if len(list) > most {
		return fmt.Sprintf("%s,… (%d addresses, digest %016x)", strings.Join(list[:most], ","), len(list), Digest(list))
	}
	return strings.Join(list, ",")
}

func (cfg *Config) validate() error {
	list, err := ParseList(cfg.List)
	if err != nil {
		return err
	}
	cfg.List = list
	switch {
	case len(list) == 0:
		return fmt.Errorf("forming: Config.List is empty; name the addresses of at least one node")
	case len(cfg.Name) > MaxName:
		return fmt.Errorf("forming: Config.Name has %d bytes; at most %d are possible", len(cfg.Name), MaxName)
	case cfg.Expect < 0 || cfg.Expect > MaxFounders:
		return fmt.Errorf("forming: Config.Expect is %d; set how many nodes found the cluster, 1 to %d, or 0 to found none",
			cfg.Expect, MaxFounders)
	case cfg.Replicas < 0 || cfg.Replicas > MaxReplicas:
		return fmt.Errorf("forming: Config.Replicas is %d; set how many replicas a master shall have, 0 to %d",
			cfg.Replicas, MaxReplicas)
	case cfg.Self.ID.IsZero():
		return fmt.Errorf("forming: Config.Self.ID is zero; give the node's id")
	case cfg.Self.Addr.BusPort == 0:
		return fmt.Errorf("forming: Config.Self.Addr.BusPort is 0; set the port on which the bus listens")
	case cfg.Self.Addr.Host != "" && !slots.ValidHost(cfg.Self.Addr.Host):
		return fmt.Errorf("forming: Config.Self.Addr.Host is %q, no name or address", cfg.Self.Addr.Host)
	case len(cfg.Self.Zone) > maxZone:
		return fmt.Errorf("forming: Config.Self.Zone has %d bytes; at most %d are possible", len(cfg.Self.Zone), maxZone)
	case cfg.Rand == nil:
		return fmt.Errorf("forming: Config.Rand is nil; give a seeded *rand.Rand")
	}
	return nil
}
