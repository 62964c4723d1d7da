package slotmesh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/logging"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// LoadConfig reads a file in the form of redis.conf ("" for none, "-" for standard input)
// and overrides as redis-server takes them: "--port", "7001", "--save", "". Warnings,
// with file and line, are about directives that are not obeyed; the error names every bad
// value and every unknown directive, where it stands and what is accepted. Directives
// whose being ignored would leave the node less protected, or its data less durable, than
// the file says are errors too, unless args have "--allow-unprotected".
//
// The Config has a Logger as the directives logfile and
// loglevel say, and answers CONFIG GET and CONFIG REWRITE from the file.
func LoadConfig(file string, args ...string) (cfg Config, warnings []string, err error) {
	s, warned, err := conf.Load(file, args)
	for _, w := range warned {
		warnings = append(warnings, w.String())
	}
	if err != nil {
		return Config{}, warnings, err
	}
	policy, err := keyspace.ParsePolicy(s.String("maxmemory-policy"))
	if err != nil {
		return Config{}, warnings, err
	}
	rules, err := replication.ParseSaveRules(s.String("save"))
	if err != nil {
		return Config{}, warnings, err
	}
	if rules == nil {
		rules = []replication.SaveRule{} // none, instead of the default
	}
	logger, err := openLog(s.String("dir"), s.String("logfile"), s.String("loglevel"))
	if err != nil {
		return Config{}, warnings, &conf.Error{At: s.Where("logfile"), Name: "logfile", Value: s.String("logfile"),
			Err: err, Accepted: "a file that can be written"}
	}
	clients, err := clientConfig(s)
	if err != nil {
		return Config{}, warnings, err
	}
	bind := s.Bind()
	warnings = slices.Concat(warnings, exposureWarnings(s, bind), shutdownWarnings(s))
	host := bind.Host()
	cfg = Config{
		Network: bind,
		Addr:    net.JoinHostPort(host, s.String("port")),
		Announce: slots.Addr{
			Host:    s.String("cluster-announce-ip"),
			Port:    uint16(s.Int("cluster-announce-port")),
			BusPort: uint16(s.Int("cluster-announce-bus-port")),
		},
		Hostname:        s.String("cluster-announce-hostname"),
		Dir:             s.String("dir"),
		StateFile:       s.String("cluster-config-file"),
		Standalone:      !s.Bool("cluster-enabled"),
		NodeTimeout:     s.Duration("cluster-node-timeout"),
		PartialCoverage: !s.Bool("cluster-require-full-coverage"),
		ReadsIfDown:     s.Bool("cluster-allow-reads-when-down"),
		MaxMemory:       s.Bytes("maxmemory"),
		Eviction:        policy,
		Clients:         clients,
		Replication:     replicationConfig(s),
		Snapshot: SnapshotConfig{
			File: s.String("dbfilename"), Rules: rules, AtEnd: savesAtEnd(s),
			IgnoreErrors: !s.Bool("stop-writes-on-bgsave-error"),
		},
		Logger:   logger,
		settings: s,
	}
	if port := busPort(s); port <= 65535 { // otherwise New says what is wrong
		cfg.BusAddr = net.JoinHostPort(bind.BusHost(), strconv.Itoa(port))
	}
	return cfg, warnings, nil
}

// endpointType is how clients are told to reach nodes. The table of directives accepts no
// other words.
func endpointType(s *conf.Settings) slots.EndpointType {
	t, _ := slots.ParseEndpointType(s.String("cluster-preferred-endpoint-type"))
	return t
}

func replicationConfig(s *conf.Settings) ReplicationConfig {
	validity := s.Int("cluster-replica-validity-factor")
	if validity == 0 {
		validity = -1 // redis.conf's word for no bound
	}
	least := s.Int("min-replicas-to-write")
	if s.Duration("min-replicas-max-lag") == 0 {
		least = 0 // see shard.Acks.SetMinReplicas
	}
	return ReplicationConfig{
		Sync:             s.Int("slotmesh-sync-replicas"),
		MinReplicas:      least,
		MaxLag:           s.Duration("min-replicas-max-lag"),
		BacklogSize:      int(s.Bytes("repl-backlog-size")),
		Timeout:          s.Duration("repl-timeout"),
		NoFailover:       s.Bool("cluster-replica-no-failover"),
		Validity:         validity,
		MigrationBarrier: s.Int("cluster-migration-barrier"),
	}
}

// levels are the log levels of redis.conf.
var levels = map[string]hclog.Level{"debug": hclog.Trace, "verbose": hclog.Debug, "notice": hclog.Info,
	"warning": hclog.Warn}

// openLog logs to a file, relative to dir, or to the standard output.
func openLog(dir, file, level string) (hclog.Logger, error) {
	opts := hclog.LoggerOptions{Name: "slotmesh", Level: levels[level], Output: os.Stdout}
	if file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		f, err := logging.OpenFile(file)
		if err != nil {
			return nil, err
		}
		opts.Output = f
	}
	return hclog.New(&opts), nil
}

// directives returns the configuration in the form of the command line, so that CONFIG
// knows one of a node that was made without a file.
func (c *Config) directives() []string {
	yesNo := map[bool]string{true: "yes", false: "no"}
	list := []string{
		"--cluster-enabled", yesNo[!c.Standalone],
		"--cluster-config-file", c.StateFile,
		"--cluster-node-timeout", strconv.FormatInt(c.NodeTimeout.Milliseconds(), 10),
		"--cluster-require-full-coverage", yesNo[!c.PartialCoverage],
		"--cluster-allow-reads-when-down", yesNo[c.ReadsIfDown],
		"--maxmemory", strconv.FormatInt(c.MaxMemory, 10),
		"--maxmemory-policy", c.Eviction.String(),
		"--requirepass=" + c.Clients.Password, // in one word: it may begin with "--"
		"--slotmesh-sync-replicas", strconv.Itoa(c.Replication.Sync),
		"--min-replicas-to-write", strconv.Itoa(c.Replication.MinReplicas),
		"--min-replicas-max-lag", wholeSeconds(c.Replication.MaxLag),
		"--save", saveText(c.Snapshot),
		"--stop-writes-on-bgsave-error", yesNo[!c.Snapshot.IgnoreErrors],
		"--dbfilename", c.Snapshot.File,
		"--timeout", wholeSeconds(c.Clients.IdleTimeout),
		"--protected-mode", yesNo[!c.Clients.Open],
		"--unixsocket=" + c.Clients.Socket,
		"--unixsocketperm", strconv.FormatInt(int64(c.Clients.SocketMode), 8),
	}
	if c.Replication.BacklogSize > 0 {
		list = append(list, "--repl-backlog-size", strconv.Itoa(c.Replication.BacklogSize))
	}
	if c.Clients.Max > 0 {
		list = append(list, "--maxclients", strconv.Itoa(c.Clients.Max))
	}
	if c.Dir != "" {
		list = append(list, "--dir", c.Dir)
	}
	return append(list, c.announcements()...)
}

// wholeSeconds rounds up: 0 has a meaning of its own.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// saveText is the rules in the form of redis.conf.
func saveText(c SnapshotConfig) string {
	if c.Off {
		return ""
	}
	var words []string
	for _, r := range c.Rules {
		words = append(words, fmt.Sprint(int(r.Every.Seconds())), fmt.Sprint(r.Changes))
	}
	return strings.Join(words, " ")
}

// loadSettings makes what CONFIG shows. It says what the Config says: that is the host's
// to change after LoadConfig.
func (n *Node) loadSettings() error {
	if n.settings = n.cfg.settings; n.settings != nil {
		return n.settings.Override(n.cfg.directives())
	}
	var err error
	n.settings, _, err = conf.Load("", append(n.cfg.directives(), "--port", strconv.Itoa(int(n.addr.Port))))
	return err
}

// liveSettings is what the CONFIG commands see and change.
type liveSettings struct{ n *Node }

func (l liveSettings) Get(pattern string) [][2]string {
	var list [][2]string
	for _, p := range l.n.settings.Get(pattern) {
		list = append(list, [2]string{p.Name, p.Value})
	}
	return list
}

func (l liveSettings) Set(pairs [][2]string) error {
	if l.n.server.Loading() { // what they apply to does not all exist yet
		return errors.New("CONFIG SET is not possible while the keys are being loaded: try again")
	}
	list := make([]conf.Pair, len(pairs))
	for i, p := range pairs {
		list[i] = conf.Pair{Name: p[0], Value: p[1]}
	}
	return l.n.settings.Set(list, l.n.applySettings)
}

func (l liveSettings) Rewrite() error { return l.n.settings.Rewrite() }

// applySettings puts the directives that can change at run time in force. Doing so again
// with the same values changes nothing.
func (n *Node) applySettings() error {
	s := n.settings
	policy, err := keyspace.ParsePolicy(s.String("maxmemory-policy"))
	if err != nil {
		return err
	}
	if err := n.checkMaxClients(); err != nil {
		return err
	}
	n.store.SetMaxMemory(s.Bytes("maxmemory"))
	n.store.SetPolicy(policy)
	n.store.SetSamples(s.Int("maxmemory-samples"))
	n.server.SetLimits(n.limits())
	n.shard.Backlog.SetSize(int(s.Bytes("repl-backlog-size")))
	n.shard.Acks.SetMinReplicas(s.Int("min-replicas-to-write"), s.Duration("min-replicas-max-lag"))
	if err := n.snapshots.SetRules(s.String("save")); err != nil {
		return err
	}
	n.snapshots.SetIgnoreErrors(!s.Bool("stop-writes-on-bgsave-error"))
	if lvl, ok := levels[s.String("loglevel")]; ok && n.cfg.settings != nil {
		n.log.SetLevel(lvl)
	}
	if n.gossip == nil {
		return nil
	}
	err = n.gossip.Do(n.life.ctx, gossip.Tune{
		NodeTimeout:    s.Duration("cluster-node-timeout"),
		NoFullCoverage: !s.Bool("cluster-require-full-coverage"),
		ReadsIfDown:    s.Bool("cluster-allow-reads-when-down"),
	})
	if err != nil {
		return err
	}
	return n.gossip.Do(n.life.ctx, gossip.Announce{Addr: n.announced(), Hostname: n.hostname()})
}

// limits returns what clients may do.
func (n *Node) limits() server.Limits {
	s := n.settings
	keepAlive := s.Duration("tcp-keepalive")
	if keepAlive == 0 {
		keepAlive = -1 // off
	}
	return server.Limits{
		Query: resp.Limits{
			MaxBulk:  int(s.Bytes("proto-max-bulk-len")),
			MaxQuery: int(s.Bytes("client-query-buffer-limit")),
		},
		Password:    s.String("requirepass"),
		Protected:   s.Bool("protected-mode"),
		MaxClients:  s.Int("maxclients"),
		MaxOutput:   int(s.OutputLimit("normal").Hard),
		IdleTimeout: s.Duration("timeout"),
		KeepAlive:   keepAlive,
		Endpoint:    endpointType(s),
	}
}
