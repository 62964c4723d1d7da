package slotmesh

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/join"
)

// ClusterConfig says what cluster a node is to be a member of, and what that looks like: the
// same on all of its nodes.
type ClusterConfig struct {
	// Name tells clusters apart whose nodes could find each other by Config.Join: nodes with
	// another name are refused. Default: "", a name like any other.
	Name string
	// Expect is how many nodes found the cluster: so many must be there at one time for it
	// to form. A node that comes later joins it. Default 0: the node founds no cluster, and
	// joins one that is there.
	Expect int
	// Replicas is how many replicas each master has when the cluster forms: of n founders,
	// n/(1+Replicas) become masters. Without three masters no replica can be elected.
	// Default 0.
	Replicas int
}

// maxFounders bounds Expect, and maxReplicas Replicas.
const (
	maxFounders = 1000
	maxReplicas = 100
)

// validateCluster checks what says how the node comes to its cluster.
func (c *Config) validateCluster() error {
	if _, err := join.ParseEntries(c.Join); err != nil {
		return fmt.Errorf("slotmesh: Config.Join has %w", err)
	}
	finds := len(c.Join) > 0 || c.Discover != nil
	k := &c.Cluster
	switch {
	case len(c.Join) > 0 && c.Discover != nil:
		return errors.New("slotmesh: Config.Join and Config.Discover are both set: use one of them")
	case finds && c.Standalone:
		return errors.New("slotmesh: Config.Standalone is set, but Config.Join or Discover says where the nodes of a " +
			"cluster are: use one of them")
	case k.Expect < 0 || k.Expect > maxFounders:
		return fmt.Errorf("slotmesh: Config.Cluster.Expect is %d: use the number of nodes that found the cluster, up to %d, "+
			"or 0 to found none", k.Expect, maxFounders)
	case k.Replicas < 0 || k.Replicas > maxReplicas:
		return fmt.Errorf("slotmesh: Config.Cluster.Replicas is %d: use 0 to %d", k.Replicas, maxReplicas)
	case k.Expect > 0 && !finds:
		return fmt.Errorf("slotmesh: Config.Cluster.Expect is %d, but nothing says where the nodes find each other: set "+
			"Config.Join to the addresses of some of them", k.Expect)
	case k.Expect > 0 && k.Expect < 1+k.Replicas:
		return fmt.Errorf("slotmesh: Config.Cluster.Expect is %d, too few for a master with %d replicas "+
			"(Config.Cluster.Replicas): use at least %d", k.Expect, k.Replicas, 1+k.Replicas)
	case !validClusterName(k.Name):
		return fmt.Errorf("slotmesh: Config.Cluster.Name is %.100q: use at most %d printable characters", k.Name,
			maxClusterName)
	}
	return nil
}

const maxClusterName = 64

func validClusterName(name string) bool {
	return len(name) <= maxClusterName &&
		strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// joinList is Config.Join as a directive: the addresses with commas between them.
func joinList(list *[]string) conf.Parsed {
	return conf.Parsed{Show: func() string { return strings.Join(*list, ",") }, Set: func(text string) {
		*list = splitJoin(text)
	}}
}

func splitJoin(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func checkJoin(text string) error {
	_, err := join.ParseEntries(splitJoin(text))
	return err
}

func shownJoin(text string) string { return strings.Join(splitJoin(text), ",") }

func checkClusterName(name string) error {
	if !validClusterName(name) {
		return fmt.Errorf("it must have at most %d printable characters", maxClusterName)
	}
	return nil
}
