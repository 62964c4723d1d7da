package slotmesh

import (
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// setting is a directive that a node obeys: its form, the field that it sets and shows,
// and what puts it in force on a node that runs.
type setting struct {
	conf.Directive
	field func(v *values) any            // what it sets: see conf.Value.Store; nil: LoadConfig reads it
	apply func(n *Node, v *values) error // nil: CONFIG SET cannot change it
}

// values is what settings set: the Config, and what has no field there.
type values struct {
	Config
	debug        string // who may use DEBUG
	samples      int    // keys that eviction compares
	encodings    keyspace.Encodings
	logLevel     hclog.Level // of the logger that LoadConfig makes
	keepAlive    time.Duration
	maxArgument  int // bytes
	maxQuery     int // bytes
	output       conf.OutputLimits
	aclLog       int   // entries
	trackedKeys  int64 // 0: any number
	scriptMemory int64 // bytes
	sparseSketch int64 // bytes up to which a HyperLogLog is sparse
	busyAfter    time.Duration
	backlogTTL   time.Duration // that stock servers which are away may come back
	logs         bool          // there is to be a log: appendonly
	logSync      LogSync       // when it is to be made durable, if there is one: appendfsync
	channels     string        // that new users may use: allchannels or resetchannels
}

// settings is all of them, with the defaults of Redis 7.0.
var settings = []setting{
	// The process.
	{conf.Number("port", "6379", 0, 65535), nil, nil},
	{conf.AnyOf("bind", "* -::*"), nil, nil},
	{conf.Text("unixsocket", ""), func(v *values) any { return &v.Clients.Socket }, nil},
	{conf.Directive{Name: "unixsocketperm", Kind: conf.Mode, Default: "0", Max: 0o777},
		func(v *values) any { return &v.Clients.SocketMode }, nil},
	{conf.YesNo("protected-mode", "yes"),
		func(v *values) any { return conf.Not{Field: &v.Clients.Open} }, (*Node).applyLimits},
	{conf.Directive{Name: "rename-command", Kind: conf.Renames, FileOnly: true}, nil, nil},
	{conf.Directive{Name: "dir", Kind: conf.Dir, Default: "."}.Guard(), func(v *values) any { return &v.Dir }, nil},
	{conf.Text("logfile", ""), nil, nil},
	{conf.OneOf("loglevel", "notice", "debug", "verbose", "notice", "warning"),
		func(v *values) any { return level(&v.logLevel) }, (*Node).applyLogLevel},
	{conf.Directive{Name: "requirepass", Kind: conf.String, Secret: true},
		func(v *values) any { return &v.Clients.Password }, (*Node).applyLimits},
	{conf.Directive{Name: "user", Kind: conf.Lines, FileOnly: true, Secret: true}, nil, nil},
	{conf.Text("aclfile", ""), func(v *values) any { return &v.Clients.UserFile }, nil},
	{conf.Memory("slotmesh-script-memory", "67108864", 1<<20),
		func(v *values) any { return &v.scriptMemory }, (*Node).applyLimits},
	{conf.Span("busy-reply-threshold", "5000", time.Millisecond, 0).Also("lua-time-limit"),
		func(v *values) any { return &v.busyAfter }, (*Node).applyBusy},
	{conf.Count("tracking-table-max-keys", "1000000", 0),
		func(v *values) any { return &v.trackedKeys }, (*Node).applyLimits},
	{conf.Count("acllog-max-len", "128", 0), func(v *values) any { return &v.aclLog }, (*Node).applyLimits},
	{conf.OneOf("acl-pubsub-default", "resetchannels", "allchannels", "resetchannels"),
		func(v *values) any { return &v.channels }, (*Node).applyLimits},
	{conf.Text("masteruser", "").Also("primaryuser"), nil, (*Node).applyNothing},
	{conf.Directive{Name: "masterauth", Alias: "primaryauth", Kind: conf.String, Secret: true}, nil, (*Node).applyNothing},

	// Clients.
	{clientsOf("enable-debug-command"), func(v *values) any { return &v.debug }, nil},
	{clientsOf("enable-protected-configs"), nil, nil},
	{clientsOf("enable-module-command"), nil, nil}, // its value changes nothing: there are no modules
	{conf.Count("maxclients", "10000", 1), func(v *values) any { return &v.Clients.Max }, (*Node).applyLimits},
	{conf.Span("timeout", "0", time.Second, 0),
		func(v *values) any { return &v.Clients.IdleTimeout }, (*Node).applyLimits},
	{conf.Span("slotmesh-auth-timeout", "10", time.Second, 0),
		func(v *values) any { return conf.Endless{Field: &v.Clients.AuthTimeout} }, (*Node).applyLimits},
	{conf.Span("tcp-keepalive", "300", time.Second, 0),
		func(v *values) any { return &v.keepAlive }, (*Node).applyLimits},
	{conf.Memory("proto-max-bulk-len", "536870912", 1<<20),
		func(v *values) any { return &v.maxArgument }, (*Node).applyLimits},
	{conf.Memory("client-query-buffer-limit", "1073741824", 1<<20),
		func(v *values) any { return &v.maxQuery }, (*Node).applyLimits},
	{conf.Directive{Name: "client-output-buffer-limit", Kind: conf.Limits,
		Default: "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60"},
		func(v *values) any { return &v.output }, (*Node).applyOutputLimits},
	{conf.YesNo("cluster-slot-stats-enabled", "no"),
		func(v *values) any { return &v.Clients.MeasureSlots }, (*Node).applyLimits},
	{slowAfter, func(v *values) any { return slowAfterField(&v.Timing.SlowAfter) }, (*Node).applyLimits},
	{conf.Count("slowlog-max-len", "128", 0).Also("commandlog-slow-execution-max-len"),
		func(v *values) any { return conf.Unbounded{Field: &v.Timing.SlowLen} }, (*Node).applyLimits},
	{conf.Span("latency-monitor-threshold", "0", time.Millisecond, 0),
		func(v *values) any { return &v.Timing.MonitorFrom }, (*Node).applyLimits},
	{conf.YesNo("latency-tracking", "yes"),
		func(v *values) any { return conf.Not{Field: &v.Timing.NoTracking} }, (*Node).applyLimits},
	{shownPercentiles, func(v *values) any { return percentiles(&v.Timing.Percentiles) }, (*Node).applyLimits},
	{notifyEvents, func(v *values) any { return &v.Clients.Events }, (*Node).applyEvents},

	// TLS.
	{conf.Number("tls-port", "0", 0, 65535), func(v *values) any { return &v.tls.port }, (*Node).applyTLSPort},
	{conf.Text("tls-cert-file", ""), func(v *values) any { return &v.tls.Cert }, (*Node).applyTLS},
	{conf.Text("tls-key-file", ""), func(v *values) any { return &v.tls.Key }, (*Node).applyTLS},
	{conf.Directive{Name: "tls-key-file-pass", Kind: conf.String, Secret: true},
		func(v *values) any { return &v.tls.KeyPass }, (*Node).applyTLS},
	{conf.Text("tls-client-cert-file", ""), func(v *values) any { return &v.tls.ClientCert }, (*Node).applyTLS},
	{conf.Text("tls-client-key-file", ""), func(v *values) any { return &v.tls.ClientKey }, (*Node).applyTLS},
	{conf.Directive{Name: "tls-client-key-file-pass", Kind: conf.String, Secret: true},
		func(v *values) any { return &v.tls.ClientKeyPass }, (*Node).applyTLS},
	{conf.Text("tls-ca-cert-file", ""), func(v *values) any { return &v.tls.CAFile }, (*Node).applyTLS},
	{conf.Text("tls-ca-cert-dir", ""), func(v *values) any { return &v.tls.CADir }, (*Node).applyTLS},
	{conf.OneOf("tls-auth-clients", "yes", "no", "yes", "optional"),
		func(v *values) any { return tlsAuth(&v.tls.Auth) }, (*Node).applyTLS},
	{conf.Text("tls-protocols", ""), func(v *values) any { return &v.tls.Protocols }, (*Node).applyTLS},
	{conf.Text("tls-ciphers", ""), func(v *values) any { return &v.tls.Ciphers }, (*Node).applyTLS},
	{conf.YesNo("tls-session-caching", "yes"),
		func(v *values) any { return conf.Not{Field: &v.tls.NoTickets} }, (*Node).applyTLS},
	{conf.YesNo("tls-replication", "no"), func(v *values) any { return &v.tls.replication }, (*Node).applyTLS},
	{conf.YesNo("tls-cluster", "no"), func(v *values) any { return &v.tls.cluster }, (*Node).applyTLS},

	// Memory.
	{conf.Memory("maxmemory", "0", 0), func(v *values) any { return &v.MaxMemory }, (*Node).applyMemory},
	{conf.OneOf("maxmemory-policy", "noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"),
		func(v *values) any { return policy(&v.Eviction) }, (*Node).applyMemory},
	{conf.Number("maxmemory-samples", "5", 1, 64), func(v *values) any { return &v.samples }, (*Node).applyMemory},

	// What OBJECT ENCODING calls compact.
	{conf.Count("hash-max-listpack-entries", "512", 0).Also("hash-max-ziplist-entries"),
		func(v *values) any { return &v.encodings.HashEntries }, (*Node).applyEncodings},
	{conf.Count("hash-max-listpack-value", "64", 0).Also("hash-max-ziplist-value"),
		func(v *values) any { return &v.encodings.HashValue }, (*Node).applyEncodings},
	{conf.Count("set-max-intset-entries", "512", 0),
		func(v *values) any { return &v.encodings.SetInts }, (*Node).applyEncodings},
	{conf.Count("zset-max-listpack-entries", "128", 0).Also("zset-max-ziplist-entries"),
		func(v *values) any { return &v.encodings.ZSetEntries }, (*Node).applyEncodings},
	{conf.Count("zset-max-listpack-value", "64", 0).Also("zset-max-ziplist-value"),
		func(v *values) any { return &v.encodings.ZSetValue }, (*Node).applyEncodings},
	{conf.Memory("stream-node-max-bytes", "4096", 0),
		func(v *values) any { return &v.encodings.StreamNodes.Bytes }, (*Node).applyEncodings},
	{conf.Count("stream-node-max-entries", "100", 0),
		func(v *values) any { return &v.encodings.StreamNodes.Entries }, (*Node).applyEncodings},

	{conf.Memory("hll-sparse-max-bytes", "3000", 0),
		func(v *values) any { return &v.sparseSketch }, (*Node).applyLimits},

	// Data on disk.
	{conf.Directive{Name: "save", Kind: conf.Save, Default: "3600 1 300 100 60 10000"},
		func(v *values) any { return saveRules(&v.Snapshot) }, (*Node).applySave},
	{conf.YesNo("stop-writes-on-bgsave-error", "yes"),
		func(v *values) any { return conf.Not{Field: &v.Snapshot.IgnoreErrors} }, (*Node).applySave},
	{conf.Text("dbfilename", defaultSnapshot).Guard(), func(v *values) any { return &v.Snapshot.File }, nil},
	{conf.YesNo("appendonly", "no"), func(v *values) any { return logSwitch(v) }, (*Node).applyLog},
	{conf.OneOf("appendfsync", "everysec", "everysec", "always", "no"),
		func(v *values) any { return logSync(v) }, (*Node).applyLog},
	{conf.YesNo("no-appendfsync-on-rewrite", "no"),
		func(v *values) any { return &v.Log.NoSyncOnRewrite }, (*Node).applyLog},
	{conf.Count("auto-aof-rewrite-percentage", "100", 0),
		func(v *values) any { return conf.Unbounded{Field: &v.Log.RewritePercent} }, (*Node).applyLog},
	{conf.Memory("auto-aof-rewrite-min-size", "67108864", 0),
		func(v *values) any { return rewriteMinSize(&v.Log.RewriteMinSize) }, (*Node).applyLog},
	{conf.YesNo("aof-load-truncated", "yes"),
		func(v *values) any { return conf.Not{Field: &v.Log.RefuseTruncated} }, (*Node).applyLog},
	{conf.AnyOf("shutdown-on-sigint", "default", "default", "save", "nosave", "now", "force"), nil, nil},
	{conf.AnyOf("shutdown-on-sigterm", "default", "default", "save", "nosave", "now", "force"), nil, nil},

	// Replication.
	{conf.Directive{Name: "replicaof", Alias: "slaveof", Kind: conf.List, Check: checkReplicaOf}, nil, nil},
	{conf.Memory("repl-backlog-size", "1048576", 16384),
		func(v *values) any { return &v.Replication.BacklogSize }, (*Node).applyBacklog},
	{conf.Span("repl-backlog-ttl", "3600", time.Second, 0),
		func(v *values) any { return &v.backlogTTL }, (*Node).applyNothing},
	{conf.Span("repl-timeout", "10", time.Second, 2), func(v *values) any { return &v.Replication.Timeout }, nil},
	{conf.Count("min-replicas-to-write", "0", 0).Also("min-slaves-to-write"),
		func(v *values) any { return &v.Replication.MinReplicas }, (*Node).applyMinReplicas},
	{conf.Number("slotmesh-sync-replicas", "0", 0, 1000), func(v *values) any { return &v.Replication.Sync }, nil},
	{conf.Span("min-replicas-max-lag", "10", time.Second, 0).Also("min-slaves-max-lag"),
		func(v *values) any { return &v.Replication.MaxLag }, (*Node).applyMinReplicas},

	// The cluster.
	{conf.Directive{Name: "cluster-secret", Kind: conf.String, Secret: true, Hidden: true, Check: checkSecret},
		func(v *values) any { return &v.Secret }, (*Node).applySecurity},
	{conf.Directive{Name: "cluster-secret-old", Kind: conf.String, Secret: true, Hidden: true, Check: checkOldSecret},
		func(v *values) any { return &v.OldSecret }, (*Node).applySecurity},
	{conf.Text("cluster-secret-file", ""), func(v *values) any { return &v.secretFile }, (*Node).applySecurity},
	{conf.Count("cluster-replica-validity-factor", "10", 0).Also("cluster-slave-validity-factor"),
		func(v *values) any { return conf.Unbounded{Field: &v.Replication.Validity} }, nil},
	{conf.Count("cluster-migration-barrier", "1", 0),
		func(v *values) any { return &v.Replication.MigrationBarrier }, nil},
	{conf.YesNo("cluster-replica-no-failover", "no").Also("cluster-slave-no-failover"),
		func(v *values) any { return &v.Replication.NoFailover }, nil},
	{conf.YesNo("cluster-enabled", "no"), func(v *values) any { return conf.Not{Field: &v.Standalone} }, nil},
	{conf.Text("cluster-config-file", defaultStateFile), func(v *values) any { return &v.StateFile }, nil},
	{conf.Number("cluster-port", "0", 0, 65535), nil, nil},
	{conf.Span("cluster-node-timeout", "15000", time.Millisecond, 100),
		func(v *values) any { return &v.NodeTimeout }, (*Node).applyTuning},
	{conf.YesNo("cluster-require-full-coverage", "yes"),
		func(v *values) any { return conf.Not{Field: &v.PartialCoverage} }, (*Node).applyTuning},
	{conf.YesNo("cluster-allow-reads-when-down", "no"),
		func(v *values) any { return &v.ReadsIfDown }, (*Node).applyTuning},
	{conf.Text("cluster-announce-ip", ""), func(v *values) any { return &v.Announce.Host }, (*Node).applyAnnounce},
	{conf.Text("cluster-announce-hostname", ""), func(v *values) any { return &v.Hostname }, (*Node).applyAnnounce},
	{conf.Directive{Name: "availability-zone", Kind: conf.String, Check: checkZone},
		func(v *values) any { return &v.Zone }, (*Node).applyAnnounce},
	{conf.OneOf("cluster-preferred-endpoint-type", "ip", "ip", "hostname", "unknown-endpoint"),
		func(v *values) any { return endpointType(&v.Clients.Endpoint) }, (*Node).applyLimits},
	{conf.Number("cluster-announce-port", "0", 0, 65535),
		func(v *values) any { return &v.Announce.Port }, (*Node).applyAnnounce},
	{conf.Number("cluster-announce-tls-port", "0", 0, 65535),
		func(v *values) any { return &v.Announce.TLSPort }, (*Node).applyAnnounce},
	{conf.Number("cluster-announce-bus-port", "0", 0, 65535),
		func(v *values) any { return &v.Announce.BusPort }, (*Node).applyAnnounce},
	{conf.YesNo("slotmesh-witness", "no"), func(v *values) any { return &v.Witness }, nil},
	{conf.Directive{Name: "slotmesh-join", Kind: conf.String, Check: checkJoin, Canonical: shownJoin},
		func(v *values) any { return joinList(&v.Join) }, nil},
	{conf.Directive{Name: "slotmesh-cluster-name", Kind: conf.String, Check: checkClusterName},
		func(v *values) any { return &v.Cluster.Name }, nil},
	{conf.Number("slotmesh-expect", "0", 0, maxFounders), func(v *values) any { return &v.Cluster.Expect }, nil},
	{conf.Number("slotmesh-replicas", "0", 0, maxReplicas), func(v *values) any { return &v.Cluster.Replicas }, nil},
	{conf.Span("slotmesh-forget-after", "0", time.Second, 0),
		func(v *values) any { return &v.Cluster.ForgetAfter }, (*Node).applyTuning},
	{conf.Directive{Name: "slotmesh-health", Kind: conf.String, Check: checkHTTP}, nil, nil},
	{conf.Directive{Name: "slotmesh-http", Kind: conf.String, Check: checkHTTP}, nil, nil},
	{conf.OneOf("slotmesh-balance", "auto", "auto", "on", "off"),
		func(v *values) any { return wordOr(&v.Cluster.Balance.Mode, "auto") }, nil},
	{conf.OneOf("slotmesh-balance-by", "slots", "slots", "keys", "bytes"),
		func(v *values) any { return wordOr(&v.Cluster.Balance.By, "slots") }, nil},
}

// directives is the table of the same for package conf.
var directives = func() *conf.Table {
	list := make([]conf.Directive, len(settings))
	for i, s := range settings {
		list[i] = s.Directive
		list[i].Live = s.apply != nil
	}
	return conf.NewTable(list)
}()

// The fields of types that package conf does not know.

func policy(p *keyspace.Policy) conf.Parsed {
	return conf.Parsed{Set: func(text string) { *p, _ = keyspace.ParsePolicy(text) }, Show: p.String}
}

func endpointType(e *slots.EndpointType) conf.Parsed {
	return conf.Parsed{Set: func(text string) { *e, _ = slots.ParseEndpointType(text) }, Show: e.String}
}

// level is only ever set by a directive: the host's own Logger has its own level.
func level(l *hclog.Level) conf.Parsed {
	return conf.Parsed{Set: func(text string) {
		*l = map[string]hclog.Level{"debug": hclog.Trace, "verbose": hclog.Debug, "notice": hclog.Info,
			"warning": hclog.Warn}[text]
	}}
}

// fill sets the fields of v to what a configuration says.
func (v *values) fill(s *conf.Settings) *values {
	for i := range settings {
		if field := settings[i].field; field != nil {
			s.Value(settings[i].Name).Store(field(v))
		}
	}
	return v
}

// shown returns the directives that the fields of v stand for.
func (v *values) shown() (list []conf.Pair) {
	for i := range settings {
		s := &settings[i]
		if s.field == nil {
			continue
		}
		if text, ok := s.Show(s.field(v)); ok {
			list = append(list, conf.Pair{Name: s.Name, Value: text})
		}
	}
	return list
}

// LoadConfig reads a file in the form of redis.conf ("" for none, "-" for standard input)
// and overrides as redis-server takes them: "--port", "7001", "--save", "". Warnings,
// with file and line, are about directives that are not obeyed; the error names every bad
// value and every unknown directive, where it stands and what is accepted. Directives
// whose being ignored would leave the node less protected than the file says are errors
// too, unless args have "--allow-unprotected".
//
// The Config has a Logger as the directives logfile and loglevel say, and answers CONFIG
// GET and CONFIG REWRITE from the file.
func LoadConfig(file string, args ...string) (cfg Config, warnings []string, err error) {
	s, warned, err := directives.Load(file, args)
	for _, w := range warned {
		warnings = append(warnings, w.String())
	}
	if err != nil {
		return Config{}, warnings, err
	}
	v := new(values).fill(s)
	if err := v.finish(s); err != nil {
		return Config{}, warnings, err
	}
	return v.Config, append(warnings, s.Advice()...), nil
}

// checkHTTP checks where "slotmesh serve" answers probes, or serves its page.
func checkHTTP(addr string) error {
	if addr == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("it must be an address host:port, such as 0.0.0.0:8080")
	}
	return nil
}

// HealthAddr returns the directive slotmesh-health: where "slotmesh serve" answers probes, ""
// for nowhere. A program that embeds a node serves package health itself.
func (c *Config) HealthAddr() string {
	if c.settings == nil {
		return ""
	}
	return c.settings.String("slotmesh-health")
}

// HTTPAddr returns the directive slotmesh-http: where "slotmesh serve" serves the status page,
// metrics and probes, "" for nowhere. A program that embeds a node serves package status
// itself.
func (c *Config) HTTPAddr() string {
	if c.settings == nil {
		return ""
	}
	return c.settings.String("slotmesh-http")
}

// finish sets what several directives say together.
func (v *values) finish(s *conf.Settings) (err error) {
	v.settings = s
	if v.Logger, err = openLog(v.Dir, s.String("logfile"), v.logLevel); err != nil {
		return &conf.Error{At: s.Where("logfile"), Name: "logfile", Value: s.String("logfile"), Err: err,
			Accepted: "a file that can be written"}
	}
	if err := s.CheckPort(); err != nil {
		return err
	}
	bind, port := s.Bind(), s.String("port")
	v.Network, v.Addr = bind, net.JoinHostPort(bind.Host(), port)
	if err := v.finishTLS(s, bind.Host()); err != nil {
		return err
	}
	if bus := s.BusPort(); bus <= 65535 { // otherwise New says what is wrong
		v.BusAddr = net.JoinHostPort(bind.Host(), strconv.Itoa(bus))
	}
	if v.Clients.SocketOnly = port == "0" && v.tls.port == 0; v.Clients.Socket != "" && !filepath.IsAbs(v.Clients.Socket) {
		v.Clients.Socket = filepath.Join(v.Dir, v.Clients.Socket)
	}
	if v.Clients.Rename, err = renames(s); err != nil {
		return err
	}
	if err := v.readUsers(s); err != nil {
		return err
	}
	if v.Replication.MaxLag == 0 {
		v.Replication.MinReplicas = 0 // see shard.Acks.SetMinReplicas
	}
	v.Snapshot.AtEnd = s.SavesAtEnd()
	v.OpenBus = !s.Bool("protected-mode")
	if len(v.Join) > 0 && s.Where("cluster-enabled") == "" {
		v.Standalone = false
	}
	return nil
}

func renames(s *conf.Settings) (map[string]string, error) {
	var names server.Renames
	for _, r := range s.Renames() {
		if err := names.Add(r.Name, r.NewName); err != nil {
			return nil, &conf.Error{At: r.At, Name: "rename-command", Value: r.Name + " " + r.NewName, Err: err,
				Accepted: "a command of Redis, and a name that no other command has"}
		}
	}
	return names.Names(), nil
}
