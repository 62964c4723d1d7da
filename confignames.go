package slotmesh

import (
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// checkNames refuses names that would break the lines in which the cluster shows its nodes.
func (c *Config) checkNames() error {
	switch {
	case c.Hostname != "" && !slots.ValidHostname(c.Hostname):
		return fmt.Errorf("slotmesh: Config.Hostname is %.300q: use letters, digits, hyphens and dots, at most 255",
			c.Hostname)
	case c.Announce.Host != "" && !slots.ValidHost(c.Announce.Host):
		return fmt.Errorf("slotmesh: Config.Announce.Host is %.300q: use an IP address or a name", c.Announce.Host)
	}
	return nil
}
