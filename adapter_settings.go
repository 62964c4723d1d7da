package slotmesh

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/listen"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// liveSettings is the configuration of a node that runs: what the CONFIG commands see and
// change, and the values that follow from it.
type liveSettings struct {
	n    *Node
	text *conf.Settings
	now  atomic.Pointer[values]
	tls  listen.Door // of clients with TLS
}

// loadSettings makes what CONFIG shows. It says what the Config says: that is the host's
// to change after LoadConfig.
func (n *Node) loadSettings() error {
	text, pairs := n.cfg.settings, (&values{Config: n.cfg}).shown()
	if text == nil {
		text = directives.Defaults()
		pairs = append(pairs, conf.Pair{Name: "port", Value: strconv.Itoa(int(n.addr.Port))},
			conf.Pair{Name: "tls-port", Value: strconv.Itoa(int(n.addr.TLSPort))})
	}
	if err := text.Override(pairs); err != nil {
		return err
	}
	n.settings = &liveSettings{n: n, text: text}
	now := n.settings.read()
	n.applyReplicaLimit(now)
	return cmp.Or(n.applyMemory(now), n.applyEncodings(now), n.applyBusy(now), n.applyEvents(now))
}

// read takes over the values that the text has now.
func (l *liveSettings) read() *values {
	v := (&values{Config: l.n.cfg}).fill(l.text)
	l.now.Store(v)
	return v
}

// replicaOf notes which server the node follows, as the directive replicaof has it.
func (l *liveSettings) replicaOf(text string) {
	if err := l.text.Override([]conf.Pair{{Name: "replicaof", Value: text}}); err != nil {
		l.n.log.Error("the configuration does not take the server that the node follows", "replicaof", text, "error", err)
	}
}

// values returns the configuration in force; its fields are not to be changed.
func (n *Node) values() *values {
	if n.settings == nil { // before Start
		return &values{Config: n.cfg}
	}
	return n.settings.now.Load()
}

func (l *liveSettings) Get(pattern string) [][2]string {
	var list [][2]string
	for _, p := range l.text.Get(pattern) {
		list = append(list, [2]string{p.Name, p.Value})
	}
	return list
}

func (l *liveSettings) Set(pairs [][2]string, local bool) error {
	if l.n.server.Loading() { // what they apply to does not all exist yet
		return errors.New("CONFIG SET is not possible while the keys are being loaded: try again")
	}
	list := make([]conf.Pair, len(pairs))
	for i, p := range pairs {
		list[i] = conf.Pair{Name: p[0], Value: p[1]}
	}
	return l.text.Set(list, l.maySetGuarded(local), func(name string) error {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.Name == name })
		return settings[i].apply(l.n, l.read())
	})
}

// Rewrite writes the users too, unless they have a file of their own: then, as in Redis,
// lines about them go.
func (l *liveSettings) Rewrite() error {
	var users [][]string
	if l.n.cfg.Clients.UserFile == "" {
		users = l.n.server.Users()
	}
	return l.text.Rewrite(conf.NewLines{Name: "user", List: users})
}

// maySetGuarded reports whether a client may change what enable-protected-configs guards.
func (l *liveSettings) maySetGuarded(local bool) bool {
	allowed := l.text.String("enable-protected-configs")
	return allowed == server.ForEveryone || allowed == server.ForLocal && local
}

// What follows puts settings in force. Doing so again with the same values changes nothing.

func (n *Node) applyMemory(v *values) error {
	n.store.SetMaxMemory(v.MaxMemory)
	n.store.SetPolicy(v.Eviction)
	n.store.SetSamples(v.samples)
	return nil
}

func (n *Node) applyEncodings(v *values) error {
	n.store.SetEncodings(v.encodings)
	return nil
}

// clientsOf is a directive that says which clients may do something.
func clientsOf(name string) conf.Directive {
	return conf.OneOf(name, server.ForNobody, server.ForNobody, server.ForEveryone, server.ForLocal)
}

// notifyEvents has the letters of classes of events.
var notifyEvents = conf.Directive{Name: "notify-keyspace-events", Kind: conf.String, Check: checkEvents,
	Canonical: shownEvents}

func (n *Node) applyEvents(v *values) error {
	classes, err := keyspace.ParseEventClass(v.Clients.Events)
	if err == nil {
		n.store.SetEvents(classes)
	}
	return err
}

// checkEvents says of a value of notify-keyspace-events what Redis says.
func checkEvents(letters string) error {
	if _, err := keyspace.ParseEventClass(letters); err != nil {
		return errors.New("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
	}
	return nil
}

func shownEvents(letters string) string {
	classes, _ := keyspace.ParseEventClass(letters) // checkEvents has seen them
	return classes.String()
}

// applyBusy sets how long a script runs before clients that want its slot are refused.
func (n *Node) applyBusy(v *values) error {
	n.store.SetBusyAfter(v.busyAfter)
	return nil
}

func (n *Node) applyLimits(v *values) error {
	if room := listen.MaxClients(n.maxDescriptors(), v.Clients.Max); room < v.Clients.Max {
		//nolint:staticcheck // Redis' text
		return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", room)
	}
	n.server.SetLimits(v.limits())
	return nil
}

// limits returns what clients may do.
func (v *values) limits() server.Limits {
	keepAlive := v.keepAlive
	if keepAlive == 0 {
		keepAlive = -1 // off
	}
	aclLog := v.aclLog
	if aclLog == 0 {
		aclLog = -1 // none
	}
	trackedKeys := v.trackedKeys
	if trackedKeys == 0 {
		trackedKeys = -1 // any number
	}
	sparseSketch := v.sparseSketch
	if sparseSketch == 0 {
		sparseSketch = -1 // none is
	}
	return server.Limits{
		Query:       resp.Limits{MaxBulk: v.maxArgument, MaxQuery: v.maxQuery},
		Password:    v.Clients.Password,
		Protected:   !v.Clients.Open,
		MaxClients:  v.Clients.Max,
		MaxOutput:   int(v.output.Normal.Hard),
		Normal:      outputLimit(v.output.Normal),
		Pubsub:      outputLimit(v.output.Pubsub),
		IdleTimeout: v.Clients.IdleTimeout,
		AuthTimeout: v.Clients.AuthTimeout,
		KeepAlive:   keepAlive,
		Endpoint:    v.Clients.Endpoint,

		ScriptMemory: v.scriptMemory,
		TrackedKeys:  trackedKeys,
		SparseSketch: sparseSketch,
		ACLLog:       aclLog,
		OpenChannels: v.channels == "allchannels",
		MeasureSlots: v.Clients.MeasureSlots,

		SlowAfter: v.Timing.SlowAfter, SlowLen: v.Timing.SlowLen, MonitorFrom: v.Timing.MonitorFrom,
		NoTracking: v.Timing.NoTracking, Percentiles: v.Timing.Percentiles,
	}
}

// outputLimit is a limit in the form of package server, where 0 means the default.
func outputLimit(l conf.OutputLimit) server.OutputLimit {
	if l.Hard == 0 && l.Soft == 0 {
		return server.OutputLimit{Hard: -1}
	}
	return server.OutputLimit{Hard: l.Hard, Soft: l.Soft, For: l.For}
}

// applyOutputLimits bounds what waits for clients, and by how much replicas lag.
func (n *Node) applyOutputLimits(v *values) error {
	n.applyReplicaLimit(v)
	return n.applyLimits(v)
}

// applyReplicaLimit obeys the hard limit of replicas. There is no soft one: all that waits
// for replicas is in the backlog, once for all of them.
func (n *Node) applyReplicaLimit(v *values) {
	limit := int(v.output.Replica.Hard)
	if limit == 0 {
		limit = math.MaxInt // none
	}
	n.shard.Backlog.SetOutputBuffer(limit)
}

// errTLSConfig and errListen are Redis' texts: what is wrong with which file is for the
// log, not for clients.
//
//nolint:staticcheck // they begin and end as those of Redis do
var (
	errTLSConfig = errors.New("Unable to update TLS configuration. Check server logs.")
	errListen    = errors.New("Unable to listen on this port. Check server logs.")
)

// applyTLS reads the files of TLS, and puts in force what nodes show each other. As in
// Redis the files are not looked at while nothing uses them.
func (n *Node) applyTLS(v *values) error {
	if !v.tls.enabled() {
		return n.applySecurity(v)
	}
	if n.cfg.TLS != nil && n.cfg.TLS != n.cfg.tls.files.Server() {
		return errors.New("the program that runs this node gives it its certificates")
	}
	if err := n.cfg.tls.files.Set(v.tls.options()); err != nil {
		n.log.Warn("TLS cannot be configured so", "error", err)
		return errTLSConfig
	}
	return n.applySecurity(v)
}

// applyTLSPort moves the port of clients with TLS, and tells the other nodes.
func (n *Node) applyTLSPort(v *values) error {
	door := &n.settings.tls
	if v.tls.port == int(door.Port()) {
		return nil
	}
	if v.tls.port == 0 {
		door.Shut()
		return n.applyAnnounce(v)
	}
	if n.cfg.TLS == nil {
		if err := n.applyTLS(v); err != nil {
			return err
		}
	}
	host, _, _ := net.SplitHostPort(cmp.Or(n.cfg.Clients.TLSAddr, n.cfg.Addr))
	if err := door.Move(net.JoinHostPort(host, strconv.Itoa(v.tls.port))); err != nil {
		n.log.Warn("cannot listen for clients with TLS", "error", err)
		return errListen
	}
	return n.applyAnnounce(v)
}

// applyNothing is for directives that are read when they are needed.
func (n *Node) applyNothing(*values) error { return nil }

func (n *Node) applyBacklog(v *values) error {
	n.shard.Backlog.SetSize(v.Replication.BacklogSize)
	return nil
}

func (n *Node) applyMinReplicas(v *values) error {
	n.shard.Acks.SetMinReplicas(v.Replication.MinReplicas, v.Replication.MaxLag)
	return nil
}

func (n *Node) applySave(v *values) error {
	n.snapshots.SetIgnoreErrors(v.Snapshot.IgnoreErrors)
	return n.snapshots.SetRules(saveText(&v.Snapshot))
}

// errLogOn is Redis' text.
var errLogOn = errors.New("Unable to turn on AOF. Check server logs.") //nolint:staticcheck // see there

// applyLog changes how the log is written. Turning it on returns when it has a base.
func (n *Node) applyLog(v *values) error {
	on := n.shard.Log.Enabled()
	if err := n.shard.Log.Set(n.life.ctx, logSettings(&v.Log)); err != nil {
		n.log.Warn("the log on disk cannot be changed so", "error", err)
		if !on {
			return errLogOn
		}
		return err
	}
	return nil
}

// applyLogLevel changes the level of the logger that LoadConfig made; the host's own is
// its own business.
func (n *Node) applyLogLevel(v *values) error {
	if n.cfg.settings != nil {
		n.log.SetLevel(v.logLevel)
	}
	return nil
}

func (n *Node) applyTuning(v *values) error {
	if n.gossip == nil {
		return nil
	}
	return n.gossip.Do(n.life.ctx, gossip.Tune{
		NodeTimeout: v.NodeTimeout, NoFullCoverage: v.PartialCoverage, ReadsIfDown: v.ReadsIfDown,
		ForgetAfter: v.Cluster.ForgetAfter,
	})
}

func (n *Node) applyAnnounce(*values) error {
	if n.gossip == nil {
		return nil
	}
	return n.gossip.Do(n.life.ctx, gossip.Announce{Addr: n.announced(), Hostname: n.hostname(), Zone: n.zone()})
}

// announced is the address that the node tells others: what it listens on unless
// Config.Announce, or CONFIG SET, says otherwise. A host that accepts from everywhere is
// no address; then the peers say which one they see.
func (n *Node) announced() slots.Addr {
	a := n.values().Announce
	if a.Port == 0 {
		a.Port = n.addr.Port
	}
	if a.TLSPort == 0 {
		a.TLSPort = n.Addr().TLSPort
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
func (n *Node) hostname() string { return n.values().Hostname }

// zone is the availability zone that it tells them.
func (n *Node) zone() string { return n.values().Zone }

// checkZone is what conf asks about a value of availability-zone.
func checkZone(text string) error {
	if text != "" && !slots.ValidZone(text) {
		return errors.New(zoneForm)
	}
	return nil
}
