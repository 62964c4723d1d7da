package slotmesh

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/listen"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/slots"
)

// startServer serves clients. They are answered LOADING until openServer.
func (n *Node) startServer(clients []listener) error {
	if err := n.loadSettings(); err != nil {
		return err
	}
	if err := n.fitMaxClients(); err != nil {
		return err
	}
	cfg := server.Config{
		Engine:     n.engine,
		Settings:   n.settings,
		Logger:     n.log.Named("clients"),
		Limits:     n.values().limits(),
		Rename:     n.cfg.Clients.Rename,
		Users:      n.cfg.Clients.Users,
		UserFile:   n.cfg.Clients.UserFile,
		Port:       func() int { return int(n.Addr().ClientPort(false)) },
		Version:    moduleVersion(),
		ConfigFile: n.settings.text.File(),
		Debug:      n.values().debug,
		OnShutdown: n.onShutdown(),

		Replication:  n.replicationView,
		Stream:       n.shard.Backlog,
		StreamLimits: n.streamLimits,
		MaxStaleness: func(bound time.Duration) bool { return n.shard.Replicator.FresherThan(bound) },
		Acks:         acks{n.shard.Acks},
		Disk:         n.shard.Log,
		Promises:     acks{n.shard.Acks},
		Sync:         n.cfg.Replication.Sync,
		Copies:       n.copies,
		Snapshots:    snapshotAdapter{n.snapshots},
		Log:          logAdapter{n.shard.Log},
		Extensions:   n.extensions(),
		Scripts:      n.cfg.Scripts,
		Libraries:    n.shard.Libraries(),
		Dial:         n.cfg.Network.Dial,
		MigrateTLS:   n.migrateTLS,
		Pubsub:       n.pubsub.local,
		Info:         n.info,

		Files:         n.maxDescriptors(),
		ReservedFiles: n.reservedNow,
	}
	if !n.cfg.Standalone {
		cfg.Cluster, cfg.Messages = clusterAdapter{n}, n.pubsub.remote
	} else {
		cfg.Follows = standby{n}
	}
	srv, err := server.New(cfg)
	if err != nil {
		return userError(n.cfg.settings, err)
	}
	srv.SetLoading(true) // the rest of the node does not exist yet
	n.server = srv
	n.settings.tls = listen.Door{Listen: n.cfg.Network.Listen, Serve: n.serveTLS}
	for _, ln := range clients {
		switch {
		case !ln.tls:
			n.life.spawn(func() { n.serve(ln, srv.Serve) })
		case n.serveTLS(ln.Listener):
			n.settings.tls.Open(ln.Listener)
		default:
			ln.Close()
		}
	}
	return nil
}

// serveTLS serves clients with TLS on a goroutine, unless the node's end has begun.
func (n *Node) serveTLS(ln net.Listener) bool {
	cfg, _ := n.tlsConfigs()
	return n.life.trySpawn(func() {
		n.serve(ln, func(ln net.Listener) error {
			if err := n.server.ServeTLS(ln, cfg); !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil // the port has been moved
		})
	})
}

func (n *Node) serve(ln net.Listener, serve func(net.Listener) error) {
	if err := serve(ln); err != nil && !n.life.over() {
		n.log.Error("the client port stopped accepting connections", "addr", ln.Addr(), "error", err)
	}
}

// tlsConfigs returns what the node presents where it listens and where it dials with TLS:
// those of the Config or, if it has none, those of files that may be named later.
func (n *Node) tlsConfigs() (listening, dialling *tls.Config) {
	if n.cfg.TLS != nil {
		return n.cfg.TLS, n.cfg.ClientTLS
	}
	files := n.cfg.tls.files
	return files.Server(), cmp.Or(n.cfg.ClientTLS, files.Client())
}

// readUsers sets the users, and tells what is wrong with them as far as the host program
// cannot mend it by commands of its own.
func (v *values) readUsers(s *conf.Settings) error {
	for _, line := range s.Lines("user") {
		v.Clients.Users = append(v.Clients.Users, line.String())
	}
	if file := v.Clients.UserFile; file != "" && !filepath.IsAbs(file) {
		v.Clients.UserFile = filepath.Join(v.Dir, file)
	}
	return userError(s, server.CheckUsers(v.Clients.Users, v.Clients.UserFile))
}

// userError says which user is wrong: by its place in the configuration file, if it is from
// one.
func userError(s *conf.Settings, err error) error {
	if err == nil {
		return nil
	}
	var lines []conf.Line
	if s != nil {
		lines = s.Lines("user")
	}
	var user *server.UserError
	switch {
	case errors.As(err, &user) && user.Index < len(lines):
		line := &lines[user.Index]
		return &conf.Error{At: line.At, Name: "user", Value: line.Words[0], Err: user.Err,
			Accepted: "a name and rules, such as app on >password ~app:* +@read"}
	case errors.As(err, &user):
		return fmt.Errorf("slotmesh: Config.Clients.%w", user)
	case errors.Is(err, server.ErrUsersTwice) && s != nil:
		return &conf.Error{At: s.Where("aclfile"), Name: "aclfile", Value: s.String("aclfile"), Err: err}
	}
	return fmt.Errorf("slotmesh: Config.Clients: %w", err)
}

// moduleVersion is the version of slotmesh in this program, "" if the build does not tell.
func moduleVersion() string {
	const path = "github.com/slotmesh/slotmesh"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}

// openServer lets clients in, once all that they may ask for is there.
func (n *Node) openServer() { n.server.SetLoading(false) }

// onShutdown returns what a client's SHUTDOWN does, at most once.
func (n *Node) onShutdown() func() {
	var once sync.Once
	return func() {
		once.Do(func() {
			if n.cfg.OnShutdown != nil {
				n.cfg.OnShutdown()
				return
			}
			n.Close()
		})
	}
}

// snapshotAdapter is the node's snapshots as SAVE and INFO see them.
type snapshotAdapter struct{ *shard.Snapshots }

func (s snapshotAdapter) Status() server.SnapshotStatus {
	return server.SnapshotStatus(s.Snapshots.Status())
}

func (s snapshotAdapter) Loading() server.LoadStatus { return server.LoadStatus(s.Snapshots.Loading()) }

// logAdapter is the node's log as BGREWRITEAOF and INFO see it.
type logAdapter struct{ *shard.Log }

func (l logAdapter) Status() server.LogStatus {
	st := l.Log.Status()
	return server.LogStatus{
		On: st.Policy != LogOff, Size: st.Size, BaseSize: st.BaseSize, Pending: st.Pending,
		Syncing: st.Unsynced > st.Pending, Delayed: st.Delayed, WriteErr: st.Failed,
		Rewriting: st.Rewriting, Scheduled: st.Scheduled, CurrentRewrite: st.CurrentRewrite, LastRewrite: st.LastRewrite,
		RewriteErr: st.LastRewriteErr, Rewrites: st.Rewrites, InVain: st.InVain,
	}
}

// clusterAdapter is the node as the CLUSTER commands see it.
type clusterAdapter struct{ *Node }

func (c clusterAdapter) Meet(ctx context.Context, host string, port, busPort uint16) error {
	return c.Node.Meet(ctx, slots.Addr{Host: host, Port: port, BusPort: busPort})
}

// SaveConfig has nothing left to do: every change is durable before it is answered, and the
// rest within a second.
func (c clusterAdapter) SaveConfig(ctx context.Context) error { return c.do(ctx, gossip.SaveState{}) }

func (c clusterAdapter) Peers() []server.Peer {
	var list []server.Peer
	for _, p := range c.gossip.Peers() {
		list = append(list, server.Peer{
			ID: p.ID, Addr: p.Addr, Handshake: p.Handshake,
			PingSent: p.PingSent, PongRecv: p.PongReceived, Connected: p.Connected,
			ReplOffset: p.Data.Offset,
		})
	}
	return list
}

func (c clusterAdapter) Links() []server.Link {
	var list []server.Link
	for _, p := range c.gossip.Peers() {
		for _, l := range p.Links {
			list = append(list, server.Link{Inbound: !l.Dialled, ID: p.ID, Created: l.Since})
		}
	}
	return list
}

func (c clusterAdapter) Counters() []server.Counter {
	st := c.gossip.Stats()
	var list []server.Counter
	m := c.pubsub.remote.Stats()
	add := func(kind string, counts [len(st.Sent)]uint64, published, sharded uint64) {
		total := published + sharded
		if published > 0 {
			list = append(list, server.Counter{Name: "cluster_stats_messages_publish_" + kind, Value: published})
		}
		if sharded > 0 {
			list = append(list, server.Counter{Name: "cluster_stats_messages_publishshard_" + kind, Value: sharded})
		}
		for i, n := range counts {
			if n > 0 {
				list = append(list, server.Counter{Name: "cluster_stats_messages_" + gossip.Type(i).String() + "_" + kind,
					Value: n})
			}
			total += n
		}
		list = append(list, server.Counter{Name: "cluster_stats_messages_" + kind, Value: total})
	}
	add("sent", st.Sent, m.Sent, m.SentShard)
	add("received", st.Received, m.Received, m.ReceivedShard)
	return list
}

// info returns what INFO shows of the node besides.
func (n *Node) info(section string) [][2]string {
	if section != "stats" || n.pubsub.remote == nil {
		return nil
	}
	m := n.pubsub.remote.Stats()
	return [][2]string{
		{"pubsub_messages_sent", strconv.FormatUint(m.Sent+m.SentShard, 10)},
		{"pubsub_messages_received", strconv.FormatUint(m.Received+m.ReceivedShard, 10)},
		{"pubsub_messages_dropped", strconv.FormatUint(m.Dropped, 10)},
	}
}

func (c clusterAdapter) FailureReports(id slots.NodeID) (n int, known bool) {
	for _, p := range c.gossip.Peers() {
		if p.ID == id {
			return p.Reports, true
		}
	}
	return 0, id == c.ID()
}

func (c clusterAdapter) BeginFailover(ctx context.Context, mode server.FailoverMode) error {
	return c.beginFailover(ctx, map[server.FailoverMode]gossip.FailoverMode{
		server.FailoverDefault:  gossip.FailoverDefault,
		server.FailoverForce:    gossip.FailoverForce,
		server.FailoverTakeover: gossip.FailoverTakeover,
	}[mode])
}

// listenClients opens the ports that clients connect to, and sets n.addr.
func (n *Node) listenClients() (list []listener, err error) {
	plain, encrypted := n.cfg.Addr, n.cfg.Clients.TLSAddr
	if n.cfg.TLS != nil && encrypted == "" && !n.cfg.tls.busOnly {
		plain, encrypted = "", n.cfg.Addr
	}
	if n.addr.Host, _, _ = net.SplitHostPort(n.cfg.Addr); n.cfg.Clients.SocketOnly {
		plain = ""
	}
	if encrypted != "" {
		ln, err := n.cfg.Network.Listen(encrypted)
		if err != nil {
			return nil, fmt.Errorf("slotmesh: Config.Clients.TLSAddr: %w", err)
		}
		n.addr.Host, n.addr.TLSPort = hostPort(ln.Addr())
		list = append(list, listener{ln, true})
	}
	if plain != "" {
		ln, err := n.cfg.Network.Listen(plain)
		if err != nil {
			closeListeners(list)
			return nil, fmt.Errorf("slotmesh: Config.Addr: %w", err)
		}
		n.addr.Host, n.addr.Port = hostPort(ln.Addr())
		list = append(list, listener{ln, false})
	}
	if path := n.cfg.Clients.Socket; path != "" {
		ln, err := listen.Unix(path, n.cfg.Clients.SocketMode)
		if err != nil {
			closeListeners(list)
			return nil, fmt.Errorf("slotmesh: Config.Clients.Socket: %w", err)
		}
		list = append(list, listener{ln, false})
	}
	return list, nil
}

// listener is a port that clients connect to.
type listener struct {
	net.Listener
	tls bool
}

func closeListeners(list []listener) {
	for _, ln := range list {
		ln.Close()
	}
}

// maxDescriptors returns how many descriptors the node's process may have open, 0 if there
// is no bound or the node's connections do not use them.
func (n *Node) maxDescriptors() int {
	switch n.cfg.Network.(type) {
	case TCP, *conf.Bind:
		return listen.OpenFiles()
	}
	return 0
}

// fitMaxClients lowers maxclients to what the system allows.
func (n *Node) fitMaxClients() error {
	want := n.values().Clients.Max
	room, warnings, err := listen.FitClients(n.maxDescriptors(), want)
	switch {
	case err != nil:
		return fmt.Errorf("slotmesh: %w", err)
	case room == want:
		return nil
	}
	for _, w := range warnings {
		n.log.Warn(w)
	}
	if err := n.settings.text.Override([]conf.Pair{{Name: "maxclients", Value: strconv.Itoa(room)}}); err != nil {
		return err
	}
	n.settings.read()
	return nil
}

// reservedNow is how many descriptors clients do not get at the moment.
func (n *Node) reservedNow() int {
	m := n.engine.Map()
	if m == nil || n.server.Loading() { // n.gossip is not there yet
		return listen.Reserved
	}
	return listen.ReservedWith(len(m.Nodes()), n.gossip.Links())
}

// streamLimits is what is kept for stock servers that have replicated the node.
func (n *Node) streamLimits() server.StreamLimits {
	v := n.values()
	return server.StreamLimits{Backlog: v.Replication.BacklogSize, TTL: v.backlogTTL}
}
