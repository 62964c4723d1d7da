package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/script"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	upHost    = "127.0.0.1"
	upTimeout = 30 * time.Second // until all nodes agree
)

// up holds the flags of the verb.
type up struct {
	nodes, port int // nodes are masters
	replicas    int // of each
	dir         string
	memoryOnly  bool
	noFailover  bool // replicas of so few masters that none can take over
	logLevel    string
	secret      string
	http        string // where the status page is
}

func upVerb() *verb {
	u := &up{}
	return &verb{
		name:    "up",
		args:    "[--nodes N] [--replicas R] [--port P] [--dir FOLDER]",
		summary: "Start a cluster in this process and stay until Ctrl-C.",
		help: "The nodes listen on 127.0.0.1, each on a port of its own and on the one 10000 above. They keep nothing\n" +
			"unless --dir names a folder; what is in there is found again by the next start with as many nodes.",
		examples: []string{
			"slotmesh up",
			"slotmesh up --nodes 5 --replicas 2 --port 8001 --dir ./cluster",
			"redis-cli -c -p 7001 set hello world    # in another terminal",
		},
		flags: func(f *flag.FlagSet) {
			f.IntVar(&u.nodes, "nodes", 3, "`number` of masters")
			f.IntVar(&u.replicas, "replicas", 1, "`number` of replicas of each master")
			f.IntVar(&u.port, "port", 7001, "`port` of the first node, the others follow; 0 takes free ones")
			f.BoolVar(&u.noFailover, "without-failover", false,
				"allow replicas of fewer than 3 masters, none of which can take over")
			f.StringVar(&u.dir, "dir", "", "`folder` for what must survive a restart")
			f.BoolVar(&u.memoryOnly, "memory-only", false, "keep nothing on disk: the default without --dir")
			f.StringVar(&u.secret, "secret", "", "`secret` that nodes prove to each other; default: "+secretVar)
			f.StringVar(&u.http, "http", upHost+":0",
				"`address` of the page that shows the cluster, host:port; \"\" for none, port 0 for a free one")
			f.StringVar(&u.logLevel, "loglevel", "warning",
				"`level` of the log on the standard error: debug, verbose, notice or warning")
		},
		run: u.run,
	}
}

// all is the number of masters and replicas.
func (u *up) all() int { return u.nodes * (1 + u.replicas) }

func (u *up) check(args []string) error {
	switch {
	case len(args) > 0:
		return usagef("%q is not a flag", args[0])
	case u.nodes < 1 || u.nodes > 1000:
		return usagef("--nodes %d: use 1 to 1000", u.nodes)
	case u.replicas < 0 || u.replicas > 100:
		return usagef("--replicas %d: use 0 to 100", u.replicas)
	case u.replicas > 0 && u.nodes < 3 && !u.noFailover:
		return usagef("--nodes %d: it takes 3 masters for a replica to be elected when one fails; use --nodes 3, "+
			"--replicas 0 or --without-failover", u.nodes)
	case u.port < 0 || u.port+u.all()-1+busOffset > 65535:
		return usagef("--port %d: use 0 to %d, so that %d nodes have room for the second port of each, %d above",
			u.port, 65535-busOffset-u.all()+1, u.all(), busOffset)
	case u.memoryOnly && u.dir != "":
		return usagef("--memory-only and --dir exclude each other")
	case !slices.Contains(logLevels, u.logLevel):
		return usagef("--loglevel %s: use debug, verbose, notice or warning", u.logLevel)
	}
	return nil
}

func (u *up) run(ctx context.Context, out output, args []string) (err error) {
	if err := u.check(args); err != nil {
		return err
	}
	outliveReader()
	start := time.Now()
	var before earlier
	if u.dir != "" {
		if before, err = u.begin(); err != nil {
			return err
		}
	}
	nodes, err := u.start(ctx, newLogger(out.stderr, u.logLevel))
	defer func() {
		e := closeAll(nodes)
		if e == nil && u.dir != "" && len(nodes) == u.all() { // else another one may run in the folder
			e = u.end()
		}
		if err == nil {
			err = e
		}
	}()
	if err != nil {
		return err
	}
	if err := u.form(ctx, nodes); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C before the cluster was ready
		}
		return err
	}
	for _, n := range nodes {
		if st := n.Stats(); st.Role == slotmesh.RoleMaster {
			before.keys += st.Store.Keys
		}
	}
	page, endHTTP, err := serveHTTP(u.http, nodes[0], newLogger(out.stderr, u.logLevel))
	if err != nil {
		return err
	}
	defer endHTTP()
	u.report(out.stdout, nodes, time.Since(start), &before)
	if page != "" {
		fmt.Fprintf(out.stdout, "\nThe cluster to look at: %s\n", page)
	}
	fmt.Fprint(out.stdout, "\nCtrl-C ends it.\n")
	waitForEnd(ctx, nodes)
	return nil
}

// nodeDir is the folder of a node.
func (u *up) nodeDir(i int) string { return filepath.Join(u.dir, fmt.Sprintf("node-%d", i+1)) }

// start starts all nodes; after an error it returns those that run.
func (u *up) start(ctx context.Context, log hclog.Logger) (nodes []*slotmesh.Node, err error) {
	engine := script.New(script.Config{})
	for i := range u.all() {
		port := 0
		if u.port > 0 {
			port = u.port + i
		}
		cfg := slotmesh.Config{Addr: net.JoinHostPort(upHost, strconv.Itoa(port)), Logger: log.With("node", i+1),
			Secret: environmentSecret(u.secret), Scripts: engine}
		if u.dir != "" {
			cfg.Dir, cfg.Snapshot.File = u.nodeDir(i), upSnapshot
			if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
				return nodes, err
			}
		}
		n, err := slotmesh.New(cfg)
		if err != nil {
			return nodes, err
		}
		if err := n.Start(ctx); err != nil {
			return nodes, explainStart(err)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// form makes a cluster of new nodes, or waits until those that were one before
// have found each other again.
func (u *up) form(ctx context.Context, nodes []*slotmesh.Node) error {
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	old := 0
	for _, n := range nodes {
		if m := n.Map(); len(m.Nodes()) > 1 || m.Assigned() > 0 {
			old++
		}
	}
	switch old {
	case 0:
		return slotmesh.CreateWithoutFailover(ctx, u.replicas, nodes...)
	case len(nodes):
		// They may listen elsewhere than before: tell the first one where.
		for _, n := range nodes[1:] {
			if err := nodes[0].MeetAndWait(ctx, n.Addr()); err != nil {
				return err
			}
		}
		return slotmesh.WaitAgreed(ctx, nodes...)
	default:
		return fmt.Errorf("%d of the %d nodes belong to a cluster already: give the same --nodes and --replicas as "+
			"before, or another --dir", old, len(nodes))
	}
}

func (u *up) report(w io.Writer, nodes []*slotmesh.Node, took time.Duration, before *earlier) {
	keeps := "in memory only"
	if u.dir != "" {
		keeps = "on disk in " + u.dir
	}
	fmt.Fprintf(w, "A cluster of %s with %s each is ready after %v, %s.\n",
		plural(u.nodes, "master"), plural(u.replicas, "replica"), took.Round(time.Millisecond), keeps)
	before.report(w)
	fmt.Fprintln(w)
	printNodes(w, nodes[0].Map(), nodes)

	first, last := nodes[0].Addr(), nodes[len(nodes)-1].Addr()
	fmt.Fprintf(w, `
With redis-cli:
  redis-cli -c -p %d set hello world
  redis-cli -c -p %d get hello
  redis-cli -p %d cluster nodes

From Go, with github.com/redis/go-redis/v9:
  client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{%s}})
`, first.Port, last.Port, first.Port, addrList(nodes))
}

// plural counts things: "1 replica", "3 masters".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// printNodes prints a line for each node, in the order of nodes.
func printNodes(w io.Writer, m *slots.Map, nodes []*slotmesh.Node) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ADDRESS\tBUS\tID\tSLOTS")
	for _, n := range nodes {
		owned := "none"
		switch info := m.Node(n.ID()); {
		case info == nil:
		case info.HasSlots():
			owned = fmt.Sprintf("%s (%d)", info.Slots, info.Slots.Len())
		case !info.IsMaster():
			owned = "replica of " + m.Node(info.Master).Addr.Client()
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\n", n.Addr().Client(), n.Addr().BusPort, n.ID(), owned)
	}
	tw.Flush()
}

// addrList is at most three addresses as Go strings: a client needs only one that works.
func addrList(nodes []*slotmesh.Node) string {
	var list []string
	for _, n := range nodes[:min(3, len(nodes))] {
		list = append(list, strconv.Quote(n.Addr().Client()))
	}
	return strings.Join(list, ", ")
}

// waitForEnd returns when ctx ends or every node was shut down by its clients.
func waitForEnd(ctx context.Context, nodes []*slotmesh.Node) {
	for _, n := range nodes {
		select {
		case <-n.Done():
		case <-ctx.Done():
			return
		}
	}
}
