package gossip

import (
	"errors"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Tune changes what may change while the node runs.
type Tune struct {
	NodeTimeout    time.Duration // at least 100 ms
	NoFullCoverage bool
	ReadsIfDown    bool
	ForgetAfter    time.Duration // 0: never
}

// Announce changes the address, the host name and the zone that the node announces. Without a Host
// it keeps the one it has, until it learns another from a peer.
type Announce struct {
	Addr     slots.Addr
	Hostname string
	Zone     string
}

// SaveState writes the state file now, whether or not something changed.
type SaveState struct{}

func (cmd Tune) do(c *Core) error {
	if cmd.NodeTimeout < 100*time.Millisecond {
		return errors.New("the node timeout must be at least 100 ms")
	}
	c.cfg.NodeTimeout, c.cfg.NoFullCoverage, c.cfg.ReadsIfDown = cmd.NodeTimeout, cmd.NoFullCoverage, cmd.ReadsIfDown
	c.cfg.ForgetAfter = cmd.ForgetAfter
	c.mapDirty = true
	return nil
}

func (cmd Announce) do(c *Core) error {
	if cmd.Addr.BusPort == 0 {
		return errors.New("the bus port to announce is missing")
	}
	if err := validNames(cmd.Addr.Host, cmd.Hostname, cmd.Zone); err != nil {
		return err
	}
	c.cfg.Addr, c.cfg.Hostname, c.cfg.Zone = cmd.Addr, cmd.Hostname, cmd.Zone
	rec := &c.self.rec
	addr := cmd.Addr
	if addr.Host == "" {
		addr.Host, c.hostLearned = rec.Addr.Host, false
	}
	if addr != rec.Addr || cmd.Hostname != rec.Hostname || cmd.Zone != rec.Zone {
		rec.Addr, rec.Hostname, rec.Zone = addr, cmd.Hostname, cmd.Zone
		c.selfChanged()
	}
	return nil
}

const zoneForm = "an availability zone has letters, digits, hyphens, dots, underscores and slashes, at most 255"

// validNames checks what a node is to announce; an empty name is not announced.
func validNames(host, hostname, zone string) error {
	switch {
	case host != "" && !slots.ValidHost(host):
		return fmt.Errorf("%.128q is not an IP address or a name that can be announced", host)
	case len(hostname) > maxHost:
		return errors.New("Hostnames must be less than 256 characters")
	case hostname != "" && !slots.ValidHostname(hostname):
		return errors.New("Hostnames may only contain alphanumeric characters, hyphens or dots")
	case zone != "" && !slots.ValidZone(zone):
		return errors.New(zoneForm)
	}
	return nil
}

func (SaveState) do(c *Core) error {
	c.dirty = true
	return nil
}
