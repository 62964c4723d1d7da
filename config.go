package slotmesh

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/disk"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Config says what a node is to be. The zero value is a memory-only member of a
// cluster of its own on free ports of 127.0.0.1; every field's zero value means
// its default.
type Config struct {
	// Addr is where clients connect, "host:port". Default "127.0.0.1:0": a free port.
	Addr string
	// BusAddr is where other nodes connect. Default: the host of Addr and its port + 10,000
	// (SPEC §2.7), or a free port if Addr asks for one.
	BusAddr string
	// Announce overrides, field by field, the address that the node tells others and they
	// tell clients: for nodes behind NAT or in containers. Default: the host under
	// which peers see this node, and the ports it listens on.
	Announce slots.Addr
	// Hostname is shown beside the address in CLUSTER NODES.
	Hostname string
	// Network is how the node reaches others and is reached. Default: TCP{}.
	Network Network
	// Dir is the folder for what must survive a restart. Default: nothing survives.
	Dir string
	// Disk takes the place of Dir for hosts that keep files elsewhere.
	Disk Disk
	// StateFile names the file of the cluster's state in Dir. Default "nodes.conf".
	StateFile string
	// Standalone makes a node that is not in a cluster and serves every key.
	Standalone bool
	// NodeTimeout is how long a peer may owe an answer before it is suspected (SPEC §3.4).
	// Default 15 s; all nodes of a cluster should agree on it.
	NodeTimeout time.Duration
	// PartialCoverage lets the cluster serve while some slots have no working owner.
	PartialCoverage bool
	// ReadsIfDown serves reads while the cluster is down.
	ReadsIfDown bool
	// MaxMemory limits the memory of keys and values, in bytes. Default: no limit.
	MaxMemory int64
	// Eviction says what goes when MaxMemory is reached. Default: nothing, writes fail.
	Eviction keyspace.Policy
	// Password is asked of clients. Default: none.
	Password string
	// IdleTimeout closes the connection of a client that is silent for so long. Default: never.
	IdleTimeout time.Duration
	// MaxClients limits the connections of clients. Default 10,000.
	MaxClients int
	// Logger receives what happens. Default: silence.
	Logger hclog.Logger
	// OnEvent is called with everything that happens to the cluster, in order. It
	// must return soon and must not call the node's methods that change the cluster.
	OnEvent func(Event)
	// OnShutdown is called, on a goroutine of its own, when a client sends SHUTDOWN: the host should end and Close the
	// node. Default: SHUTDOWN closes the node.
	OnShutdown func()

	settings *conf.Settings // where the values come from, if from a configuration file
}

// Disk keeps what must survive a restart. See Config.Dir for the usual one.
type Disk = disk.Disk

const defaultStateFile = "nodes.conf"

// withDefaults validates c and fills in what is not set.
func (c Config) withDefaults() (Config, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	host, port, err := splitAddr("Addr", c.Addr)
	if err != nil {
		return c, err
	}
	if c.BusAddr == "" {
		busPort := 0
		if port != 0 {
			busPort = port + busPortOffset
		}
		if busPort > 65535 {
			return c, fmt.Errorf("slotmesh: Config.Addr has port %d, so the bus would need port %d: use a port up to %d or set Config.BusAddr",
				port, busPort, 65535-busPortOffset)
		}
		c.BusAddr = net.JoinHostPort(host, strconv.Itoa(busPort))
	}
	if _, _, err := splitAddr("BusAddr", c.BusAddr); err != nil {
		return c, err
	}
	if c.Network == nil {
		c.Network = TCP{}
	}
	if c.StateFile == "" {
		c.StateFile = defaultStateFile
	}
	if err := c.openDisk(); err != nil {
		return c, err
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	switch {
	case c.NodeTimeout < 0 || c.NodeTimeout > 0 && c.NodeTimeout < 100*time.Millisecond:
		return c, fmt.Errorf("slotmesh: Config.NodeTimeout is %v: use at least 100ms, or 0 for 15s", c.NodeTimeout)
	case c.MaxMemory < 0:
		return c, fmt.Errorf("slotmesh: Config.MaxMemory is %d: use bytes, or 0 for no limit", c.MaxMemory)
	case c.MaxClients < 0:
		return c, fmt.Errorf("slotmesh: Config.MaxClients is %d: use at least 1, or 0 for 10000", c.MaxClients)
	case c.IdleTimeout < 0:
		return c, fmt.Errorf("slotmesh: Config.IdleTimeout is %v: use 0 for never", c.IdleTimeout)
	}
	if c.OnEvent == nil {
		c.OnEvent = func(Event) {}
	}
	return c, nil
}

// openDisk fills in c.Disk.
func (c *Config) openDisk() error {
	switch {
	case c.Disk != nil:
		return nil
	case c.Dir == "":
		c.Disk = &disk.Mem{}
		return nil
	}
	if info, err := os.Stat(c.Dir); err != nil {
		return fmt.Errorf("slotmesh: Config.Dir: %w: create the folder first", err)
	} else if !info.IsDir() {
		return fmt.Errorf("slotmesh: Config.Dir: %s is not a folder", c.Dir)
	}
	c.Disk = disk.Dir(c.Dir)
	return nil
}

// busPortOffset is what the bus port is above the client port (SPEC §2.7).
const busPortOffset = 10_000

func splitAddr(field, addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(p)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf(`slotmesh: Config.%s is %q: use "host:port", such as "127.0.0.1:7001"`, field, addr)
	}
	return host, port, nil
}
