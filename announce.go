package slotmesh

import (
	"net"
	"strconv"

	"github.com/slotmesh/slotmesh/slots"
)

// The directives of what the node tells others about itself.
const (
	announceIP       = "cluster-announce-ip"
	announcePort     = "cluster-announce-port"
	announceBusPort  = "cluster-announce-bus-port"
	announceHostname = "cluster-announce-hostname"
)

// announcements returns the part of directives about it.
func (c *Config) announcements() []string {
	return []string{
		"--" + announceIP + "=" + c.Announce.Host,
		"--" + announcePort, strconv.Itoa(int(c.Announce.Port)),
		"--" + announceBusPort, strconv.Itoa(int(c.Announce.BusPort)),
		"--" + announceHostname + "=" + c.Hostname,
		"--cluster-preferred-endpoint-type", c.Clients.Endpoint.String(),
	}
}

// announced is the address that the node tells others: what it listens on unless
// Config.Announce, or CONFIG SET, says otherwise. A host that accepts from everywhere is
// no address; then the peers say which one they see.
func (n *Node) announced() slots.Addr {
	a := n.cfg.Announce
	if s := n.settings; s != nil {
		a = slots.Addr{Host: s.String(announceIP), Port: uint16(s.Int(announcePort)), BusPort: uint16(s.Int(announceBusPort))}
	}
	if a.Port == 0 {
		a.Port = n.addr.Port
	}
	if a.BusPort == 0 {
		a.BusPort = n.addr.BusPort
	}
	if a.Host == "" {
		if ip := net.ParseIP(n.addr.Host); ip == nil || !ip.IsUnspecified() {
			a.Host = n.addr.Host
		}
	}
	return a
}

// hostname is the name shown beside that address.
func (n *Node) hostname() string { return n.settings.String(announceHostname) }
