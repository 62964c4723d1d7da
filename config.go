package slotmesh

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/internal/tlsfiles"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Config says what a node is to be. The zero value is a memory-only member of a
// cluster of its own on free ports of 127.0.0.1; every field's zero value means
// its default.
type Config struct {
	// Addr is where clients connect, "host:port". Default "127.0.0.1:0": a free port.
	Addr string
	// BusAddr is where other nodes connect. Default: the host of Addr and its port + 10,000
	// (docs/spec.md §2.7), or a free port if Addr asks for one.
	BusAddr string
	// Announce overrides, field by field, the address that the node tells others and they
	// tell clients: for nodes behind NAT or in containers. Default: the host under
	// which peers see this node, and the ports it listens on.
	Announce slots.Addr
	// Hostname is shown beside the address in CLUSTER NODES and SLOTS, and takes its place
	// for clients with Clients.Endpoint.
	Hostname string
	// Zone is the availability zone that the node announces, such as "eu-central-1a" or
	// "rack/7": CLUSTER SHARDS and slots.Node show it. Default: none.
	Zone string
	// Network is how the node reaches others and is reached. Default: TCP{}.
	Network Network
	// Clock tells the time of day: keys expire by it, and TIME answers with it. Default:
	// time.Now. Timeouts, elections and everything else that takes a while go by the
	// system's clock, as on a machine whose time of day is being set.
	Clock func() time.Time
	// Dir is the folder for what must survive a restart. It belongs to one node: Start of a
	// second one fails with ErrDiskInUse. Default: nothing survives.
	Dir string
	// Disk takes the place of Dir for hosts that keep files elsewhere. It may be a DiskLocker.
	Disk Disk
	// StateFile names the file of the cluster's state in Dir. Default "nodes.conf".
	StateFile string
	// Standalone makes a node that is not in a cluster and serves every key.
	Standalone bool
	// Join names nodes by which this one finds its cluster, or founds it with them: client
	// addresses "host:port", or "dns:name:port" for all addresses of a name. They are asked
	// again and again until the node is a member; its own address may be among them, and the
	// list should be the same on all nodes. Default: nobody; see also Create and Node.Join.
	Join []string
	// Discover takes the place of Join: it returns such addresses, without "dns:", whenever
	// it is called.
	Discover func(ctx context.Context) ([]string, error)
	// Cluster says how many nodes found the cluster, and what it looks like.
	Cluster ClusterConfig
	// NodeTimeout is how long a peer may owe an answer before it is suspected (docs/spec.md
	// §3.4). Default 15 s; all nodes of a cluster should agree on it.
	NodeTimeout time.Duration
	// Witness makes this node a member that never holds data. It votes where fewer than three
	// masters have slots, so that one master with one replica can fail over. In a
	// configuration file it is slotmesh-witness.
	Witness bool
	// PartialCoverage lets the cluster serve while some slots have no working owner.
	PartialCoverage bool
	// ReadsIfDown serves reads while the cluster is down.
	ReadsIfDown bool
	// MaxMemory limits the memory of keys and values, in bytes. Default: no limit.
	MaxMemory int64
	// Eviction says what goes when MaxMemory is reached. Default: nothing, writes fail.
	Eviction keyspace.Policy
	// Secret is known to the nodes of a cluster and nobody else: each end of a connection
	// between nodes proves to the other that it has it, and what they say is encrypted. At
	// least 16 bytes, the same on all nodes; "slotmesh secret" makes one. Default: none.
	Secret string
	// OldSecret is accepted beside Secret, so that nodes can change theirs one after the
	// other. With "none", nodes are accepted, too, that have no secret. Default: only Secret.
	OldSecret string
	// BusTLS makes nodes show each other certificates: those of TLS and ClientTLS, which must
	// say, by ClientCAs and RootCAs, whose certificates nodes have. Together with a Secret,
	// both are asked for.
	BusTLS bool
	// OpenBus lets the bus, where nodes talk to each other, listen on BusAddr although neither
	// Secret nor BusTLS protect it: every machine that reaches it reads and writes everything. Without
	// all three, it listens on the loopback address.
	OpenBus bool
	// Scripts runs the scripts of EVAL and the functions of FCALL: script.New makes an engine
	// for Lua. Default: they are refused, and the program does not link an interpreter.
	Scripts Scripts
	// Clients bounds what clients may do.
	Clients ClientConfig
	// Timing says which commands SLOWLOG shows, and what is recorded of times.
	Timing TimingConfig
	// TLS is what the node presents to clients that connect with TLS: its certificates and,
	// with ClientAuth and ClientCAs, what it asks of theirs. They connect to Clients.TLSAddr
	// or, if that is empty, to Addr, which then takes no others. Certificates that change
	// come from GetConfigForClient or GetCertificate. It must not be changed after New.
	// Default: no TLS.
	TLS *tls.Config
	// ClientTLS is what the node uses where it connects to others with TLS: as MIGRATE does,
	// and Join. Default: the certificates of TLS, and trust in its ClientCAs.
	ClientTLS *tls.Config
	// Replication says how replicas follow their masters and succeed them.
	Replication ReplicationConfig
	// Snapshot says when the keys are written to Dir. Default: by the rules of
	// redis.conf, and on Close.
	Snapshot SnapshotConfig
	// Log says whether, and how, every write is kept in Dir. Default: there is no log, only
	// snapshots.
	Log LogConfig
	// Logger receives what happens. Default: silence.
	Logger hclog.Logger
	// OnEvent is called with everything that happens to the cluster, in order, on a
	// goroutine of its own. If it is slow, events are left out, and EventsMissed says so.
	// Close waits for it to return.
	//
	// Deprecated: use Node.Events.
	OnEvent func(Event)
	// OnShutdown is called, on a goroutine of its own, when a client sends SHUTDOWN: the
	// host should end and Close the node. Default: SHUTDOWN closes the node.
	OnShutdown func()

	// What only a configuration file says.
	settings   *conf.Settings // where the values come from
	secretFile string         // takes the place of Secret; relative to Dir
	tls        tlsSettings
}

// ClientConfig bounds what clients may do.
type ClientConfig struct {
	// Password is asked of clients: it is that of the user "default". Default: none.
	Password string
	// Users are those that clients may be, in the form of the directive "user" of
	// redis.conf without that word, such as "app on >secret ~app:* +@read". What is said of
	// "default" takes the place of Password. Calls of the program itself and of other nodes
	// may do everything. Default: the user "default", who may do everything too.
	Users []string
	// UserFile is the path of a file that has the users instead (aclfile of redis.conf). It
	// must exist; ACL SAVE and ACL LOAD write and read it. Default: none.
	UserFile string
	// TLSAddr is where clients connect with TLS, "host:port", beside Addr; Config.TLS must be
	// set. Default: with Config.TLS, Addr.
	TLSAddr string
	// IdleTimeout closes the connection of a client that is silent for so long. Default:
	// never.
	IdleTimeout time.Duration
	// AuthTimeout closes the connection of a client that has not given the password, or not
	// ended the handshake of TLS, after so long. Default 10 s; negative: never. In a
	// configuration file it is slotmesh-auth-timeout, in seconds, with 0 for never.
	AuthTimeout time.Duration
	// Max limits the number of connections. Default 10,000; fewer if the process may not
	// open so many files. Half of them at most have not authenticated: the oldest of those
	// make room for others.
	Max int
	// Endpoint is the name under which clients are told to reach the nodes: by redirects,
	// CLUSTER SLOTS and SHARDS. Default: the address that each announces. With
	// slots.EndpointHostname it is Config.Hostname, which each node should then have.
	Endpoint slots.EndpointType
	// Open serves clients of other machines although no Password is asked. Without it they
	// are told Redis' text about its protected mode, and only those are served that come by
	// a loopback address, by Socket or by Node.ServeConn.
	Open bool
	// Socket is the path of a Unix socket on which clients are served too. Default: none.
	Socket string
	// SocketMode is the permissions of Socket, such as 0o660. Default: those that the
	// process gives to its files.
	SocketMode fs.FileMode
	// SocketOnly leaves out the TCP port of clients in plain text; Addr is then only what
	// BusAddr follows from.
	SocketOnly bool
	// Events says of what happens to keys clients are told that subscribe to keyspace
	// notifications, by the letters of notify-keyspace-events of redis.conf: "KEA" is nearly
	// all, "Ex" is keys that expire. Default: nothing.
	Events string
	// MeasureSlots counts the time of commands and the bytes of clients for each slot: see
	// CLUSTER SLOT-STATS and Node.SlotStats. It takes 400 KB.
	MeasureSlots bool
	// Rename gives commands, by their own names, others that clients must use; "" takes a
	// command away from them. The program itself, and other nodes, go on to call commands by
	// their own names.
	Rename map[string]string
}

// ReplicationConfig says how replicas follow their masters and succeed them.
type ReplicationConfig struct {
	// Sync is how many replicas must hold a write before it is answered: see WithSync.
	// Default 0. In a configuration file it is slotmesh-sync-replicas.
	Sync int
	// MinReplicas refuses writes while fewer replicas than that are online and were heard
	// within MaxLag (default 10 s): ErrNoReplicas (docs/spec.md §9.3). Default 0.
	MinReplicas int
	MaxLag      time.Duration
	// BacklogSize is how much history is kept for replicas that come back, in bytes. Default
	// 1 MiB.
	BacklogSize int
	// Timeout is how long a replication link may be silent. Default 10 s.
	Timeout time.Duration
	// NoFailover keeps this node from standing for election.
	NoFailover bool
	// Validity bounds how old a replica's data may be for it to stand for election, in node
	// timeouts (docs/spec.md §6.2). Default 10; negative: no bound, and it may even have
	// none of its shard's data yet.
	Validity int
	// MigrationBarrier is how many replicas a master keeps when another shard needs one
	// (docs/spec.md §6.8). Default 1. Redis' 0 is no different: a master that gave away its
	// only replica would be the next to need one, and the replica would go back and forth.
	MigrationBarrier int
}

// SnapshotConfig says when a node writes its keys to disk. Without Config.Dir or Disk it
// never does by itself.
type SnapshotConfig struct {
	// Off turns snapshots off: keys live in memory only.
	Off bool
	// File is its name in Dir. Default "dump.smdb".
	File string
	// Rules say when to save by itself. Default: after an hour if a key changed, after 5
	// minutes if 100 did, after 1 minute if 10,000 did.
	Rules []replication.SaveRule
	// AtEnd saves on Close although there are no Rules.
	AtEnd bool
	// IgnoreErrors lets a node that should save by Rules take writes although the disk did
	// not take the last snapshot. Without it, writes give ErrNotSaved until a snapshot
	// succeeds; it is tried every 5 s.
	IgnoreErrors bool
}

const (
	defaultStateFile = "nodes.conf"
	defaultSnapshot  = "dump.smdb"
)

// defaultRules are those of redis.conf.
var defaultRules = []replication.SaveRule{
	{Every: time.Hour, Changes: 1}, {Every: 5 * time.Minute, Changes: 100}, {Every: time.Minute, Changes: 10_000},
}

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
		if port != 0 && !c.Standalone {
			busPort = port + busPortOffset
		}
		if busPort > 65535 {
			return c, fmt.Errorf("slotmesh: Config.Addr has port %d, so the bus would need port %d: use a port up to %d "+
				"or set Config.BusAddr",
				port, busPort, 65535-busPortOffset)
		}
		c.BusAddr = net.JoinHostPort(host, strconv.Itoa(busPort))
	}
	if _, _, err := splitAddr("BusAddr", c.BusAddr); err != nil {
		return c, err
	}
	if err := c.checkNames(); err != nil {
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
	}
	if err := c.Clients.validate(); err != nil {
		return c, err
	}
	if err := c.validateTLS(); err != nil {
		return c, err
	}
	if c.tls.files == nil {
		c.tls.files = tlsfiles.Unread(c.Logger.Named("tls"))
	}
	if err := c.Replication.validate(); err != nil {
		return c, err
	}
	if err := cmp.Or(c.validateLog(), c.validateCluster(), c.Timing.validate()); err != nil {
		return c, err
	}
	if c.NodeTimeout == 0 {
		c.NodeTimeout = gossip.DefaultNodeTimeout
	}
	return c, nil
}

const zoneForm = "use letters, digits, hyphens, dots, underscores and slashes, at most 255"

// checkNames refuses names that would break the lines in which the cluster shows its nodes.
func (c *Config) checkNames() error {
	switch {
	case c.Hostname != "" && !slots.ValidHostname(c.Hostname):
		return fmt.Errorf("slotmesh: Config.Hostname is %.300q: use letters, digits, hyphens and dots, at most 255",
			c.Hostname)
	case c.Witness && c.Standalone:
		return errors.New("slotmesh: Config.Witness is set on a standalone node: a witness is a member of a cluster")
	case c.Zone != "" && !slots.ValidZone(c.Zone):
		return fmt.Errorf("slotmesh: Config.Zone is %.300q: %s", c.Zone, zoneForm)
	case c.Announce.Host != "" && !slots.ValidHost(c.Announce.Host):
		return fmt.Errorf("slotmesh: Config.Announce.Host is %.300q: use an IP address or a name", c.Announce.Host)
	}
	return nil
}

func (c *ClientConfig) validate() error {
	if _, err := keyspace.ParseEventClass(c.Events); err != nil {
		return fmt.Errorf("slotmesh: Config.Clients.Events is %.100q: %w", c.Events, err)
	}
	switch {
	case c.Max < 0:
		return fmt.Errorf("slotmesh: Config.Clients.Max is %d: use at least 1, or 0 for 10000", c.Max)
	case c.IdleTimeout < 0:
		return fmt.Errorf("slotmesh: Config.Clients.IdleTimeout is %v: use 0 for never", c.IdleTimeout)
	case !c.Endpoint.Valid():
		return fmt.Errorf("slotmesh: Config.Clients.Endpoint is %v: use slots.EndpointIP, EndpointHostname or "+
			"EndpointUnknown", c.Endpoint)
	case c.SocketOnly && c.Socket == "":
		return errors.New("slotmesh: Config.Clients.SocketOnly is set, but Config.Clients.Socket is empty: name the " +
			"path of a Unix socket")
	case c.SocketMode&^fs.ModePerm != 0:
		return fmt.Errorf("slotmesh: Config.Clients.SocketMode is %v: use permissions only, such as 0o660", c.SocketMode)
	}
	if err := server.CheckRename(c.Rename); err != nil {
		return fmt.Errorf("slotmesh: Config.Clients.Rename: %w", err)
	}
	if err := server.CheckUsers(c.Users, c.UserFile); err != nil {
		return userError(nil, err)
	}
	return nil
}

// openDisk fills in c.Disk and c.Snapshot.
func (c *Config) openDisk() error {
	if c.Snapshot.File == "" {
		c.Snapshot.File = defaultSnapshot
	}
	if c.Snapshot.Rules == nil {
		c.Snapshot.Rules = defaultRules
	}
	switch {
	case c.Disk != nil:
		return nil
	case c.Dir == "":
		c.Disk = &storage.Memory{}
		c.Snapshot.Off = true // memory that dies with the node
		return nil
	}
	if info, err := os.Stat(c.Dir); err != nil {
		return fmt.Errorf("slotmesh: Config.Dir: %w: create the folder first", err)
	} else if !info.IsDir() {
		return fmt.Errorf("slotmesh: Config.Dir: %s is not a folder", c.Dir)
	}
	c.Disk = storage.Dir(c.Dir)
	return nil
}

// busPortOffset is what the bus port is above the client port (docs/spec.md §2.7).
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
